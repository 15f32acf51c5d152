"""SQS to batches: files of campaigns that came, and campaigns to go on with, to wake, or to write a file about."""

import time
from typing import Any

from switchboard import feed, observe, outcomes, queues
from switchboard.settings import settings

_PATIENCE = 5  # how often a name waits for another worker: from then on that one, and the watch, see to it


@observe.invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Each record on its own; those that must come back are named (ReportBatchItemFailures)."""
    observe.collect_from_now_on()  # one invocation may make as much garbage as there is memory
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    failed = [record["messageId"] for record in event["Records"] if not _done(record, deadline)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _done(record: dict[str, Any], deadline: float) -> bool:
    """Whether the record is done with."""
    try:
        try:
            name = dict(queues.parse_campaign(record["body"]))
            if "upload" in name or "walk" in name:  # the watch does not know of these: they must come back soon
                queues.postpone_campaign(record["receiptHandle"], settings().feed_lease)
            _do(name, deadline)
        except feed.Later as later:
            if int(record["attributes"]["ApproximateReceiveCount"]) < _PATIENCE:
                queues.postpone_campaign(record["receiptHandle"], later.seconds)
                return False
    except Exception as error:  # the process's edge: the other records must not fail with this one
        observe.failure("a campaign was not fed", error, sqs_message_id=record["messageId"])
        return False
    return True


def _do(name: dict[str, Any], deadline: float) -> None:
    if "upload" in name:
        feed.upload(name["upload"], name["etag"], name["size"], deadline)
    elif "feed" in name:
        feed.feed(name["feed"], deadline)
    elif "walk" in name:
        feed.walk(name["walk"], name["after"], deadline)
    elif "report" in name:
        outcomes.write(name["report"], name["ticket"], name, deadline)
