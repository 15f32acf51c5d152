"""What stands at the other end of a simulator's callbacks in its own tests."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.simulators.script import Fault
from sandbox.simulators.server import Answer, Simulator, Vendor
from switchboard.dialects.wire import Request, Response

CALLBACK = "/callbacks/x/token"


class Listener(Vendor):
    """A callback URL: keeps what came, in order; answers with `statuses` first, then 200."""

    name = "listener"

    def __init__(self) -> None:
        super().__init__()
        self.came: list[Request] = []
        self.statuses: list[int] = []

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        self.came.append(request)
        return Answer(response=Response(status=self.statuses.pop(0) if self.statuses else 200))


@contextmanager
def simulated(vendor: Vendor) -> Iterator[tuple[Simulator, Listener]]:
    """A vendor that serves, and what its callbacks go to."""
    listener = Listener()
    with Simulator(listener) as door, Simulator(vendor, callback=door.url + CALLBACK) as simulator:
        yield simulator, listener


def wait_for(true: Callable[[], object]) -> None:
    """Until something holds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)
