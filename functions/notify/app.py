"""SQS to a client: every record names a message that there is news of for the client that sent it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from switchboard import observe, queues
from switchboard.report import NotTaken, report, wait

RECORDS = ThreadPoolExecutor(max_workers=10, thread_name_prefix="record")  # the event source's batch size


@observe.invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """All records at once, none of which takes long; those that must come back are named (ReportBatchItemFailures)."""
    done = RECORDS.map(_reported, event["Records"])
    failed = [record["messageId"] for record, ok in zip(event["Records"], done, strict=True) if not ok]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _reported(record: dict[str, Any]) -> bool:
    """Whether the record is done with."""
    try:
        try:
            report(queues.parse_report(record["body"]))
        except NotTaken as refused:
            tries = int(record["attributes"]["ApproximateReceiveCount"])
            queues.postpone_report(record["receiptHandle"], wait(tries, refused.retry_after))
            return False
    except Exception as error:  # the process's edge: the other records must not fail with this one
        observe.failure("a report was not made", error, sqs_message_id=record["messageId"])
        return False
    return True
