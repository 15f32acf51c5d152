"""The tracking table: the only room that knows keys and conditions."""

from switchboard.tracking.cancel import CancelResult, CancelResults, cancel_batch, cancel_message
from switchboard.tracking.chunks import Overtaken
from switchboard.tracking.inbound import keep_raw, store_inbound
from switchboard.tracking.keys import (
    drop_key,
    drop_login,
    end_key,
    get_key,
    get_login,
    get_session,
    key_of,
    keys_of,
    lease,
    list_key,
    note_use,
    put_key,
    put_login,
    put_session,
)
from switchboard.tracking.life import BatchLife, Life, Page, batch, by_address, message, of_batch, recent
from switchboard.tracking.seal import Batch, read_batch

__all__ = [
    "Batch",
    "BatchLife",
    "CancelResult",
    "CancelResults",
    "Life",
    "Overtaken",
    "Page",
    "batch",
    "by_address",
    "cancel_batch",
    "cancel_message",
    "drop_key",
    "drop_login",
    "end_key",
    "get_key",
    "get_login",
    "get_session",
    "keep_raw",
    "key_of",
    "keys_of",
    "lease",
    "list_key",
    "message",
    "note_use",
    "of_batch",
    "put_key",
    "put_login",
    "put_session",
    "read_batch",
    "recent",
    "store_inbound",
]
