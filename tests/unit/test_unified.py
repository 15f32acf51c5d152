"""Our JSON API: good bodies in our own words, bad ones with every wrong field named, answers as they go out."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from switchboard.dialects import unified
from switchboard.dialects.registry import DIALECTS
from switchboard.dialects.unified_campaigns import ColumnsSaid
from switchboard.model.campaign import Missed
from switchboard.model.chunk import ReceiptSeen, Result
from switchboard.model.contact import Contact, MatchBy, Owner, Tags
from switchboard.model.message import Channel, Content, Encoding, Invitation, Recipient
from switchboard.model.problem import Refused
from switchboard.model.segments import Segments
from switchboard.model.status import Status
from switchboard.tracking import BatchLife, Life, Page

EVENTS = Path(__file__).parents[2] / "events"
ANA = "+19195551212"
LUIS = "+59898344484"


def read(body: Any, region: str | None = None) -> unified.Submitted:
    """A body as the door reads it. Raises `Refused`."""
    try:
        request = unified.SendRequest.model_validate(body)
    except ValidationError as invalid:
        errors: list[Any] = [{**error, "loc": ("body", *error["loc"])} for error in invalid.errors()]
        raise Refused(*unified.refusals(errors, body, region)) from None
    return unified.submission(request, region)


def wrong(body: Any, region: str | None = None) -> dict[str, str]:
    """What is wrong with a body, by field."""
    with pytest.raises(Refused) as refused:
        read(body, region)
    return {problem.field: problem.reason for problem in refused.value.problems}


SMS = {"to": ANA, "text": "Hi"}
EMAIL = {"to": "ana@example.com", "html": "<p>Hi</p>"}

GOOD: dict[str, tuple[dict[str, Any], Content, tuple[Recipient, ...]]] = {
    "one address": (SMS, Content(channel=Channel.SMS, text="Hi"), (Recipient(to=ANA),)),
    "national numbers": (
        {"to": ["(919) 555-1212", "0059898344484"], "text": "Hi"},
        Content(channel=Channel.SMS, text="Hi"),
        (Recipient(to=ANA), Recipient(to=LUIS)),
    ),
    "values of their own": (
        {
            "to": [LUIS, {"to": ANA, "variables": {"name": "Ana"}, "reference": "order 1"}],
            "text": "Hi {{ name }} of {{town}}",
            "variables": {"name": "you", "town": "Salto"},
        },
        Content(channel=Channel.SMS, text="Hi {{ name }} of {{town}}", variables={"name": "you", "town": "Salto"}),
        (Recipient(to=LUIS), Recipient(to=ANA, variables={"name": "Ana"}, reference="order 1")),
    ),
    "all that an SMS has": (
        SMS
        | {
            "from": "Northwind",
            "flash": True,
            "encoding": "ucs2",
            "campaign": "Ventas->",
            "link": "https://example.com/a",
        }
        | {"hubb": {"override_time_window": "user"}, "ucontact": {"agent": "7"}, "channel": "sms"},
        Content(
            channel=Channel.SMS,
            text="Hi",
            sender="Northwind",
            flash=True,
            encoding=Encoding.UCS2,
            campaign="Ventas->",
            link="https://example.com/a",
            options={"hubb": {"override_time_window": "user"}, "ucontact": {"agent": "7"}},
        ),
        (Recipient(to=ANA),),
    ),
    "options that say nothing": (
        SMS | {"hubb": {}, "from": None},
        Content(channel=Channel.SMS, text="Hi"),
        (Recipient(to=ANA),),
    ),
    "a contact": (
        SMS
        | {
            "contact": {"name": "Ana", "social": {"skype": "ana"}, "match_by": {"phone": True}, "create": False}
            | {"tags": {"add": ["a"], "remove": ["b"]}, "owner": {"email": "o@example.com", "notify": True}}
        },
        Content(
            channel=Channel.SMS,
            text="Hi",
            contact=Contact(
                name="Ana",
                social={"skype": "ana"},
                match_by={MatchBy.PHONE: True},
                create=False,
                tags=Tags(add=("a",), remove=("b",)),
                owner=Owner(email="o@example.com", notify=True),
            ),
        ),
        (Recipient(to=ANA),),
    ),
    "all that an e-mail has": (
        {"to": ["Ana@Example.COM"], "subject": "S {{a}}", "html": "<p>{{a}}</p>", "template": "welcome"}
        | {"text": "{{a}}", "variables": {"a": "1"}, "attachments": ["/files/a.pdf"]}
        | {
            "invitation": {"title": "T", "organizer": "o@example.com"}
            | dict.fromkeys(("start", "end"), "2026-01-31 18:00:00")
        },
        Content(
            channel=Channel.EMAIL,
            text="{{a}}",
            subject="S {{a}}",
            html="<p>{{a}}</p>",
            template="welcome",
            variables={"a": "1"},
            attachments=("/files/a.pdf",),
            invitation=Invitation(
                title="T", organizer="o@example.com", start="2026-01-31 18:00:00", end="2026-01-31 18:00:00"
            ),
        ),
        (Recipient(to="Ana@example.com"),),
    ),
    "the same address twice, when asked for": (
        {"to": [ANA, ANA], "text": "Hi", "allow_duplicates": True},
        Content(channel=Channel.SMS, text="Hi"),
        (Recipient(to=ANA), Recipient(to=ANA)),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_body_in_our_own_words(name: str) -> None:
    body, content, recipients = GOOD[name]
    submitted = read(body, "US")
    assert (submitted["content"], submitted["recipients"]) == (content, recipients)


TIMES: list[tuple[dict[str, str], float]] = [
    ({"send_at": "2026-12-31T18:00:00Z"}, 1798740000.0),
    ({"send_at": "2026-12-31T18:00:00.25-03:00"}, 1798750800.25),
    ({"send_at": "2026-12-31T15:00:00", "timezone": "America/Montevideo"}, 1798740000.0),
    ({"send_at": "2026-12-31T15:00", "timezone": "America/Montevideo"}, 1798740000.0),
    # A time that the change to summer skips is its end; one that the change back repeats is its first.
    ({"send_at": "2026-03-29T02:30:00", "timezone": "Europe/Madrid"}, 1774746000.0),
    ({"send_at": "2026-10-25T02:30:00", "timezone": "Europe/Madrid"}, 1792888200.0),
]


@pytest.mark.parametrize(("said", "at"), TIMES)
def test_a_time_of_its_own_is_an_instant(said: dict[str, str], at: float) -> None:
    kept, handed_over = read(SMS | said), read(SMS | said | {"via": "provider"})
    assert (kept["send_at"], kept["content"].provider_at) == (at, None)
    assert (handed_over["send_at"], handed_over["content"].provider_at) == (None, at)


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"send_at": "2026-12-31T18:00:00"}, ["send_at"]),  # whose six o'clock?
        ({"send_at": "2026-12-31T18:00:00", "timezone": "Montevideo"}, ["timezone"]),
        ({"send_at": "2026-12-31T18:00:00Z", "timezone": "Europe/Madrid"}, ["timezone"]),
        ({"timezone": "Europe/Madrid"}, ["timezone"]),
        ({"send_at": "2026-02-30T18:00:00", "timezone": "Europe/Madrid"}, ["send_at"]),
        ({"send_at": "1970-12-31T23:59:59", "timezone": "Europe/Madrid"}, ["send_at"]),
        ({"send_at": "9999-12-31T23:59:59", "timezone": "Europe/Madrid"}, ["send_at"]),
        ({"send_at": "tomorrow"}, ["send_at"]),
        ({"send_at": "1798740000"}, ["send_at"]),
        ({"via": "provider"}, ["via"]),
        ({"via": "pigeon"}, ["via"]),
        ({"send_at": "2026-12-31T18:00:00Z", "via": "provider", "class": "marketing"}, ["via"]),
        ({"class": "spam"}, ["class"]),
    ],
)
def test_a_time_that_is_none_is_named(said: dict[str, str], fields: list[str]) -> None:
    assert list(wrong(SMS | said)) == fields


def test_marketing_is_said_and_not_guessed() -> None:
    assert [read(SMS | said)["marketing"] for said in ({}, {"class": "transactional"}, {"class": "marketing"})] == [
        *(False, False, True)
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [("2026-01-31T18:00:00Z", 1769882400.0), ("2026-01-31T15:00:00.5-03:00", 1769882400.5), (None, None)],
)
def test_an_expiry_is_an_instant(said: str | None, expected: float | None) -> None:
    assert read(SMS | {"expires_at": said})["expires_at"] == expected


BAD: dict[str, tuple[Any, dict[str, str]]] = {
    "nothing": ({}, {"to": "is required", "text": "is required"}),
    "no addresses": (SMS | {"to": []}, {"to": "must have at least 1 item, not 0"}),
    "too many": (SMS | {"to": [ANA] * 1001}, {"to": "must have at most 1000 items, not 1001"}),
    "not addresses": (SMS | {"to": 5}, {"to": "must be a valid list"}),
    "unknown fields": (
        SMS | {"too": "x", "hubb": {"window": 1}, "contact": {"nick": "A", "tags": {"put": []}}},
        dict.fromkeys(("too", "hubb.window", "contact.nick", "contact.tags.put"), "is not a field of this request"),
    ),
    "every wrong field at once": (
        {
            "to": [
                ANA,
                7,
                {"to": "12"},
                {"reference": "x"},
                "ana@example.com",
                "",
                {"to": LUIS, "variables": {"1a": "x"}},
            ],
            "text": 5,
            "from": "a\nb",
            "flash": "yes",
            "encoding": "utf8",
            "expires_at": "2026-01-31 18:00",
            "metadata": {"a": 1},
            "provider": "nobody",
            "subject": "S",
        },
        {
            "to.1": "must be an object",
            "to.2": "has no country code: write it in E.164, as +19195551212",
            "to.3": "is required",
            "to.4": "is an e-mail address, and this request goes by SMS: one channel a request",
            "to.5": "must have at least 1 character",
            "to.6.variables.1a": r"must match pattern '^[A-Za-z_][A-Za-z0-9_.-]*$'",
            "text": "must be a valid string",
            "from": r"must match pattern '^[^\x00-\x1f\x7f]+$'",
            "flash": "must be a valid boolean",
            "encoding": "must be 'auto', 'gsm', 'ucs2' or 'latin1'",
            "expires_at": "must be a time with its zone (RFC 3339), as 2026-01-31T18:00:00Z",
            "metadata.a": "must be a valid string",
            "provider": "must be 'hubb', 'ucontact' or 'bulksms'",
            "subject": "does not exist in SMS",
        },
    ),
    "the same address twice": (
        {"to": [ANA, LUIS, "+1 (919) 555-1212"], "text": "Hi"},
        {"to.2": "is the same address as to.0: allow_duplicates sends to it twice"},
    ),
    "placeholders without a value": (
        {"to": [ANA, {"to": LUIS, "variables": {"a": "1"}}], "text": "{{a}} {{b}}", "variables": {"b": "2"}},
        {"to.0": "has no value for {{a}}, and variables has none"},
    ),
    "braces that hold no name": (
        SMS | {"text": "Hi {{first name}}", "variables": {"first": "A"}},
        {"text": "holds {{ that opens no placeholder: a name is letters, digits, _ . -"},
    ),
    "a text that is too long": (SMS | {"text": "a" * 1531}, {"text": "makes an SMS of 11 parts: 10 at most"}),
    "a value that makes it too long": (
        {"to": [ANA, {"to": LUIS, "variables": {"a": "☎" * 700}}], "text": "{{a}}", "variables": {"a": "1"}},
        {"to.1": "makes an SMS of 11 parts: 10 at most"},
    ),
    "an alphabet that lacks a character": (
        SMS | {"text": "日本", "encoding": "gsm"},
        {"text": "holds a character that GSM 03.38 does not have"},
    ),
    "what e-mail does not have": (
        EMAIL | {"flash": True, "link": "http://example.com", "encoding": "gsm"},
        dict.fromkeys(("flash", "link", "encoding"), "does not exist in e-mail"),
    ),
    "an e-mail without a body": ({"to": "a@example.com"}, {"html": "one of html, text, template is required"}),
    "an e-mail to a number": (EMAIL | {"to": ["a@example.com", ANA]}, {"to.1": "is not an e-mail address"}),
    "an SMS to an e-mail address": (
        SMS | {"to": "a@example.com", "channel": "sms"},
        {"to.0": "is an e-mail address, and this request goes by SMS: one channel a request"},
    ),
    "an invitation at no time": (
        EMAIL
        | {"invitation": {"title": "T", "organizer": "o", "start": "2026-01-31T18:00", "end": "2026-13-31 18:00:00"}},
        dict.fromkeys(("invitation.start", "invitation.end"), "must be a local time, as 2026-01-31 18:00:00"),
    ),
    "an unknown network": (
        SMS | {"contact": {"social": {"myspace": "a"}}},
        {
            "contact.social.myspace": (
                "must be one of facebook, twitter, skype, linkedin, pinterest, google_plus, instagram"
            )
        },
    ),
    "too much of it": (
        EMAIL | {"html": "é" * 140_000},
        {"html": "must have at most 262144 octets"},
    ),
    "too much in all": (
        EMAIL | {"html": "a" * 200_000, "text": "a" * 200_000},
        {"html": "is too large: all but the recipients must have at most 300000 octets"},
    ),
    "too much for one": (
        SMS | {"to": [{"to": ANA, "variables": {f"v{n}": "a" * 1000 for n in range(5)}}]},
        {"to.0.variables": "must have at most 4096 octets"},
    ),
    "text that is none": (SMS | {"text": "\ud800"}, {"text": "must be Unicode text"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_names_every_wrong_field(name: str) -> None:
    body, expected = BAD[name]
    assert wrong(body) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from([ANA, "a@example.com", "{{a}}"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["to", "variables", "a"]), inner),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # whose machine is busy is no fault of the code
@given(st.dictionaries(st.sampled_from([*unified.SendRequest.model_json_schema()["properties"], "other"]), JSON))
def test_whatever_comes_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        assert read(body, "US")["recipients"]
    except Refused as refused:
        assert refused.problems


def test_problems_are_a_hundred_at_most() -> None:
    assert len(wrong({"to": ["?"] * 1000, "text": "Hi"})) == 100


@pytest.mark.parametrize(("region", "expected"), [("UY", LUIS), ("US", None), (None, None)])
def test_the_region_reads_national_numbers(region: str | None, expected: str | None) -> None:
    body = {"to": "098344484", "text": "Hi"}
    if expected:
        assert read(body, region)["recipients"][0].to == expected
    else:
        assert wrong(body, region).keys() == {"to.0"}


def test_a_fingerprint_is_of_what_is_asked_for_and_not_of_how() -> None:
    body = SMS | {
        "from": "A",
        "metadata": {"a": "1", "b": "2"},
        "contact": {"name": "A", "match_by": {"email": True, "phone": False}},
    }
    same = [
        dict(reversed(body.items())) | {"contact": {"match_by": {"phone": False, "email": True}, "name": "A"}},
        body | {"to": [ANA]},
        body | {"to": [{"to": ANA}], "metadata": {"b": "2", "a": "1"}},
        body | {"dry_run": True, "subject": None},
    ]
    others = [body | {"from": "B"}, body | {"to": LUIS}, body | {"metadata": {}}, body | {"to": [ANA, LUIS]}]
    first = read(body)["fingerprint"]
    assert {read(other)["fingerprint"] for other in same} == {first}
    assert (
        first == "0e6be2180d5e9d2d9c06780e2028c06fca853b912200d34987866d2c0c9e60f6"
    )  # it is stored, and later code must come to the same
    assert len({first, *(read(other)["fingerprint"] for other in others)}) == 1 + len(others)


def test_every_option_of_a_dialect_is_in_the_request() -> None:
    request = unified.SendRequest.model_json_schema()
    for name, dialect in DIALECTS.items():
        options = {option.name for option in fields(dialect.options)} if dialect.options else set()
        schema = request["$defs"].get(f"{name.capitalize()}Options", {"properties": {}})
        assert schema["properties"].keys() == options
        assert (name in request["properties"]) == bool(options)


SENDS = {path.stem: json.loads(path.read_text())["body"] for path in sorted(EVENTS.glob("send_*.json"))}


@pytest.mark.parametrize(
    "body", [*SENDS.values(), *(json.dumps(example["value"]) for example in unified.EXAMPLES.values())]
)
def test_every_example_can_be_sent(body: str) -> None:
    submitted = read(json.loads(body))
    if submitted["provider"]:
        assert DIALECTS[submitted["provider"]].refuses(submitted["content"]) == ()


LIFE = Life(
    id="b-n-0-0",
    batch="b",
    direction="outbound",
    channel=Channel.SMS,
    to=ANA,
    sender="A",
    text="Hi",
    status=Status.DELIVERED,
    settled=True,
    provider="bulksms",
    metadata={"a": "1"},
    created_at=1769882400.0,
    expires_at=1769882460.25,
    segments=Segments(Encoding.GSM, 2, 1),
    attempts=(
        Result(
            n=0,
            pass_=1,
            provider="bulksms",
            verdict="accepted",
            at=1769882401.0,
            vendor_id="v",
            code="1701",
            facts={"contact_id": "7"},
        ),
    ),
    receipts=(
        ReceiptSeen(
            word="DELIVRD", received_at=1769882403.5, status=Status.DELIVERED, done_at="2026-01-31T15:00:02-03:00"
        ),
    ),
)


def test_a_life_as_it_is_told() -> None:
    assert unified.Messages.model_validate(Page((LIFE,), "c")).model_dump(mode="json", by_alias=True) == {
        "items": [
            {
                "id": "b-n-0-0",
                "alias": None,
                "batch": "b",
                "direction": "outbound",
                "channel": "sms",
                "to": ANA,
                "from": "A",
                "text": "Hi",
                "subject": None,
                "status": "delivered",
                "settled": True,
                "provider": "bulksms",
                "reference": None,
                "metadata": {"a": "1"},
                "campaign": None,
                "door": None,
                "created_at": "2026-01-31T18:00:00.000Z",
                "send_at": None,
                "expires_at": "2026-01-31T18:01:00.250Z",
                "resend_of": None,
                "segments": {"encoding": "gsm", "units": 2, "parts": 1},
                "attempts": [
                    {
                        "pass": 1,
                        "provider": "bulksms",
                        "verdict": "accepted",
                        "vendor_id": "v",
                        "code": "1701",
                        "detail": None,
                        "at": "2026-01-31T18:00:01.000Z",
                        "again": False,
                        "facts": {"contact_id": "7"},
                    }
                ],
                "receipts": [
                    {
                        "word": "DELIVRD",
                        "status": "delivered",
                        "error": None,
                        "done_at": "2026-01-31T18:00:02.000Z",
                        "received_at": "2026-01-31T18:00:03.500Z",
                    }
                ],
            }
        ],
        "cursor": "c",
    }


def test_a_batch_as_it_is_told() -> None:
    life = BatchLife(
        id="b",
        created_at=1769882400.0,
        channel=Channel.SMS,
        campaign=None,
        metadata={},
        total=3,
        statuses={"queued": 1, "delivered": 2},
        settled=False,
    )
    assert unified.Batch.model_validate(life).model_dump(mode="json") == {
        "id": "b",
        "created_at": "2026-01-31T18:00:00.000Z",
        "send_at": None,
        "schedule": None,
        "channel": "sms",
        "campaign": None,
        "metadata": {},
        "total": 3,
        "statuses": {"queued": 1, "delivered": 2},
        "settled": False,
    }


@pytest.mark.parametrize(
    ("kinds", "value", "said"),
    [
        (Status | Missed | None, "bogus", "must be 'scheduled', .* or 'delivered', or be 'refused' or 'duplicate'"),
        (ColumnsSaid, {"to": 0}, "must be a valid string, or be greater than or equal to 1"),
    ],
    ids=["status", "columns.to"],
)
def test_a_value_that_is_of_no_kind_it_may_be_is_one_problem(
    request: pytest.FixtureRequest, kinds: Any, value: Any, said: str
) -> None:
    field = request.node.callspec.id
    with pytest.raises(ValidationError) as invalid:
        TypeAdapter(kinds).validate_python(value)
    at = ("query", *field.split(".")[:1])
    errors: list[Any] = [{**error, "loc": (*at, *error["loc"])} for error in invalid.value.errors()]
    (problem,) = unified.problems(errors)
    assert problem.field == field
    assert re.fullmatch(said, problem.reason)
