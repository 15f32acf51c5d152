"""What is too much, too long or too odd is refused where it comes in, and spoils nothing beside it."""

from typing import Any

import pytest

from switchboard import providers, receive
from switchboard.dialects import unified
from switchboard.dialects.bulksms.callbacks import _read_time
from switchboard.dialects.bulksms.provider import _in_zone
from switchboard.dialects.wire import Request
from switchboard.model.outcome import Outcome, Verdict
from switchboard.model.problem import Refused
from switchboard.model.receipt import Inbound, Receipt

SMS = {"to": "+13056490655"}
DAY = "2026-01-31 18:00:00"
MAIL = {"to": "ana@example.com", "text": "Hello"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**SMS, "text": "{{a}}", "variables": {"a": " "}}, "to.0"),
        ({**SMS, "text": "{{a}}" + "x" * 5000, "variables": {"a": "b"}}, "to.0"),
        ({**SMS, "text": "{{a}}" * 300, "variables": {"a": ""}}, "text"),
        ({**MAIL, "html": "{{a}}" * 300, "variables": {"a": ""}}, "html"),
        ({**MAIL, "subject": "{{n}}", "to": [{"to": "a@b.cd", "variables": {"n": "x\r\nBcc: b@c.de"}}]}, "to.0"),
        ({**MAIL, "invitation": {"title": "a\nb", "organizer": "c", "start": DAY, "end": DAY}}, "invitation.title"),
        ({**MAIL, "to": "a\x00b@example.com"}, "to.0"),
    ],
)  # fmt: skip
def test_a_request_that_would_not_arrive_as_meant(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        unified.submission(unified.SendRequest.model_validate(body), "US")
    assert field in {problem.field for problem in refused.value.problems}


@pytest.mark.parametrize(
    "at", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-01-31", "2026-01-31T10:00:00"]
)
def test_a_time_that_is_no_moment(at: str) -> None:
    with pytest.raises(ValueError, match="time with its zone"):
        unified.SendRequest.model_validate({**SMS, "text": "Hello", "expires_at": at})


@pytest.mark.parametrize(
    ("date", "zone"), [("0001-01-01 00:00:00", "Asia/Kolkata"), ("9999-12-31 23:59:59", "America/Lima")]
)
def test_an_empty_date_of_a_vendor_is_no_moment(date: str, zone: str) -> None:
    assert _in_zone(_read_time(date), zone) is None


def test_an_outcome_fits_into_the_table_whatever_the_vendor_wrote() -> None:
    odd = Outcome(verdict=Verdict.ACCEPTED, vendor_id="x" * 3000, code="y" * 3000, detail="z" * 450_000)
    kept = providers._bounded(odd)
    assert (kept.vendor_id, len(kept.code or ""), len(kept.detail or "")) == (None, 500, 500)


@pytest.mark.parametrize(
    "event",
    [
        Inbound(sender=" ", text="x"), Inbound(sender="1" * 300, text="x"), Inbound(sender="1", text="x" * 500_000),
        Inbound(sender="1", text="x", vendor_id="y" * 300),
        Receipt(vendor_id="", word="x"), Receipt(vendor_id="é" * 300, word="x"), Receipt(vendor_id="1", word="x" * 600),
    ],
)  # fmt: skip
def test_a_callback_that_nobody_can_have_meant(event: Inbound | Receipt) -> None:
    assert not event.plausible


def test_what_is_kept_raw_holds_no_token_and_fits_an_item() -> None:
    request = Request(method="POST", path="/callbacks/hubb/secret", query=b"q" * 500_000, body=b"b" * 500_000)
    raw = receive._raw(request)
    assert "secret" not in str(raw) and len(str(raw)) < 200_000
