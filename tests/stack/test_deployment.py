"""The deployed template in the sandbox: the demo, what a client sees, what a stranger does not."""

import re
import subprocess
import sys

import httpx
import pytest

from sandbox import demo
from sandbox.processes import environment
from sandbox.stack import Stack
from tests.stack.client import eventually, life

NUMBER, TEXT, REFERENCE = "+59898344484", "A text that nobody else reads", "order-1042"


def test_the_demo_passes_its_audit(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([]) == 0
    assert re.search(r"^audit: (\d+) accepted, \1 settled, 0 lost, 0 doubled$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("provider", "status", "receipts"),
    [("hubb", "delivered", 1), ("ucontact", "submitted", 0), ("bulksms", "delivered", 1)],
)
def test_a_message_by_each_vendor(api: httpx.Client, provider: str, status: str, receipts: int) -> None:
    body = {"to": [{"to": NUMBER, "reference": REFERENCE}], "text": TEXT, "from": "+13056490655", "provider": provider}
    sent = api.post("/v1/messages", json=body)
    assert (sent.status_code, sent.json()["messages"][0]["provider"]) == (202, provider)
    found = life(api, sent.json()["messages"][0]["id"], status)
    assert (found["text"], found["reference"], found["settled"]) == (TEXT, REFERENCE, True)
    assert [attempt["verdict"] for attempt in found["attempts"]] == ["accepted"]
    assert len(found["receipts"]) == receipts


@pytest.mark.parametrize("provider", ["hubb", "ucontact", "bulksms"])
def test_an_inbound_message_of_each_vendor_is_in_the_conversation(
    stack: Stack, api: httpx.Client, provider: str
) -> None:
    said = {"from": NUMBER, "to": "+13056490655", "text": f"Hello by {provider}"}
    httpx.post(f"{stack.simulators[provider]}/_inbound", json=said).raise_for_status()

    def look() -> list[str]:
        items = api.get("/v1/messages", params={"with": NUMBER}).raise_for_status().json()["items"]
        return [item["text"] for item in items if item["direction"] == "inbound" and item["text"] == said["text"]]

    assert eventually(look) == [said["text"]]


def test_a_callback_needs_its_own_providers_token(stack: Stack) -> None:
    hubb = stack.accounts["hubb"]["callback_token"]
    for path in (f"/callbacks/bulksms/{hubb}/receipts", "/callbacks/hubb/wrong", f"/callbacks/nobody/{hubb}/receipts"):
        assert httpx.post(stack.url + path, data={"message_id": "1", "status": "sent"}).status_code == 404
    assert httpx.post(stack.callbacks["hubb"], content=b"\xff\x00 not a form").status_code == 200


def test_another_client_sees_nothing(stack: Stack, api: httpx.Client) -> None:
    sent = api.post("/v1/messages", json={"to": NUMBER, "text": TEXT}).json()
    command = [sys.executable, "-m", "sandbox", "key", "--client", "other"]
    made = subprocess.run(command, env=environment(stack.environment), capture_output=True, text=True, check=True)
    other = {"X-Api-Key": made.stdout.strip()}
    paths = (
        f"/v1/messages/{sent['messages'][0]['id']}",
        f"/v1/batches/{sent['batch']}",
        f"/v1/messages?batch={sent['batch']}",
    )
    assert [httpx.get(stack.url + path, headers=other).status_code for path in paths] == [404, 404, 404]
    assert httpx.post(f"{stack.url}{paths[0]}/cancel", headers=other).status_code == 404
    for query in ({"to": NUMBER}, {"with": NUMBER}, {}):
        assert httpx.get(f"{stack.url}/v1/messages", params=query, headers=other).json()["items"] == []
    assert httpx.get(stack.url + paths[0]).status_code == 401


def test_an_operator_needs_the_tables_name_alone(stack: Stack) -> None:
    """As beside a deployment on AWS, whose functions' other variables nobody types in."""
    variables = {name: value for name, value in stack.environment.items() if name.startswith("AWS_")}
    variables |= {"AWS_ENDPOINT_URL": stack.engine_url, "TABLE_NAME": stack.table_name}

    def operate(*arguments: str) -> str:
        command = [sys.executable, "-m", "sandbox", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment(variables)).stdout

    key = operate("key", "--client", "operated", "--region", "UY", "--scopes", "read").strip()
    answer = httpx.get(f"{stack.url}/v1/messages", headers={"X-Api-Key": key})
    assert (answer.status_code, answer.json()["items"]) == (200, [])
    told = operate("reports", "--client", "operated", "--door", "bulksms", "--url", "https://reports.example.com/dlr")
    assert "https://reports.example.com/dlr" in told
