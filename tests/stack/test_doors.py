"""The vendors' doors of the deployed template: a call in a vendor's words, and what becomes of the message."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from sandbox.stack import Stack
from tests.stack.client import UUID, at_rest, bulk, eventually, life, sent_to

KNOWN, OTHER = "447700900101", "447700900102"
SEND_V2, SCHEDULE = "/Integra/resources/SMS/SendSMSv2", "/Integra/resources/SMS/ScheduleDialerSMS"
ABSENT = [  # a door whose purpose is not built, a good call, and the vendor's no
    (
        "/IntegraChannels/resources/DialersResources/uploadMultiChannelBlacklist",
        {"filename": "a.csv", "fileb64": base64.b64encode(b"ann@example.com").decode(), "channel": "email"},
        "0",
    ),
]
UPLOAD = "/Integra/resources/SMS/uploadbase"
UPLOAD_EMAIL = "/IntegraChannels/resources/DialersResources/uploadDialerBase"


def hubb(stack: Stack, **more: str) -> dict[str, str]:
    return {"key": stack.key, "from": "3056490655", "to": "9195551201", "message_body": "Hello", **more}


def bearer(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.key}"}


def test_the_bulk_door_answers_each_destination_and_the_message_is_tracked(
    stack: Stack, api: httpx.Client, door: httpx.Client
) -> None:
    said = bulk(stack, f"{KNOWN},+{OTHER},12,{KNOWN}", message="Grüße")
    answer = door.get("/bulksms/bulksms", params=said)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    pattern = rf"1701\|{KNOWN}\|({UUID}),1701\|\+{OTHER}\|({UUID}),1706\|12,1701\|{KNOWN}\|({UUID})"
    matched = re.fullmatch(pattern, answer.text)
    assert matched and matched[1] == matched[3], "a number named twice is sent to once"
    found = life(api, matched[2], "delivered")
    assert (found["to"], found["text"], found["from"], found["door"]) == (
        *("+447700900102", "Grüße", "Northwind"),
        "bulksms",
    )
    assert (found["alias"], found["provider"]) == (matched[2], "bulksms")
    assert [item["alias"] for item in sent_to(api, f"+{KNOWN}")] == [matched[1]]


@pytest.mark.parametrize("way", ["query of a POST", "form", "doubled ampersands", "latin-1 octets"])
def test_the_bulk_door_reads_parameters_however_they_come(
    stack: Stack, api: httpx.Client, door: httpx.Client, way: str
) -> None:
    said = bulk(stack, "447700900111", message="Olá" if way == "latin-1 octets" else "Hello there")
    query = str(httpx.QueryParams(said))
    answer = {
        "query of a POST": lambda: door.post("/bulksms/bulksms", params=said),
        "form": lambda: door.post("/bulksms/bulksms", data=said),
        "doubled ampersands": lambda: door.get("/bulksms/bulksms?" + query.replace("&", "&&")),
        "latin-1 octets": lambda: door.get("/bulksms/bulksms?" + query.replace("Ol%C3%A1", "Ol%E1")),
    }[way]()
    matched = re.fullmatch(rf"1701\|447700900111\|({UUID})", answer.text)
    assert matched, answer.text
    assert life(api, matched[1], "delivered")["text"] == said["message"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"password": "wrong"}, "1703|447700900101"),
        ({"username": "somebody"}, "1703|447700900101"),
        ({"message": ""}, "1702|447700900101"),
        ({"type": "9"}, "1704|447700900101"),
        ({"type": "2", "message": "D800"}, "1705|447700900101"),
        ({"destination": "12"}, "1706|12"),
        ({"source": "much too long a sender"}, "1707|447700900101"),
        ({"dlr": "2"}, "1708|447700900101"),
        ({"date": "12/31/2030"}, "1702|447700900101"),
    ],
)
def test_the_bulk_door_says_no_by_its_codes(stack: Stack, door: httpx.Client, wrong: dict[str, str], code: str) -> None:
    answer = door.get("/bulksms/bulksms", params=bulk(stack, KNOWN) | wrong)
    assert (answer.status_code, answer.text) == (200, code)


def test_the_hubb_door_waits_for_what_the_crm_says(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    said = hubb(stack, fullname="Mike Douglas", new_company_name="Hubb", tags="guest", to="9195551211")
    answer = door.post("/site/api/send_sms", data=said).json()
    assert answer["message"] == "success"
    assert (answer["contact_name"], answer["company_name"]) == ("Mike Douglas", "Hubb")
    assert answer["contact_id"] and re.fullmatch(UUID, answer["message_id"])
    found = life(api, answer["message_id"], "delivered")
    assert (found["provider"], found["to"], found["attempts"][0]["facts"]["contact_id"]) == (
        *("hubb", "+19195551211"),
        answer["contact_id"],
    )


def test_the_hubb_door_has_blank_ids_where_another_provider_sends(stack: Stack, door: httpx.Client) -> None:
    answer = door.get("/site/api/send_sms", params=hubb(stack, to="+447700900121", **{"from": "Northwind"})).json()
    assert answer.pop("message_id") and answer.pop("message") == "success"
    assert set(answer.values()) == {""}


def test_the_hubb_door_gives_the_providers_no_as_its_own(stack: Stack, door: httpx.Client) -> None:
    fault = {"fault": "refuse", "code": "from", "match": {"to": "9195551212"}}
    httpx.post(f"{stack.simulators['hubb']}/_script", json=fault).raise_for_status()
    said = hubb(stack, to="9195551212", fullname="Ann")  # a contact goes to Hubb alone: nobody else is in reserve
    answer = door.post("/site/api/send_sms", data=said)
    assert answer.json() == {"error_message": "From Number is not active on this account"}


def test_a_contact_without_a_number_goes_to_the_crm_that_knows_it(
    stack: Stack, api: httpx.Client, door: httpx.Client
) -> None:
    known = door.post("/site/api/send_sms", data=hubb(stack, to="9195551213", fullname="Zoe")).json()["contact_id"]
    said = {name: value for name, value in hubb(stack, contact_id=known).items() if name != "to"}
    answer = door.post("/site/api/send_sms", data=said).json()
    assert answer["contact_id"] == known
    found = life(api, answer["message_id"], "delivered")
    assert (found["to"], found["provider"]) == (f"contact:{known}", "hubb")
    assert [item["alias"] for item in sent_to(api, f"contact:{known}")] == [answer["message_id"]]
    ledger = httpx.get(f"{stack.simulators['hubb']}/_ledger").json()
    assert sum(line["to"] == "+19195551213" for line in ledger) == 2


@pytest.mark.parametrize("wrong", [{"key": "wrong"}, {"message_body": ""}, {"to": ""}])
def test_the_hubb_door_has_one_text_for_key_and_parameters(
    stack: Stack, door: httpx.Client, wrong: dict[str, str]
) -> None:
    answer = door.post("/site/api/send_sms", data=hubb(stack, **wrong))
    assert (answer.status_code, answer.json()) == (200, {"error_message": "Invalid Key or missing parameters"})


@pytest.mark.parametrize("call", ["getUserToken", "UserLogin"])
def test_a_session_of_the_ucontact_doors(stack: Stack, api: httpx.Client, door: httpx.Client, call: str) -> None:
    auth = "/Integra/resources/auth/"
    said = door.post(auth + call, data={"user": stack.client, "password": stack.key})
    token = said.json()[0]["md5secret"] if call == "UserLogin" else said.text
    assert base64.b64decode(token).decode().startswith(f"{stack.client}:")
    session = {"Authorization": f"Basic {token}"}
    sms = {"destination": "098344401", "message": "Hola", "campaign": "Ventas->", "agent": "", "source": ""}
    answer = door.post(SEND_V2, data=sms, headers=session)
    found = life(api, answer.json()["id"], "submitted")
    assert (found["to"], found["campaign"], found["door"]) == ("+59898344401", "Ventas->", "ucontact")
    assert door.post("/Integra/resources/SMS/SendSMS", data=sms, headers=session).text == "OK"
    assert door.post(auth + "EndSession", data={"user": stack.client, "token": token}).text == "1"
    assert door.post(auth + "EndSession", data={"user": stack.client, "token": token}).text == "0"
    assert door.post(SEND_V2, data=sms, headers=session).status_code == 401


def test_what_the_ucontact_doors_say_no_to(stack: Stack, door: httpx.Client) -> None:
    refused = {"user": stack.client, "password": "wrong"}
    assert door.post("/Integra/resources/auth/getUserToken", data=refused).text == "0"
    assert door.post("/Integra/resources/auth/getUserToken", data={"user": "x", "password": stack.key}).text == "0"
    sms = {"destination": "12", "message": "Hola", "campaign": "Ventas"}
    answer = door.post(SEND_V2, data=sms, headers=bearer(stack))
    assert (answer.status_code, answer.text) == (200, "ERROR")
    assert answer.headers["x-switchboard-problem"].startswith("destination")
    assert door.post(SEND_V2, data=sms).status_code == 401


def test_what_ucontact_alone_can_carry_goes_to_ucontact(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    """Others have the route to this number, and none of them has agents."""
    sms = {"destination": "+447700900141", "message": "Hola", "campaign": "Ventas", "agent": "ann"}
    answer = door.post(SEND_V2, data=sms, headers=bearer(stack))
    assert life(api, answer.json()["id"], "submitted")["provider"] == "ucontact"


def test_the_email_door(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    mail = {"campaign": "Email", "to": "ann@example.com", "subject": "Hi", "body": "<p>Hello</p>"}
    answer = door.post("/IntegraChannels/resources/Forms/sendEmail", json=mail, headers=bearer(stack))
    found = life(api, answer.json()["guid"], "submitted")
    assert (found["channel"], found["to"], found["subject"]) == ("email", "ann@example.com", "Hi")
    wrong = door.post("/IntegraChannels/resources/Forms/sendEmail", json={"to": "ann"}, headers=bearer(stack))
    assert wrong.status_code == 400


@pytest.mark.parametrize("path", ["/bulksms/schedulemsg", "/bulksms/bulksms"])
def test_the_bulk_doors_keep_a_message_until_its_time(
    stack: Stack, api: httpx.Client, door: httpx.Client, path: str
) -> None:
    day = datetime.now(UTC) + timedelta(days=30)
    when = {"date": f"{day:%m/%d/%Y}", "time": "11:51 pm", "gmt": "GMT +01:30"}
    answer = door.get(path, params=bulk(stack, "447700900151,12,+447700900152", **when)).text
    matched = re.fullmatch(rf"1701\|447700900151\|({UUID}),1706\|12,1701\|\+447700900152\|({UUID})", answer)
    assert matched is not None
    first, second = (api.get(f"/v1/messages/{alias}").json() for alias in matched.groups())
    for found in (first, second):
        assert (found["status"], found["send_at"], found["door"]) == (
            *("scheduled", f"{day:%Y-%m-%d}T22:21:00.000Z"),
            "bulksms",
        )
    assert api.get(f"/v1/batches/{first['batch']}").json()["statuses"] == {"scheduled": 2}
    assert api.post(f"/v1/messages/{matched[1]}/cancel").json() == {"id": matched[1], "status": "canceled"}
    assert api.post(f"/v1/batches/{first['batch']}/cancel").json() == {"canceled": 2, "kept": 0}


def test_the_bulk_door_sends_what_is_for_this_minute(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    minute = datetime.now(UTC) + timedelta(seconds=5)
    when = {"date": f"{minute:%m/%d/%Y}", "time": f"{minute:%I:%M %p}", "gmt": "GMT +00:00"}
    answer = door.post("/bulksms/schedulemsg", data=bulk(stack, "447700900153", **when)).text
    matched = re.fullmatch(rf"1701\|447700900153\|({UUID})", answer)
    assert matched is not None
    assert life(api, matched[1], "delivered")["provider"] == "bulksms"


@pytest.mark.parametrize(("date", "reason"), [("12/31/2020", "is past"), ("12/31/2090", "is more than 366 days ahead")])
def test_the_bulk_doors_no_to_a_time(
    stack: Stack, api: httpx.Client, door: httpx.Client, date: str, reason: str
) -> None:
    when = {"date": date, "time": "11:51 pm", "gmt": "GMT +01:30"}
    answer = door.get("/bulksms/schedulemsg", params=bulk(stack, "447700900154", **when))
    assert (answer.status_code, answer.text) == (200, "1702|447700900154")
    assert answer.headers["x-switchboard-problem"] == f"date, time, gmt: {reason}"
    assert sent_to(api, "+447700900154") == []


def test_the_dialers_door_keeps_a_message_until_its_time_on_the_clients_clock(
    stack: Stack, api: httpx.Client, door: httpx.Client
) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    there = at.astimezone(ZoneInfo("America/Montevideo"))  # a region of one zone
    said = {"calldate": f"{there:%Y-%m-%d %H:%M:%S}", "campaign": "Ventas->", "destination": "098344403", "data": "Hi"}
    answer = door.post(SCHEDULE, data={"sms": json.dumps(said)}, headers=bearer(stack))
    assert (answer.status_code, answer.text) == (200, "1")
    (found,) = sent_to(api, "+59898344403")
    assert (found["status"], found["send_at"]) == ("scheduled", f"{at:%Y-%m-%dT%H:%M:%S.000Z}")
    sent = life(api, found["id"], "submitted")
    assert (sent["provider"], sent["campaign"]) == ("ucontact", "Ventas->")
    assert sent["attempts"][0]["at"] >= found["send_at"]
    ledger = httpx.get(f"{stack.simulators['ucontact']}/_ledger").json()
    assert [line.get("source") for line in ledger if line["to"] == "+59898344403"] == [None]  # by the plain call


def test_the_dialers_door_and_what_is_past_too_far_or_nobodys(
    stack: Stack, api: httpx.Client, door: httpx.Client
) -> None:
    said = {"calldate": "2015-10-11 15:00:00", "campaign": "Ventas->", "destination": "098344404", "data": "Hi"}
    assert door.post(SCHEDULE, data={"sms": json.dumps(said)}, headers=bearer(stack)).text == "1"
    (found,) = sent_to(api, "+59898344404")
    assert life(api, found["id"], "submitted")["send_at"] is None
    far = door.post(SCHEDULE, data={"sms": json.dumps(said | {"calldate": "2090-01-01 00:00"})}, headers=bearer(stack))
    assert (far.status_code, far.text) == (200, "0")
    assert far.headers["x-switchboard-problem"] == "calldate: is more than 366 days ahead"
    assert door.post(SCHEDULE, data={"sms": json.dumps(said)}).status_code == 401


@pytest.mark.parametrize(("provider", "to"), [("bulksms", "+447700900161"), ("ucontact", "+59898344405")])
def test_what_a_provider_keeps_cannot_be_canceled_and_says_why(
    stack: Stack, api: httpx.Client, provider: str, to: str
) -> None:
    said = {"to": to, "text": "Hello", "provider": provider, "via": "provider"}
    at = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M:00.000Z}"
    made = api.post("/v1/messages", json=said | {"send_at": at}).raise_for_status().json()["messages"][0]
    assert made["status"] == "queued"
    found = life(api, made["id"], "submitted")
    assert (found["send_at"], found["provider"]) == (at, provider)
    no = api.post(f"/v1/messages/{made['id']}/cancel")
    assert no.status_code == 409
    words = f"{provider} has it, to send it at its time, and takes nothing back: too late to cancel."
    assert no.json()["detail"] == words
    assert api.post(f"/v1/batches/{found['batch']}/cancel").json() == {"canceled": 0, "kept": 1}
    ledger = httpx.get(f"{stack.simulators[provider]}/_ledger").json()
    assert [line for line in ledger if line["to"].lstrip("+") == to.lstrip("+")] == []
    state = httpx.get(f"{stack.simulators[provider]}/_state").json()
    kept = state["scheduled" if provider == "bulksms" else "schedule"]
    assert [line["to"] for line in kept].count(to.lstrip("+") if provider == "bulksms" else to) == 1


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"provider": "hubb", "to": "+19195551299"}, ["via"]),
        ({"to": "ann@example.com", "subject": "Hi"}, ["via"]),
        ({"provider": "ucontact", "to": "+59898344406", "from": "3001"}, ["from"]),
    ],
)
def test_whoever_has_no_schedule_of_its_own_says_so(api: httpx.Client, said: dict[str, str], fields: list[str]) -> None:
    at = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M:00.000Z}"
    answer = api.post("/v1/messages", json=said | {"text": "Hello", "via": "provider", "send_at": at})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == fields


def finished(api: httpx.Client, id_: str | None) -> dict[str, Any]:
    """A campaign, once all of it has settled."""

    def look() -> dict[str, Any] | None:
        said: dict[str, Any] = api.get(f"/v1/campaigns/{id_}").raise_for_status().json()
        return said if said["state"] == "finished" else None

    found: dict[str, Any] = eventually(look)
    return found


def base(data: str, **said: str) -> dict[str, str]:
    return {"filename": "base.csv", "fileb64": base64.b64encode(data.encode()).decode(), **said}


def test_an_uploaded_base_is_a_campaign_whose_every_row_is_sent_once_or_told(
    stack: Stack, api: httpx.Client, door: httpx.Client
) -> None:
    lines = [f"Ventas->;09834{4500 + n};Hola; {n};{9 - n}" for n in range(5)] + ["Ventas->;12;Nadie;1", "no row"]
    answer = door.post(UPLOAD, data=base("\n".join(lines), campaign="Ventas->"), headers=bearer(stack))
    assert (answer.status_code, answer.text) == (200, "1")
    id_ = answer.headers["x-switchboard-campaign"]
    told = finished(api, id_)
    assert (told["name"], told["statuses"], told["refused"]) == ("Ventas->", {"submitted": 5}, 2)
    assert told["metadata"] == {"filename": "base.csv"}
    rows = api.get(f"/v1/campaigns/{id_}/rows").json()["items"]
    assert [row["row"] for row in rows] == [6, 7, 5, 4, 3, 2, 1]
    assert [row["status"] for row in rows] == ["refused"] * 2 + ["submitted"] * 5
    ledger = httpx.get(f"{stack.simulators['ucontact']}/_ledger").json()
    sent = [(line["to"], line["text"], line["campaign"]) for line in ledger if line["to"].startswith("+5989834450")]
    assert sorted(sent) == [(f"+59898344{500 + n}", f"Hola; {n}", "Ventas->") for n in range(5)]
    assert life(api, rows[-1]["message"], "submitted")["door"] == "ucontact"


def test_an_uploaded_base_of_e_mails(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    body = '<p style="color:#123;margin:0">Hola {{Var1}}</p>'
    lines = [f'News;base{n}@example.com;{body};;"Var1":"<{n}>","Var2":"value";9999' for n in range(3)]
    lines.append('News;base3@example.com;Hola {{Var1}};;"Var1":"<3>";1')
    said = base("\n".join(lines), channel="email", user="ana", dialer="News", filter="Para {{Var1}}", cant="4")
    answer = door.post(UPLOAD_EMAIL, data=said, headers=bearer(stack))
    assert (answer.status_code, answer.text) == (200, "1")
    assert finished(api, answer.headers["x-switchboard-campaign"])["statuses"] == {"submitted": 4}
    ledger = httpx.get(f"{stack.simulators['ucontact']}/_ledger").json()
    sent = [(line["to"], line["text"], line["subject"]) for line in ledger if line["to"].startswith("base")]
    bodies = [body.replace("{{Var1}}", f"&lt;{n}&gt;") for n in range(3)] + ["Hola <3>"]
    assert sorted(sent) == [(f"base{n}@example.com", bodies[n], f"Para <{n}>") for n in range(4)]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"campaign": "two words"}, "campaign: letters, digits"),
        ({"fileb64": "no base64!"}, "fileb64: fileb64 is not base64"),
        ({"fileb64": ""}, "fileb64: "),
        ({"fileb64": base64.b64encode(b"a,b,c").decode()}, "fileb64: has no row that can be read: line 1 has fewer"),
    ],
)
def test_a_base_that_cannot_be_is_refused_at_once(
    stack: Stack, api: httpx.Client, door: httpx.Client, said: dict[str, str], problem: str
) -> None:
    before = api.get("/v1/campaigns").json()["items"]
    good = base("c;098344484;Hi;1", campaign="c")
    answer = door.post(UPLOAD, data=good | said, headers=bearer(stack))
    assert (answer.status_code, answer.text) == (200, "0")
    assert answer.headers["x-switchboard-problem"].startswith(problem)
    assert door.post(UPLOAD, data=good).status_code == 401
    assert [one["id"] for one in api.get("/v1/campaigns").json()["items"]] == [one["id"] for one in before]


def test_an_upload_repeated_under_one_key_is_one_campaign(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    headers = bearer(stack) | {"Idempotency-Key": "a-base"}
    said = base("c;098344510;Hi;1", campaign="c")
    answers = [door.post(UPLOAD, data=said, headers=headers) for _ in range(2)]
    (id_,) = {answer.headers["x-switchboard-campaign"] for answer in answers}
    finished(api, id_)
    assert door.post(UPLOAD, data=said, headers=headers).text == "1"
    assert door.post(UPLOAD, data=said | {"campaign": "d"}, headers=headers).text == "0"
    assert len(sent_to(api, "+59898344510")) == 1


@pytest.mark.parametrize(("path", "more", "said"), ABSENT)
def test_nothing_answers_as_if_it_had_worked(
    stack: Stack, api: httpx.Client, door: httpx.Client, path: str, more: dict[str, str], said: str
) -> None:
    at_rest(api)
    before = {name: httpx.get(f"{url}/_ledger").json() for name, url in stack.simulators.items()}
    answer = door.post(path, data=more, headers=bearer(stack))
    assert answer.status_code == 200
    assert said in answer.text and "success" not in answer.text and answer.text != "1"
    assert {name: httpx.get(f"{url}/_ledger").json() for name, url in stack.simulators.items()} == before


def test_the_door_of_deals_says_what_the_crm_said_and_the_deal_is_tracked(
    stack: Stack, api: httpx.Client, door: httpx.Client
) -> None:
    said = {"key": stack.key, "external_reference_id": "at the door", "name": "Selling Product"}
    said |= {"expected_closing_amount": "1500", "resolution": "open", "note": "Hello"}
    answer = door.post("/site/api/crm_add_deal", data=said).json()
    told = api.get("/v1/deals/at%20the%20door").raise_for_status().json()
    assert (answer["message"], answer["external_reference_id"]) == ("success", "at the door")
    assert (answer["deal_id"], answer["resolution"]) == (told["id"], "open")
    assert float(answer["expected_closing_amount"]) == 1500
    assert (told["standing"], [write["standing"] for write in told["history"]]) == ("saved", ["saved"])
    again = door.get("/site/api/crm_add_deal", params={**said, "resolution": "won"}).json()
    assert (again["deal_id"], again["resolution"]) == (told["id"], "won")
    held = httpx.get(f"{stack.simulators['hubb']}/_state").json()["deals"]
    assert [deal["name"] for deal in held if deal["id"] == told["id"]] == ["Selling Product"]


def test_the_door_of_accounts_says_what_the_crm_said(stack: Stack, door: httpx.Client) -> None:
    said = {"key": stack.key, "email": "ann@door.example", "account_name": "Acme"}
    assert door.post("/site/api/master_account", data=said).json() == {"message": "success"}
    registered = {"error_message": "This email is already registered"}
    assert door.get("/site/api/master_account", params=said).json() == registered
    held = httpx.get(f"{stack.simulators['hubb']}/_state").json()["accounts"]
    assert [account["admin_email"] for account in held].count("ann@door.example") == 1


@pytest.mark.parametrize(
    ("path", "more", "field"),
    [
        ("crm_add_deal", {"external_reference_id": "x" * 200}, "external_reference_id"),
        ("master_account", {"email": "ann", "account_name": "Acme"}, "email"),
    ],
)
def test_the_doors_to_the_crm_name_what_they_cannot_carry(
    stack: Stack, door: httpx.Client, path: str, more: dict[str, str], field: str
) -> None:
    before = httpx.get(f"{stack.simulators['hubb']}/_state").json()
    answer = door.post(f"/site/api/{path}", data={"key": stack.key, **more})
    assert answer.status_code == 200
    assert answer.json()["error_message"].startswith(f"{field}: ")
    assert answer.headers["x-switchboard-problem"].startswith(f"{field}: ")
    wrong = door.post(f"/site/api/{path}", data={"key": "sb_wrong", "email": "a@b.co", "account_name": "A"})
    assert wrong.json() == {"error_message": "Invalid Key or missing parameters"}
    assert httpx.get(f"{stack.simulators['hubb']}/_state").json() == before


def test_a_repeat_under_one_key_is_sent_once(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    said = bulk(stack, "447700900131")
    headers = {"Idempotency-Key": "old-but-careful"}
    answers = {door.get("/bulksms/bulksms", params=said, headers=headers).text for _ in range(3)}
    assert len(answers) == 1
    conflict = door.get("/bulksms/bulksms", params=said | {"message": "Another"}, headers=headers)
    assert conflict.text == "1710|447700900131"
    assert len(sent_to(api, "+447700900131")) == 1


@pytest.mark.parametrize(("method", "count"), [("GET", 400), ("POST", 1000)])
def test_many_destinations_answer_in_one_line_in_order(
    stack: Stack, api: httpx.Client, door: httpx.Client, method: str, count: int
) -> None:
    at_rest(api)
    fault = {"fault": "none", "times": count // 100}  # no receipts of these: a call of the provider's has 100
    httpx.post(f"{stack.simulators['bulksms']}/_script", json=fault).raise_for_status()
    numbers = [f"4477{'0091' if method == 'GET' else '0092'}{n:04d}" for n in range(count)]
    said = bulk(stack, ",".join(numbers))
    answer = door.request(method, "/bulksms/bulksms", **{"params" if method == "GET" else "data": said})
    entries = [entry.split("|") for entry in answer.text.split(",")]
    assert [entry[:2] for entry in entries] == [["1701", number] for number in numbers]
    assert len({id_ for _, _, id_ in entries}) == count
    assert "\n" not in answer.text
    batch = f"/v1/batches/{life(api, entries[0][2], 'queued', 'submitted')['batch']}"
    eventually(lambda: api.get(batch).raise_for_status().json()["statuses"] == {"submitted": count})


def test_what_api_gateway_refuses_the_sandbox_refuses(stack: Stack, door: httpx.Client) -> None:
    numbers = ",".join(f"4477009{n:05d}" for n in range(900))
    refused = door.get("/bulksms/bulksms", params=bulk(stack, numbers))
    assert refused.status_code in {414, 431}
    many = bulk(stack, ",".join(f"44770{n:07d}" for n in range(1001)))
    answer = door.post("/bulksms/bulksms", data=many)
    assert (answer.text, answer.headers["x-switchboard-problem"]) == (
        *("1710|447700000000", "destination: at most 1000 a call"),
    )


def test_inbound_messages_at_the_vendors_own_path(stack: Stack, api: httpx.Client) -> None:
    token = stack.accounts["ucontact"]["callback_token"]
    path = "/Integra/resources/InboundSMS/ReceiveURLSMS"
    query = httpx.get(
        stack.url + path, params={"phone": "+59898344431", "message": "Si & no"}, auth=("ucontact", token)
    )
    tail = httpx.get(f"{stack.url}{path}/phone=%2B59898344431&message=Otra%20vez", auth=("ucontact", token))
    assert (query.text, tail.text) == ("OK", "OK")
    found = api.get("/v1/messages", params={"with": "+59898344431"}).json()["items"]
    assert sorted(item["text"] for item in found) == ["Otra vez", "Si & no"]
    assert (
        httpx.get(stack.url + path, params={"phone": "1", "message": "x"}, auth=("ucontact", "no")).status_code == 401
    )
    assert httpx.get(stack.url + path, params={"phone": "1", "message": "x"}).status_code == 401


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/bulksms/bulksms"), ("GET", SEND_V2)])
def test_a_door_says_which_methods_it_takes(stack: Stack, method: str, path: str) -> None:
    answer = httpx.request(method, stack.url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
