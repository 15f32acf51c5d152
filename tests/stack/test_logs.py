"""What no line of any log holds, whoever wrote it: keys, passwords, tokens, numbers, texts. The last of these tests."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx

from sandbox.audit import digits, ledgers
from sandbox.stack import Stack
from tests.flow.endpoint import SECRET
from tests.stack.client import at_rest, bulk, eventually

LEVELS = ("POWERTOOLS_LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL")  # of our logger, and of everybody's
NUMBER, TEXT, WRONG = "447700900777", "A text that nobody else reads", "sb_nobodys-own-key"
INBOUND = {"from": "+59898344777", "to": "+13056490655", "text": "An answer that nobody else reads"}
NUMBERS = re.compile(r"447700\d{6}|59898344\d{3}|(?<!\w)098344\d{3}|9195551\d{3}|3056490655")  # taken or refused
LEAST = 6  # characters of a text that says something: "Hi" may stand anywhere


def live(stack: Stack, door: httpx.Client) -> tuple[str, ...]:
    """A yes and a no at every kind of door, with the credentials in the query, in a form and in a header; a session,
    and keys that are made here. What of it is secret."""
    wanted, admin = {"name": "of the logs", "scopes": ["read", "admin"]}, {"Authorization": f"Bearer {stack.key}"}
    made = door.post("/v1/keys", json=wanted, headers=admin).raise_for_status().json()
    rotated = door.post(f"/v1/keys/{made['id']}/rotate", json={}, headers=admin).raise_for_status().json()
    door.get("/v1/keys", headers={"X-Api-Key": rotated["key"]}).raise_for_status()
    said = bulk(stack, NUMBER, message=TEXT)
    for wrong in ({}, {"password": WRONG}, {"destination": f"{NUMBER}0000"}, {"message": "\ud7ff" * 500, "type": "9"}):
        door.get("/bulksms/bulksms", params=said | wrong)
        door.post("/bulksms/bulksms", data=said | wrong)
    crm = {"key": stack.key, "from": "3056490655", "to": "9195551777", "message_body": TEXT, "fullname": "Ann Nobody"}
    for wrong in ({}, {"key": WRONG}, {"to": ""}):
        door.get("/site/api/send_sms", params=crm | wrong)
        door.post("/site/api/send_sms", data=crm | wrong)
    shown = {"user": stack.client, "password": stack.key}
    token = door.post("/Integra/resources/auth/getUserToken", data=shown).text
    door.post("/Integra/resources/auth/getUserToken", data=shown | {"password": WRONG})
    sms = {"destination": "098344777", "message": TEXT, "campaign": "Ventas", "agent": "", "source": ""}
    for secret in (f"Basic {token}", f"Bearer {stack.key}", f"Bearer {WRONG}"):
        door.post("/Integra/resources/SMS/SendSMSv2", data=sms, headers={"Authorization": secret})
    later(stack, door)
    filed(stack, door)
    door.post("/Integra/resources/auth/EndSession", data={"user": stack.client, "token": token})
    return (token, made["key"], rotated["key"])


def later(stack: Stack, door: httpx.Client) -> None:
    """The same for another day: kept here by a vendor's door, handed over to two vendors, and what none can keep."""
    day = datetime.now(UTC) + timedelta(days=2)
    for year in (day.year, 2020, 2090):
        when = {"date": f"{day:%m/%d}/{year}", "time": "11:51 pm", "gmt": "+00:00"}
        door.get("/bulksms/schedulemsg", params=bulk(stack, NUMBER, message=TEXT, **when))
        said = {"calldate": f"{year}-{day:%m-%d} 23:51:00", "campaign": "Ventas", "data": TEXT}
        sms = json.dumps(said | {"destination": "098344777"})
        key = {"Authorization": f"Bearer {stack.key}"}
        door.post("/Integra/resources/SMS/ScheduleDialerSMS", data={"sms": sms}, headers=key)
    for provider, to in {"bulksms": f"+{NUMBER}", "ucontact": "+59898344777", "hubb": "+19195551777"}.items():
        said = {"to": to, "text": TEXT, "provider": provider, "via": "provider", "send_at": day.isoformat()}
        door.post("/v1/messages", json=said, headers={"X-Api-Key": stack.key})


def filed(stack: Stack, door: httpx.Client) -> None:
    """The same to the rows of a file, of which one is wrong and one says what another said."""
    key = {"X-Api-Key": stack.key}
    said = {"name": "Nobody's", "text": "{{text}}", "columns": {"to": "to"}, "provider": "bulksms"}
    begun = door.post("/v1/campaigns", json=said, headers=key).raise_for_status().json()
    rows = f"to,text\n+{NUMBER},{TEXT}\n{NUMBER}0000,{TEXT}\n+{NUMBER},{TEXT}\n"
    form = begun["upload"]
    httpx.post(form["url"], data=form["fields"], files={"file": ("a.csv", rows.encode())}).raise_for_status()
    eventually(lambda: door.get(begun["url"], headers=key).raise_for_status().json()["state"] == "finished")
    eventually(lambda: door.get(f"{begun['url']}/report.csv", headers=key).status_code == 303)


def private(stack: Stack, tokens: tuple[str, ...]) -> Iterator[str]:
    """Everything that the tests said to this deployment and nobody may read, as far as its ledgers know."""
    yield from (stack.key, *tokens, WRONG, SECRET, TEXT, INBOUND["text"], "Ann Nobody")
    yield base64.b64encode(f"{stack.client}:00".encode()).decode()[:10]  # of any session
    for account in stack.accounts.values():
        yield from (account[name] for name in ("key", "password", "callback_token") if name in account)
    for lines in ledgers(stack.simulators).values():
        for line in lines:
            yield from (said for said in (digits(line["to"]), line["text"]) if len(said) >= LEAST)


def test_no_log_line_holds_a_number_a_text_or_a_secret(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    tokens = live(stack, door)
    httpx.post(f"{stack.simulators['ucontact']}/_inbound", json=INBOUND).raise_for_status()
    eventually(lambda: api.get("/v1/messages", params={"with": INBOUND["from"]}).raise_for_status().json()["items"])
    at_rest(api)
    logs = stack.logs()
    assert {variables[name] for variables in stack.environments.values() for name in LEVELS} == {"DEBUG"}
    assert "MessagesAccepted" in logs
    assert [said for said in set(private(stack, tokens)) if said in logs] == []
    assert NUMBERS.findall(logs) == []
