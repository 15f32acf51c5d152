"""EventBridge Scheduler: alarms that put a name into the fire queue, once, in UTC; never any content."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from switchboard import queues
from switchboard.clients import client
from switchboard.settings import settings

Body = Mapping[str, str | float]


def near(at: float, now: float) -> bool:
    """Whether a moment (epoch seconds) is so near that SQS alone keeps it."""
    return at - now <= settings().schedule_threshold


def arm(name: str, at: float, body: Body) -> None:
    """Have `body` in the fire queue somewhat before `at` (epoch seconds): schedules fire within their minute.

    `name` has letters, digits and `-_.`, 64 at most; an alarm of that name that stands already is left as it is. It is
    gone once it has rung. Repeating this is safe, and so is what it leads to: whoever is named looks for itself.
    """
    now, begin = time.time(), at - settings().schedule_lead
    if near(at, now):
        queues.fire(body, begin - now)
        return
    scheduler = client("scheduler")
    try:
        scheduler.create_schedule(
            Name=name,
            GroupName=settings().schedule_group,
            ScheduleExpression=f"at({datetime.fromtimestamp(max(begin, now + 1), UTC):%Y-%m-%dT%H:%M:%S})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": settings().fire_queue_arn,
                "RoleArn": settings().schedule_role_arn,
                "Input": json.dumps(body),
                "DeadLetterConfig": {"Arn": settings().schedule_dead_letter_arn},
            },
        )
    except scheduler.exceptions.ConflictException:
        return
