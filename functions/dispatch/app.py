"""SQS to a provider: every record names a chunk of messages to submit."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from switchboard import observe, queues
from switchboard.dispatch import Later, dispatch

RECORDS = ThreadPoolExecutor(max_workers=10, thread_name_prefix="record")  # the event sources' batch size


@observe.invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """All records at once; those that must come back are named (ReportBatchItemFailures)."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    done = RECORDS.map(partial(_submitted, deadline), event["Records"])
    failed = [record["messageId"] for record, ok in zip(event["Records"], done, strict=True) if not ok]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _submitted(deadline: float, record: dict[str, Any]) -> bool:
    """Whether the record is done with."""
    try:
        name = queues.parse_name(record["body"])
        try:
            dispatch(name.chunk, name.provider, deadline)
        except Later as later:
            return queues.postpone(name.provider, record, later.seconds)
    except Exception as error:  # the process's edge: the other records must not fail with this one
        observe.failure("a chunk was not dispatched", error, sqs_message_id=record["messageId"])
        return False
    return True
