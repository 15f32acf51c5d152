"""The bulk platform's result codes (the document's table, printed twice, and its second edition) and their meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from switchboard.model.outcome import Concern, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a result code means. `stops`: nothing after it in a list was taken; `whole`: it is about the request."""

    words: str = ""
    verdict: Verdict = Verdict.REJECTED
    concern: Concern = Concern.RECIPIENT
    stops: bool = True
    whole: bool = False


SUCCESS = "1701"
SCHEDULED = "Scheduled"

_RECIPIENT = Meaning()
_ACCOUNT = Meaning(concern=Concern.ACCOUNT)
_REQUEST = Meaning(concern=Concern.ACCOUNT, whole=True)
_DOUBTFUL = Meaning(verdict=Verdict.UNCONFIRMED, concern=Concern.ACCOUNT, stops=False)

_ROWS: tuple[tuple[int, str, Meaning], ...] = (
    (1701, "submitted", Meaning(verdict=Verdict.ACCEPTED, stops=False)),
    (1702, "a parameter is missing or blank, or a time is past", _REQUEST),
    (1703, "wrong username or password", _REQUEST),
    (1704, "invalid type", _REQUEST),
    (1705, "invalid message", _REQUEST),
    (1706, "invalid destination", Meaning(stops=False)),
    (1707, "invalid source", _REQUEST),
    (1708, "invalid dlr", _REQUEST),
    # The one code that may be sent again, by the document's own note.
    (1709, "user validation failed", Meaning(verdict=Verdict.RETRYABLE, concern=Concern.ACCOUNT)),
    (1710, "internal error", _DOUBTFUL),
    (1715, "response timeout", _DOUBTFUL),
    (1725, "insufficient credit", _ACCOUNT),
    (1732, "do-not-disturb register", _RECIPIENT),
    (1028, "taken for spam", _ACCOUNT),
    (1033, "the message fits no template", _ACCOUNT),
    (1041, "duplicate message", _RECIPIENT),  # another provider would deliver it a second time
    (1042, "destination asked not to be disturbed", _RECIPIENT),
    (8, "internal error", _DOUBTFUL),
    (69, "internal error", _DOUBTFUL),
    (16, "address on the blacklist", _REQUEST),
    (18, "address not on the whitelist", _REQUEST),
    (1025, "insufficient credit", _ACCOUNT),
    (1026, "insufficient credit of the reseller", _ACCOUNT),
    (1726, "insufficient credit of the reseller", _ACCOUNT),
    (1032, "do-not-disturb register", _RECIPIENT),
    (1035, "opted out", _RECIPIENT),
)
CODES: Mapping[str, Meaning] = {str(code): replace(kind, words=words) for code, words, kind in _ROWS}

# What SMPP v3.4 (its table of command statuses) says for certain; all are final by the document's note.
_SMPP_ROWS: tuple[tuple[int, str, Meaning], ...] = (
    (1, "invalid message length", _ACCOUNT),
    (4, "wrong bind status", _ACCOUNT),
    (6, "invalid priority", _ACCOUNT),
    (7, "invalid registered delivery", _ACCOUNT),
    (10, "invalid source address", _ACCOUNT),
    (11, "invalid destination address", _RECIPIENT),
    (13, "bind failed", _ACCOUNT),
    (14, "invalid password", _ACCOUNT),
    (15, "invalid system id", _ACCOUNT),
    (20, "message queue full", _ACCOUNT),
    (21, "invalid service type", _ACCOUNT),
    (51, "invalid number of destinations", _ACCOUNT),
    (67, "invalid esm class", _ACCOUNT),
    (72, "invalid source type of number", _ACCOUNT),
    (73, "invalid source numbering plan", _ACCOUNT),
    (80, "invalid destination type of number", _RECIPIENT),
    (81, "invalid destination numbering plan", _RECIPIENT),
    (83, "invalid system type", _ACCOUNT),
    (88, "throttled", _ACCOUNT),
    (97, "invalid delivery time", _ACCOUNT),
    (98, "invalid validity period", _ACCOUNT),
    (99, "invalid predefined message", _ACCOUNT),
    (101, "permanent error of the receiver", _RECIPIENT),
    (102, "rejected by the receiver", _RECIPIENT),
    (192, "error in the optional part", _ACCOUNT),
    (193, "optional parameter not allowed", _ACCOUNT),
    (194, "invalid parameter length", _ACCOUNT),
    (195, "optional parameter missing", _ACCOUNT),
    (196, "invalid optional parameter", _ACCOUNT),
)
SMPP: Mapping[str, Meaning] = {str(code): replace(kind, words=f"SMPP: {words}") for code, words, kind in _SMPP_ROWS}

UNKNOWN = replace(_DOUBTFUL, words="a result code that the document does not have")


def meaning(code: str) -> Meaning:
    """What a result code means; an unknown one is in doubt."""
    return CODES.get(code) or SMPP.get(code) or UNKNOWN
