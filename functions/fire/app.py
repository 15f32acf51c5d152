"""The fire queue: scheduled batches whose time has come near."""

import json
from typing import Any

from switchboard import observe
from switchboard.fire import fire


@observe.invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Each record on its own; those that failed are named (ReportBatchItemFailures)."""
    failed = [record["messageId"] for record in event["Records"] if not _fired(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _fired(record: dict[str, Any]) -> bool:
    """Whether the record is done with."""
    try:
        fire(json.loads(record["body"]))
    except Exception as error:  # the process's edge: the other records must not fail with this one
        observe.failure("an alarm was not answered", error, sqs_message_id=record["messageId"])
        return False
    return True
