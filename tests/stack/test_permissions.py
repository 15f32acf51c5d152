"""No function makes a call to AWS that its role in the template does not allow: the local engine would let it pass."""

import json
import subprocess
import sys
import time
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

import sandbox
from sandbox import campaigns
from sandbox.processes import environment
from sandbox.stack import Stack
from sandbox.template import Template

ROOT = Path(__file__).resolve().parents[2]
NAMED_OTHERWISE = {
    "SendMessageBatch": "SendMessage",
    "HeadObject": "GetObject",
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), "PutObject"),
    "CopyObject": "PutObject",  # and GetObject, of what is copied
}  # an operation that another one's permission covers
QUICK = {
    **{"WatchDelaySeconds": 1, "RecheckSeconds": 1, "CrmSettleSeconds": 1},
    **{"ScheduleThresholdSeconds": 2, "ScheduleLeadSeconds": 1},
}
INBOUND = {"from": "+59898344484", "to": "+13056490655", "text": "hola"}
RECIPIENTS = {"hubb": "+13055550111", "ucontact": "+59898344484", "bulksms": "+919876543210"}


def allowed() -> dict[str, set[str]]:
    """The actions of every function's role, by the function's logical id."""
    template = Template.load(ROOT / "template.yaml")
    roles = template.of_type("AWS::IAM::Role")
    found: dict[str, set[str]] = {}
    for function, body in template.of_type("AWS::Lambda::Function").items():
        policies = roles[body["Role"]["Fn::GetAtt"][0]]["Policies"]
        entries = [entry for policy in policies for entry in policy["PolicyDocument"]["Statement"]]
        lists = [entry["Action"] if isinstance(entry["Action"], list) else [entry["Action"]] for entry in entries]
        found[function] = {action for actions in lists for action in actions}
    return found


def action(service: str, operation: str) -> str:
    return f"{service.replace('-', '')}:{NAMED_OTHERWISE.get(operation, operation)}"


def live(api: httpx.Client, simulators: dict[str, str]) -> None:
    """Everything a client, a provider or a timer can set off, once."""
    httpx.post(f"{simulators['bulksms']}/_script", json={"fault": "early"}).raise_for_status()
    accepted = [
        api.post("/v1/messages", json={"provider": provider, "to": to, "from": "13055550100", "text": "hello"})
        for provider, to in RECIPIENTS.items()
    ]
    made = [answer.raise_for_status().json() for answer in accepted]
    httpx.post(f"{simulators['ucontact']}/_inbound", json=INBOUND).raise_for_status()
    message = made[0]["messages"][0]["id"]
    for path in (f"messages/{message}/cancel", f"messages/{message}/resend", f"batches/{made[1]['batch']}/cancel"):
        assert api.post(f"/v1/{path}").status_code < 500
    for path in ("messages", "messages?with=%2B59898344484", f"messages/{message}", f"batches/{made[2]['batch']}"):
        api.get(f"/v1/{path}").raise_for_status()


def live_with_keys(api: httpx.Client) -> None:
    """A key's whole life, by one that is used for the first time today."""
    key = api.post("/v1/keys", json={"name": "a", "scopes": ["admin"]}).raise_for_status().json()
    path, own = f"/v1/keys/{key['id']}", {"Authorization": f"Bearer {key['key']}"}
    api.get("/v1/keys", headers=own).raise_for_status()
    api.get(path).raise_for_status()
    api.post(f"{path}/rotate", json={"overlap": 60}).raise_for_status()
    api.delete(path).raise_for_status()
    for _ in range(12):  # a lease of requests
        api.get("/v1/keys").raise_for_status()


def live_with_the_crm(stack: Stack, api: httpx.Client) -> None:
    """Deals and accounts: with a file, whose answer is lost once, found again, and the same at the vendor's door."""
    about = {"name": "a.txt", "content_type": "text/plain", "size": 5}
    upload = api.post("/v1/uploads", json=about).raise_for_status().json()
    httpx.post(upload["url"], data=upload["fields"], files={"file": ("a.txt", b"hello")}).raise_for_status()
    httpx.post(
        f"{stack.simulators['hubb']}/_script", json={"fault": "reset_after", "match": {"path": "crm_add_deal"}}
    ).raise_for_status()
    deal = {"name": "A", "contact": {"email": "a@example.com"}, "attachments": [upload["id"]]}
    api.put("/v1/deals/a", json=deal, headers={"Idempotency-Key": "a"}).raise_for_status()
    api.post("/v1/deals", json={"id": "5452", "name": "B"}).raise_for_status()
    for path in ("deals/a", "deals?contact_email=a@example.com"):
        api.get(f"/v1/{path}").raise_for_status()
    account = {"email": "a@new.example", "account_name": "A"}
    made = api.post("/v1/accounts", json=account, headers={"Idempotency-Key": "b"}).raise_for_status().json()
    api.get(made["url"]).raise_for_status()
    said, files = {"key": stack.key, "name": "C"}, {"attachments[]": ("b.txt", b"hello", "text/plain")}
    answer = httpx.post(f"{stack.url}/site/api/crm_add_deal", data=said, files=files, timeout=30)
    assert answer.json()["message"] == "success"


def live_later(api: httpx.Client) -> None:
    """Batches of one and of two that an alarm announces."""
    for to in (["+13055550120"], ["+13055550121", "+13055550122"]):
        at = datetime.fromtimestamp(time.time() + 5, UTC).isoformat()
        body = {"provider": "hubb", "to": to, "from": "13055550100", "text": "hello", "send_at": at}
        url = api.post("/v1/messages", json=body).raise_for_status().json()["url"]
        end = time.monotonic() + 30
        while api.get(url).raise_for_status().json()["statuses"].keys() & {"scheduled", "queued"}:
            assert time.monotonic() < end, "it was not fired"
            time.sleep(0.1)


def live_by_the_calendar(api: httpx.Client) -> None:
    """A schedule that is due at once and goes on, one that is far off, and all that can be done to them."""
    message = {"to": RECIPIENTS["hubb"], "from": "13055550100", "text": "hello", "provider": "hubb"}
    near = {"rate": "1 minute", "start": datetime.fromtimestamp(time.time() + 2, UTC).isoformat(), "message": message}
    for body in (near, {"cron": "0 0 29 2 *", "message": message}):
        path = api.post("/v1/schedules", json=body).raise_for_status().headers["location"]
        end = time.monotonic() + 30
        while body is near and not api.get(path).json()["occurrences"]:
            assert time.monotonic() < end, "it was not fired"
            time.sleep(0.1)
        for verb in ("pause", "resume"):
            api.post(f"{path}/{verb}").raise_for_status()
        api.get("/v1/schedules").raise_for_status()
        api.delete(path).raise_for_status()


def live_by_the_file(api: httpx.Client) -> None:
    """A campaign whose rows go at once, one whose rows have a time of their own, and all that can be done to them."""
    day = datetime.fromtimestamp(time.time() + 86400, UTC).isoformat()
    for more in ({"send_at": day, "class": "marketing"}, {}):
        url = campaigns.begin(api, b"phone\n+919876543211\n+919876543212\n12\n", more)
        end = time.monotonic() + 30
        while not (told := api.get(url).raise_for_status().json())["fed_at"]:
            assert time.monotonic() < end, told
            time.sleep(0.1)
        for path in (url, f"{url}/rows", "/v1/campaigns"):
            api.get(path).raise_for_status()
        while api.get(f"{url}/report.csv").status_code != 303:
            assert time.monotonic() < end, "it was not made"
            time.sleep(0.1)
        for verb in ("pause", "resume", "cancel"):
            allowed = {200} if more else {200, 409}  # it may have finished by then
            assert api.post(f"{url}/{verb}").status_code in allowed


def live_at_doors(stack: Stack) -> None:
    """What an old client sets off: a session, an upload, a message whose receipts it is told of where it takes them."""
    shown = {"user": stack.client, "password": stack.key}
    token = httpx.post(f"{stack.url}/Integra/resources/auth/getUserToken", data=shown, timeout=30).text
    ended = {"user": stack.client, "token": token}
    httpx.post(f"{stack.url}/Integra/resources/auth/EndSession", data=ended, timeout=30).raise_for_status()
    base = {"filename": "a.csv", "campaign": "c", "fileb64": b64encode(b"c;098344484;Hi;1").decode()}
    shown_so = {"Authorization": f"Bearer {stack.key}"}
    assert httpx.post(f"{stack.url}/Integra/resources/SMS/uploadbase", data=base, headers=shown_so).text == "1"
    url = f"{stack.simulators['bulksms']}/bulksms/bulksms"
    command = [sys.executable, "-m", "sandbox", "reports", "--client", stack.client, "--door", "bulksms", "--url", url]
    port = str(urlsplit(stack.url).port)
    subprocess.run([*command, "--port", port], env=environment(), check=True)
    call = {"username": stack.client, "password": stack.key, "type": "0", "dlr": "1", "source": "Acme"}
    call |= {"destination": RECIPIENTS["bulksms"], "message": "hello"}
    assert httpx.get(f"{stack.url}/bulksms/bulksms", params=call, timeout=30).text.startswith("1701|")


def calls(probe: Path) -> set[tuple[str, str]]:
    """(function, action) of every call so far."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in probe.read_text().splitlines()]
    return {(line["function"], action(line["service"], line["operation"])) for line in lines}


def test_roles_allow_what_functions_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUBB_URL", "UCONTACT_URL", "BULKSMS_URL"):
        monkeypatch.delenv(name, raising=False)  # this sandbox has simulators of its own
    roles, probe = allowed(), tmp_path / "calls"
    busy = roles.keys() - {"DocsFunction"}
    with sandbox.running(parameters=QUICK, env={"SWITCHBOARD_PROBE": str(probe)}) as stack:
        with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {stack.key}"}, timeout=30) as api:
            live(api, stack.simulators)
            live_with_the_crm(stack, api)
            live_later(api)
            live_with_keys(api)
            live_by_the_calendar(api)
            live_by_the_file(api)
        live_at_doors(stack)
        deadline = time.monotonic() + 20
        while {function for function, _ in calls(probe)} != busy and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1)  # whoever came last is done
        made = calls(probe)
    assert {function for function, _ in made} == busy
    assert {(function, name) for function, name in made if name not in roles[function]} == set()
