"""SQS to the CRM: every record names a deal or an account with writes that wait."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from switchboard import observe, queues
from switchboard.crm import Later, work

RECORDS = ThreadPoolExecutor(max_workers=10, thread_name_prefix="record")  # the event source's batch size


@observe.invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """All records at once; those that must come back are named (ReportBatchItemFailures)."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    done = RECORDS.map(partial(_worked, deadline), event["Records"])
    failed = [record["messageId"] for record, ok in zip(event["Records"], done, strict=True) if not ok]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _worked(deadline: float, record: dict[str, Any]) -> bool:
    """Whether the record is done with."""
    try:
        try:
            work(queues.parse_record(record["body"]), deadline)
        except Later as later:
            return queues.postpone_record(record, later.seconds)
    except Exception as error:  # the process's edge: the other records must not fail with this one
        observe.failure("writes to the CRM were not done", error, sqs_message_id=record["messageId"])
        return False
    return True
