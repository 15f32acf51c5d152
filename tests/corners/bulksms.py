"""The bulk platform's calls in their four corners; `as_printed` are the document's, with its letters for values.

The document's codes and its answer's form are there as it prints them; second-edition codes and other forms were seen.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from switchboard.dialects.bulksms.answers import Entry, TurnedDown, decode_answer, encode_answer
from switchboard.dialects.bulksms.callbacks import (
    Arrival,
    Report,
    decode_callback_answer,
    decode_inbound,
    decode_report,
    encode_callback_answer,
    encode_inbound,
    encode_report,
)
from switchboard.dialects.bulksms.codes import CODES, SMPP
from switchboard.dialects.bulksms.schedule import Schedule, decode_schedule, encode_schedule
from switchboard.dialects.bulksms.submit import Submit, Type, decode_submit, encode_submit
from switchboard.dialects.wire import Unreadable
from tests.corners.samples import SAMPLES, Call, Sample

A, B = "59899123456", "59899123457"
FIRST, SECOND = "8a0e4a5c-4c8f-4e0e-9f6d-0f6d6b3f0a11", "5b1d9f3e-0c8a-4f56-8a44-2d6f4d1c7b22"
CUT_SHORT = Unreadable("a multipart body that is cut short")
NO_CODE = Unreadable("an answer without a result code")

# --- any valid values -------------------------------------------------------------------------------------------------

_characters = st.characters(exclude_categories=["Cs"])
_said = st.text(_characters, min_size=1, max_size=40).filter(str.strip)
_any = st.text(_characters, max_size=20)
_maybe = st.none() | _said
_destination = st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True) | st.from_regex(
    r"[a-z][a-z .]{0,8}[a-z]", fullmatch=True
)
_source = st.from_regex(r"\+?[0-9]{1,18}", fullmatch=True) | st.text(_characters, min_size=1, max_size=11).filter(
    str.strip
)
_call = st.builds(
    Submit,
    username=_said,
    password=_said,
    type=st.sampled_from([type_ for type_ in Type if type_ not in {Type.RESERVED, Type.WAP_PUSH}]),
    dlr=st.booleans(),
    destinations=st.lists(_destination, min_size=1, max_size=5).map(tuple),
    source=_source,
    text=_said,
    link=_maybe,
    encoding_guessed=st.just(False),
    ip=_maybe,
    entity_id=_maybe,
    template_id=_maybe,
    telemarketer_id=_maybe,
)
_push = _call.map(lambda call: replace(call, type=Type.WAP_PUSH, link=call.link or "u"))
_guessed = st.builds(  # no text of hex digits in fours alone is one
    lambda call, type_: replace(call, type=type_, text=call.text + "?", encoding_guessed=True),
    _call,
    st.sampled_from([Type.UNICODE, Type.UNICODE_FLASH]),
)
submits = _call | _push | _guessed
_minutes = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(second=0, microsecond=0))
schedules = st.builds(Schedule, submit=submits, at=_minutes)
_code = st.sampled_from([*CODES, *SMPP]) | st.from_regex(r"[0-9]{1,5}", fullmatch=True)
_echoed = st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True) | st.just("NA")
_id = st.uuids().map(str)
_entry = (
    st.builds(Entry, _code)
    | st.builds(Entry, _code, _echoed, st.none() | _id)
    | st.builds(Entry, st.just("Scheduled"), st.none(), _id)
)
answers = st.lists(_entry, min_size=1, max_size=6).map(tuple)
_time = st.none() | st.datetimes().map(lambda moment: moment.replace(microsecond=0))
reports = st.builds(
    Report,
    message_id=_said,
    status=_said,
    **dict.fromkeys(("source", "mobile", "cost", "charge", "mcc_mnc", "error"), _any),
    **dict.fromkeys(("submitted", "done"), _time),
    **dict.fromkeys(("tag", "udf1", "udf2"), st.none() | _any),
)
arrivals = st.builds(Arrival, sender=_said, text=_any, to=_any, message_id=st.none() | _any)

# --- bulksms ----------------------------------------------------------------------------------------------------------

PRINTED = Submit(username="X", password="Y", type=Type.GSM, dlr=True, destinations=("Q",), source="R", text="S")
CALL = Submit(
    username="acme",
    password="secret",
    type=Type.GSM,
    dlr=True,
    destinations=(A,),
    source="Northwind",
    text="Hello",
)


def down(code: str, *destinations: str) -> TurnedDown:
    """What is said to a call that the vendor does not take."""
    return TurnedDown(code, destinations)


def written(said: Any, **files: dict[str, Any]) -> tuple[Sample, ...]:
    """Requests that are read and written, each by what it says beside `said`."""
    return tuple(Sample(file=f"{name}.request", says=replace(said, **changes)) for name, changes in files.items())


def read(**files: Any) -> tuple[Sample, ...]:
    """Requests that are only read."""
    return tuple(Sample(file=f"{name}.request", says=says, exact=False) for name, says in files.items())


_NAMES = ("username", "password", "type", "dlr", "source", "message")
_REQUESTS = (
    *read(
        # `type=Y` is no type, and a call with a time is not for this reader.
        example_url_as_printed=down("1704", "Q"),
        example_url_with_ip_as_printed=down("1704", "Q"),
        example_url_with_a_time_as_printed=down("1702", "Q"),
    ),
    *written(PRINTED, example_url={}, example_url_with_ip={"ip": "x"}),
    *written(
        CALL,
        type_0={},
        type_0_extension={"text": "[€] ñ"},
        type_1={"type": Type.GSM_FLASH, "text": "Fire alarm"},
        type_2={"type": Type.UNICODE, "text": "Привет😀"},
        type_4={"type": Type.WAP_PUSH, "link": "http://wap.example/a?b=c&d"},
        type_5={"type": Type.LATIN1, "text": "Sí, mañana ½"},
        type_6={"type": Type.UNICODE_FLASH, "text": "ALERTA!"},
        type_7={"type": Type.LATIN1_FLASH, "text": "Atención"},
        dlr_0={"dlr": False},
        destination_with_plus={"destinations": ("+" + A,)},
        destinations={"destinations": ("+" + A, B)},
        source_with_plus={"source": "+13056490655"},
        source_of_18_digits={"source": "123456789012345678"},
        source_of_11_characters={"source": "Northwind 1"},
        registered={"entity_id": "1001", "template_id": "1002", "telemarketer_id": "1003"},
        type_2_without_hex={"type": Type.UNICODE, "text": "Hi there", "encoding_guessed": True},
        type_2_hex_not_in_fours={"type": Type.UNICODE, "text": "004800", "encoding_guessed": True},
        type_6_text_in_utf8={"type": Type.UNICODE_FLASH, "text": "☎", "encoding_guessed": True},
        all_of_a_multiple_message={"text": "a" * 161},
        form_beyond_a_url={"text": "b" * 6000},
    ),
    *read(
        type_3=down("1704", A),
        type_unknown=down("1704", A),
        type_4_without_url=down("1702", A),
        type_2_half_a_pair=down("1705", A),
        dlr_invalid=down("1708", A),
        source_of_19_digits=down("1707", A),
        source_of_12_characters=down("1707", A),
        with_a_time=down("1702", A),
        **{f"{how}_{name}": down("1702", A) for how in ("without", "blank") for name in _NAMES},
        without_destination=down("1702"),
        blank_destination=down("1702"),
        too_many_parameters=Unreadable("too many parameters"),
        multipart_cut_short=CUT_SHORT,
    ),
    *read(
        destination_with_bare_plus=replace(CALL, destinations=("+" + A,)),
        destinations_with_bare_commas=replace(CALL, destinations=(A, B)),
        destinations_with_blanks=replace(CALL, destinations=("+" + A, B)),  # the first may have been a plus
        doubled_ampersands=CALL,
        latin1_octets=replace(CALL, text="mañana €"),
        latin1_escaped=replace(CALL, text="mañana €"),
        hex_in_lower_case=replace(CALL, type=Type.UNICODE, text="Привет😀"),
        form=CALL,
        form_without_a_type=CALL,
        post_with_everything_in_the_query=CALL,
        post_in_both=CALL,
        json=CALL,
        multipart=CALL,
    ),
)


def said(*entries: Entry) -> tuple[Entry, ...]:
    """An answer."""
    return entries


def _codes(call: str) -> tuple[Sample, ...]:
    table = (SAMPLES / "bulksms" / call / "codes.txt").read_text("utf-8")
    codes = [line.partition("\t")[0] for line in table.splitlines()]
    ids = {"1701": FIRST}
    return tuple(Sample(file=f"code_{code}.answer", says=said(Entry(code, A, ids.get(code)))) for code in codes)


_ANSWERS = (
    Sample(file="success_as_printed.answer", says=said(Entry("1701", "<CELL_NO>", "<MESSAGE ID>"))),
    Sample(file="reply_format_as_printed.answer", says=NO_CODE),
    Sample(file="list.answer", says=said(Entry("1701", "+" + A, FIRST), Entry("1706", "12"), Entry("1701", B, SECOND))),
    Sample(file="scheduled.answer", says=said(Entry("Scheduled", None, FIRST))),
)
_MORE_ANSWERS = (
    Sample(file="credit_ran_out.answer", says=said(Entry("1701", A, FIRST), Entry("1725", B))),
    Sample(file="bare_code.answer", says=said(Entry("1702"))),
    Sample(file="code_of_smpp.answer", says=said(Entry("11", A))),
    Sample(file="code_unknown.answer", says=said(Entry("4000", A))),
    Sample(file="na.answer", says=said(Entry("1701", A, FIRST), Entry("1706", "NA"))),
    Sample(file="missing_id.answer", says=said(Entry("1701", A))),
    Sample(file="older.answer", says=said(Entry("1701", A, FIRST)), exact=False),
    Sample(file="lines.answer", says=said(Entry("1701", A, FIRST), Entry("1701", B, SECOND)), exact=False),
    Sample(file="lines_with_returns.answer", says=said(Entry("1701", A, FIRST), Entry("1706", B)), exact=False),
    Sample(file="blank_id.answer", says=said(Entry("1701", A)), exact=False),
    Sample(file="as_html.answer", says=said(Entry("1701", A, FIRST)), exact=False),
    Sample(file="with_an_error_status.answer", says=said(Entry("1703", A)), exact=False),
    # What stands before a piece that cannot be read is still worth knowing.
    Sample(file="cut_short.answer", says=said(Entry("1701", A, FIRST), Entry("")), exact=False),
    Sample(file="html.answer", says=NO_CODE),
    Sample(file="empty.answer", says=NO_CODE),
    Sample(file="not_text.answer", says=Unreadable("an answer that is not text")),
    Sample(file="a_status_as_body.answer", says=Unreadable("a result code that may be an HTTP status")),
)

# --- schedulemsg ------------------------------------------------------------------------------------------------------


def at(day: int, hour: int, minute: int) -> datetime:
    """A moment of March 2030 in UTC: the document's dates, some years on."""
    return datetime(2030, 3, day, hour, minute, tzinfo=UTC)


MORNING, EVENING = at(3, 3, 45), at(3, 23, 51)
SCHEDULE = Schedule(submit=CALL, at=MORNING)
EVENINGS = replace(SCHEDULE, at=EVENING)
_TYPED = {type_: replace(CALL, type=type_, text="Hi") for type_ in Type if type_ is not Type.RESERVED}
_TYPED[Type.WAP_PUSH] = replace(_TYPED[Type.WAP_PUSH], link="http://wap.example")

_SCHEDULES = (
    # The URL of the call, and the URL that all seven code samples of the chapter have instead.
    *read(example_url_as_printed=down("1704", "X"), code_samples_url_as_printed=down("1704", "Q")),
    *written(
        SCHEDULE,
        example_url={},
        evening={"at": EVENING},
        midnight={"at": at(3, 0, 0)},
        noon={"at": at(3, 12, 30)},
        **{f"type_{type_}": {"submit": submit} for type_, submit in _TYPED.items()},
    ),
    *read(
        code_samples_url=SCHEDULE,
        names_of_the_descriptions=SCHEDULE,
        names_of_the_descriptions_at_bulksms=SCHEDULE,
        form=SCHEDULE,
        post_with_everything_in_the_query=SCHEDULE,
        bare_slashes_and_colons=SCHEDULE,
        year_of_two_digits=SCHEDULE,
        gmt_ahead=replace(SCHEDULE, at=at(3, 2, 15)),
        gmt_behind=replace(SCHEDULE, at=at(3, 13, 45)),
        gmt_with_a_bare_plus=replace(SCHEDULE, at=at(2, 22, 15)),
        gmt_without_the_word=replace(SCHEDULE, at=at(2, 22, 15)),
        gmt_without_the_word_and_plus=replace(SCHEDULE, at=at(2, 22, 15)),
        gmt_without_minutes=replace(SCHEDULE, at=at(3, 6, 45)),
        gmt_word_without_minutes=replace(SCHEDULE, at=at(3, 6, 45)),
        upper_case_pm=EVENINGS,
        no_blank_before_pm=EVENINGS,
        twelve_am=replace(SCHEDULE, at=at(3, 0, 15)),
        zero_am=replace(SCHEDULE, at=at(3, 0, 15)),
        zero_pm=replace(SCHEDULE, at=at(3, 12, 15)),
        next_day_in_utc=replace(SCHEDULE, at=at(4, 9, 51)),
    ),
    *read(
        type_3=down("1704", A),
        multipart_cut_short=CUT_SHORT,
        **dict.fromkeys(
            (
                *("hour_13", "minute_60", "no_am_or_pm", "month_13", "day_30_of_february", "year_0"),
                *("before_the_first_year", "gmt_of_45_minutes", "gmt_of_13_hours", "gmt_alone", "blank_date"),
                *("without_date", "without_time", "without_gmt", "without_gmt_at_bulksms", "without_all_three"),
            ),
            down("1702", A),
        ),
    ),
)

# --- callbacks --------------------------------------------------------------------------------------------------------

REPORT = Report(
    message_id=FIRST,
    status="DELIVRD",
    source="Northwind",
    mobile=A,
    submitted=datetime.fromisoformat("2026-11-22 14:05:37"),
    done=datetime.fromisoformat("2026-11-22 14:05:41"),
    cost="0.004",
    charge="1",
    mcc_mnc="74801",
    error="000",
)
_WORDS = ("ACKED", "ENROUTE", "ACCEPTED", "UNKNOWN", "DELIVRD", "UNDELIV", "EXPIRED", "DELETED", "REJECTD", "LOST")
_REPORTS = (
    *written(
        REPORT,
        **{f"word_{word.lower()}": {"status": word} for word in _WORDS},
        newer={"status": "UNDELIV", "error": "27", "tag": "spring", "udf1": "a", "udf2": "b"},
        without_times={"submitted": None, "done": None},
    ),
    *read(
        query=REPORT,
        form_without_a_type=REPORT,
        impossible_times=replace(REPORT, submitted=None, done=None),
        shortest=Report(message_id=FIRST, status="DELIVRD"),
        without_status=Unreadable("neither a delivery report nor an inbound message"),
        without_id=Unreadable("neither a delivery report nor an inbound message"),
        an_inbound_message=Unreadable("not a delivery report"),
    ),
)
ARRIVAL = Arrival(sender=A, to="24680", text="Sí, gracias", message_id=FIRST)
_ARRIVALS = (
    *written(ARRIVAL, form={}, without_an_id={"to": "", "text": "", "message_id": None}),
    *read(
        query=ARRIVAL,
        json=ARRIVAL,
        shortest=Arrival(sender=A, text="Hi"),
        without_from=Unreadable("neither a delivery report nor an inbound message"),
        without_message=Unreadable("neither a delivery report nor an inbound message"),
        a_delivery_report=Unreadable("not an inbound message"),
    ),
)
_TAKEN = (
    Sample(file="taken.answer", says=True),
    Sample(file="taken_202.answer", says=True, exact=False),
    Sample(file="not_taken.answer", says=False),
    Sample(file="not_found.answer", says=False, exact=False),
)

# --- the table --------------------------------------------------------------------------------------------------------

_OF_A_CALL: dict[str, Any] = {
    "vendor": "bulksms",
    "encode_answer": encode_answer,
    "decode_answer": decode_answer,
    "answers": answers,
    "typed": (Unreadable, TurnedDown),
}
_OF_A_CALLBACK: dict[str, Any] = {
    "vendor": "bulksms",
    "encode_answer": encode_callback_answer,
    "decode_answer": decode_callback_answer,
    "answers": st.booleans(),
    "typed": (Unreadable,),
}

CALLS = (
    Call(
        name="bulksms",
        encode=encode_submit,
        decode=decode_submit,
        requests=submits,
        samples=(*_REQUESTS, *_codes("bulksms"), *_ANSWERS, *_MORE_ANSWERS),
        **_OF_A_CALL,
    ),
    Call(
        name="schedulemsg",
        encode=encode_schedule,
        decode=decode_schedule,
        requests=schedules,
        samples=(*_SCHEDULES, *_codes("schedulemsg"), *_ANSWERS),
        **_OF_A_CALL,
    ),
    Call(
        name="delivery_report",
        encode=encode_report,
        decode=decode_report,
        requests=reports,
        samples=(*_REPORTS, *_TAKEN),
        **_OF_A_CALLBACK,
    ),
    Call(
        name="inbound",
        encode=encode_inbound,
        decode=decode_inbound,
        requests=arrivals,
        samples=(*_ARRIVALS, *_TAKEN),
        **_OF_A_CALLBACK,
    ),
)
