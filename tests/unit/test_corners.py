"""Every call of the vendors, from one table: samples both ways, round trips, damage, and that nothing was left out."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard.dialects.wire import Request, Response
from tests.corners import CALLS, VENDORS
from tests.corners.samples import SAMPLES, Call, Row, Sample, parameters
from tests.fuzz import decoders
from tests.fuzz.damage import MEDIA, Damage

DAMAGED = 200  # ways, a sample
TABLES = ("parameters.txt", "errors.txt", "codes.txt")
COUNTS = {  # rows of the documents' parameter tables, as transcribed
    **{("hubb", "send_sms"): 31, ("hubb", "crm_add_deal"): 60, ("hubb", "master_account"): 16},
    **{("bulksms", "bulksms"): 7, ("bulksms", "schedulemsg"): 10},
    **{("ucontact", "SendSMS"): 5, ("ucontact", "SendSMSv2"): 5, ("ucontact", "ReceiveURLSMS"): 2},
    **{("ucontact", "ScheduleDialerSMS"): 1 + 4, ("ucontact", "uploadbase"): 3, ("ucontact", "uploadDialerBase"): 7},
    **{("ucontact", "uploadMultiChannelBlacklist"): 4, ("ucontact", "sendEmail"): 8 + 4},
    **{("ucontact", "browser_snippet"): 4},
}
CODES = (  # of the bulk document's table, which it prints twice, then of its second edition
    *("1701", "1702", "1703", "1704", "1705", "1706", "1707", "1708", "1709", "1710", "1725", "1715", "1732", "1028"),
    *("1041", "1042", "1033", "69", "8", "16", "18"),
)
ERRORS = (
    "Not Enough Balance to process this request",
    "Invalid Key or missing parameters",
    "From Number is not active on this account",
)
SESSION = {("ucontact", name) for name in ("getUserToken", "UserLogin", "EndSession")}  # named, and not tabled

quickly = settings(deadline=None, max_examples=100, derandomize=True, suppress_health_check=list(HealthCheck))
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.vendor}/{call.name}")


def each(wanted: Callable[[Sample], bool] = lambda sample: True) -> pytest.MarkDecorator:
    """Every sample of that kind, with its call."""
    found = [(call, sample) for call in CALLS for sample in call.samples if wanted(sample)]
    names = [f"{call.vendor}/{call.name}/{sample.file}" for call, sample in found]
    return pytest.mark.parametrize(("call", "sample"), found, ids=names)


# --- samples, both ways -----------------------------------------------------------------------------------------------


@each()
def test_a_sample_is_read(call: Call, sample: Sample) -> None:
    message: Any = call.request(sample) if sample.is_request else call.answer(sample)
    read: Callable[[Any], Any] = call.decode if sample.is_request else call.decode_answer
    if sample.is_read:
        assert read(message) == sample.says
        return
    with pytest.raises(type(sample.says)) as raised:
        read(message)
    assert told(raised.value) == told(sample.says)


def told(error: Exception) -> tuple[object, ...]:
    """All that an error says, in words and in fields."""
    said = {name: value for name, value in vars(error).items() if name != "problems"}  # no words of the vendor's
    return type(error), str(error), error.args, said


@each(lambda sample: sample.is_written and sample.is_request)
def test_a_request_is_written_as_it_is_printed(call: Call, sample: Sample) -> None:
    assert shown(call.encode(sample.says)) == shown(call.request(sample))


@each(lambda sample: sample.is_written and not sample.is_request)
def test_an_answer_is_written_as_it_is_printed(call: Call, sample: Sample) -> None:
    written, printed = call.encode_answer(sample.says), call.answer(sample)
    assert (written.status, written.body) == (printed.status, printed.body)


def shown(request: Request) -> tuple[object, ...]:
    media = (request.header("content-type") or "").partition(";")[0].strip().lower()
    return request.method, request.path, request.query, media, request.body


# --- round trips ------------------------------------------------------------------------------------------------------


@each_call
def test_a_request_comes_back(call: Call) -> None:
    comes_back(call.requests, call.encode, call.decode)


@each_call
def test_an_answer_comes_back(call: Call) -> None:
    comes_back(call.answers, call.encode_answer, call.decode_answer)


def comes_back(values: st.SearchStrategy[Any], encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> None:
    @quickly
    @given(values)
    def check(value: Any) -> None:
        assert decode(encode(value)) == value

    check()


# --- damage: a typed error or a value, never anything else ------------------------------------------------------------


@each()
def test_a_damaged_sample_gives_a_typed_error(call: Call, sample: Sample) -> None:
    damage = Damage(sum(sample.file.encode()))
    for _ in range(DAMAGED):
        if sample.is_request:
            only_typed(call.name, call.typed, call.decode, damage.request(call.request(sample)))
        else:
            only_typed(call.name, call.typed, call.decode_answer, damage.answer(call.answer(sample)))


@each_call
def test_arbitrary_bytes_give_typed_errors(call: Call) -> None:
    path = next(call.request(sample).path for sample in call.samples if sample.is_request)
    media = st.sampled_from(MEDIA)

    @quickly
    @given(raw=st.binary(max_size=200), query=st.binary(max_size=60), media=media, status=st.integers(100, 599))
    def check(raw: bytes, query: bytes, media: str, status: int) -> None:
        headers = (("content-type", media),)
        for body in (raw, b"--b--b\r\n" + raw + b"\r\n--b--b--", b'{"a":' + raw + b"}"):
            request = Request(method="POST", path=path, query=query, headers=headers, body=body)
            only_typed(call.name, call.typed, call.decode, request)
            only_typed(call.name, call.typed, call.decode_answer, Response(status=status, headers=headers, body=body))

    check()
    damage = Damage(len(call.name))
    for _ in range(2 * DAMAGED):
        only_typed(call.name, call.typed, call.decode, damage.noisy_request(path))
        only_typed(call.name, call.typed, call.decode_answer, damage.noisy_answer())


def only_typed(
    name: str, typed: tuple[type[Exception], ...], read: Callable[[Any], Any], message: Request | Response
) -> None:
    try:
        with suppress(*typed):
            read(message)
    except Exception as error:
        error.add_note(f"{name} read {message!r}")
        raise


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_outcome_a_callback_or_a_token_is_read_or_unreadable(vendor: str) -> None:
    known, damage = list(decoders.readers_of(vendor)), Damage(7)
    assert {reader.name.partition(" ")[2] for reader in known} >= {"outcomes", "callback"}
    for reader in known:
        for start in reader.starts:
            for _ in range(DAMAGED // 10):
                message = damage.request(start) if isinstance(start, Request) else damage.answer(start)
                only_typed(reader.name, reader.typed, reader.read, message)


# --- nothing was left out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("vendor", "name"), sorted({*COUNTS, *SESSION}))
def test_every_call_of_the_documents_is_in_the_table(vendor: str, name: str) -> None:
    assert [(call.vendor, call.name) for call in CALLS].count((vendor, name)) == 1


@each_call
def test_a_call_has_samples_in_all_four_corners(call: Call) -> None:
    assert [corner for corner, samples in call.corners.items() if not samples] == []


@each_call
def test_every_file_is_in_the_table_and_once(call: Call) -> None:
    files = sorted(path.name for path in call.folder.iterdir())
    assert sorted(sample.file for sample in call.samples) == [file for file in files if file not in TABLES]


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_folder_is_without_a_call(vendor: str) -> None:
    called = {call.name for call in CALLS if call.vendor == vendor}
    assert {path.name for path in (SAMPLES / vendor).iterdir()} == called


@pytest.mark.parametrize(("vendor", "name"), COUNTS)
def test_every_row_of_the_documents_is_accounted_for(vendor: str, name: str) -> None:
    found = list(parameters(SAMPLES / vendor / name / "parameters.txt"))
    assert len(found) == COUNTS[vendor, name]
    assert len({row.name for row in found}) == len(found)
    assert [row.name for row in found if not row.where] == [], "carried where, or refused why?"
    assert {row.required for row in found} <= {"R", "O", "-"}


@each_call
def test_every_parameter_is_in_a_request_and_carried_where_it_says(call: Call) -> None:
    samples = [sample for sample in call.samples if sample.is_request]
    requests = [call.request(sample) for sample in samples]
    values = [sample.says for sample in samples if sample.is_read]
    table = call.folder / "parameters.txt"
    found = list(parameters(table)) if table.exists() else []
    assert [row.name for row in found if not any(names(request, row.name) for request in requests)] == []
    assert [row for row in found if row.carried and not any(sets(value, attribute(row)) for value in values)] == []


def names(request: Request, name: str) -> bool:
    """Whether a request has a parameter of that name: in the path, query, form, multipart or JSON."""
    raw = b"\n".join((request.path.encode(), request.query, request.body))
    name = name.rpartition(".")[2]  # schedule.title is `title` in the object `schedule`
    spelt = rb'(?:(?:^|[/?&\n])%(name)s(?:\[\])?=|name="%(name)s(?:\[\])?"|"%(name)s"\s*:)' % {
        b"name": re.escape(name.encode())
    }
    return any(re.search(spelt, text) for text in (raw, unquote_to_bytes(raw.replace(b"+", b" "))))


def attribute(row: Row) -> str:
    return row.where.partition(";")[0].strip().strip("`")


def sets(value: Any, dotted: str) -> bool:
    """Whether a typed value has something of its own there: neither nothing nor what is there anyway."""
    default: Any = MISSING
    for name in dotted.split("."):
        default = default_of(value, name)
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value not in (None, (), {}, "") and (default is MISSING or value != default)


def default_of(value: Any, name: str) -> Any:
    field = next((field for field in fields(value) if field.name == name), None) if is_dataclass(value) else None
    if field is None or field.default_factory is MISSING:
        return field.default if field else MISSING
    return field.default_factory()


def test_every_error_text_is_written_and_read() -> None:
    call = next(call for call in CALLS if call.name == "send_sms")
    assert lines(call, "errors.txt") == list(ERRORS)
    for other in (call for call in CALLS if (call.folder / "errors.txt").exists()):
        bodies = written_bodies(other)
        assert [text for text in lines(other, "errors.txt") if not any(text.encode() in body for body in bodies)] == []


def test_every_code_is_written_and_read() -> None:
    tables = [call for call in CALLS if (call.folder / "codes.txt").exists()]
    assert {call.name for call in tables} >= {"bulksms"}
    for call in tables:
        codes = [line.partition("\t")[0] for line in lines(call, "codes.txt")]
        assert codes[: len(CODES)] == list(CODES)
        assert len(set(codes)) == len(codes)
        bodies = written_bodies(call)
        assert [
            code for code in codes if not any(re.search(rb"(^|,)%s(\||,|$)" % code.encode(), b) for b in bodies)
        ] == []


def lines(call: Call, file: str) -> list[str]:
    return (call.folder / file).read_text("utf-8").splitlines()


def written_bodies(call: Call) -> list[bytes]:
    """The bodies of the answers that are both written and read."""
    return [call.answer(sample).body for sample in call.samples if sample.is_written and not sample.is_request]
