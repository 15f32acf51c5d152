"""The delivery report to a client of the gateway: what the platform would have told it."""

from switchboard.dialects.bulksms.callbacks import Report, encode_report, told_at
from switchboard.dialects.door import Delivery
from switchboard.dialects.wire import Request
from switchboard.model.status import Status

_WORDS = {
    Status.SCHEDULED: "ACKED",
    Status.QUEUED: "ACKED",
    Status.SUBMITTED: "ACCEPTED",
    Status.UNCONFIRMED: "UNKNOWN",
    Status.SENT: "ENROUTE",
    Status.DELIVERED: "DELIVRD",
    Status.UNDELIVERED: "UNDELIV",
    Status.FAILED: "UNDELIV",
    Status.EXPIRED: "EXPIRED",
    Status.REJECTED: "REJECTD",
    Status.CANCELED: "DELETED",
}


def report(delivery: Delivery) -> Request:
    """The report that a client of the platform's doors is sent: the platform's ten fields, its times in UTC."""
    return encode_report(
        Report(
            message_id=delivery.id,
            status=_WORDS[delivery.status],
            source=delivery.sender or "",
            mobile=delivery.to.removeprefix("+"),
            submitted=told_at(delivery.submitted_at),
            done=told_at(delivery.done_at),
            cost="0",  # what a provider charges is between it and the gateway
            charge=str(delivery.parts),
            mcc_mnc="",
            error=delivery.code or "000",
        )
    )
