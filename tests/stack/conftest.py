"""One deployment for all tests of what an outsider sees: made once, its functions logging all that they can."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import sandbox
from sandbox.stack import Stack
from tests.clients.browser import Origin, origin

DEBUG = {"AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_FORMAT": "JSON"}  # what Lambda makes of LoggingConfig
LAST = Path(__file__).with_name("test_logs.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at the logs comes last: it has everything to look at that the other tests did."""
    items.sort(key=lambda item: item.path == LAST)


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """The web origin whose pages may call the deployment."""
    with origin(tmp_path_factory.mktemp("allowed")) as serving:
        yield serving


@pytest.fixture(scope="session")
def stack(page: Origin) -> Iterator[Stack]:
    """The deployment; its doors wait for the provider on a slow machine too."""
    parameters = {"LogLevel": "DEBUG", "DoorWaitSeconds": 25, "CorsOrigin": page.url}
    with sandbox.running(parameters=parameters, env=DEBUG) as running:
        yield running


@pytest.fixture(scope="session")
def api(stack: Stack) -> Iterator[httpx.Client]:
    """Our own API, as the client `demo`."""
    headers = {"X-Api-Key": stack.key}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def door(stack: Stack) -> Iterator[httpx.Client]:
    """An old client: it knows the base URL and shows what the vendor asks for."""
    with httpx.Client(base_url=stack.url, timeout=60, trust_env=False) as client:
        yield client
