"""What the template tells every function: the environment, read once, typed."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from switchboard.dialects.registry import DIALECTS
from switchboard.routing import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The deployment's settings; all times in seconds, rates in messages a second over all of a provider's
    workers (0 = no limit), of which `concurrency` may run at once; `key_rate` in requests a second of one key."""

    table: str
    fire_queue: str
    fire_queue_arn: str
    schedule_group: str
    schedule_role_arn: str
    schedule_dead_letter_arn: str
    schedule_threshold: int
    schedule_lead: int
    queues: Mapping[str, str]
    watch_queue: str
    report_queue: str
    crm_queue: str
    uploads_bucket: str
    campaign_queue: str
    campaigns_bucket: str
    providers_secret: str
    urls: Mapping[str, str]
    rates: Mapping[str, float]
    concurrency: Mapping[str, int]
    routes: tuple[Route, ...]
    lease: float
    watch_delay: int
    recheck: int
    backoff: float
    max_passes: int
    window: int
    provider_timeout: float
    key_rate: float
    door_wait: float
    crm_settle: float
    crm_wait: float
    feed_lease: float
    retention: int
    loopback_endpoints: bool


_SINGLE = (
    *("FIRE_QUEUE_URL", "FIRE_QUEUE_ARN", "SCHEDULE_GROUP", "SCHEDULE_ROLE_ARN", "SCHEDULE_DEAD_LETTER_ARN"),
    *("SCHEDULE_THRESHOLD_SECONDS", "SCHEDULE_LEAD_SECONDS"),
    *("TABLE_NAME", "WATCH_QUEUE_URL", "REPORT_QUEUE_URL", "PROVIDERS_SECRET_ARN", "ROUTES", "LEASE_SECONDS"),
    *("WATCH_DELAY_SECONDS", "RECHECK_SECONDS", "BACKOFF_SECONDS", "MAX_PASSES", "WINDOW"),
    *("PROVIDER_TIMEOUT_SECONDS", "KEY_RATE", "DOOR_WAIT_SECONDS", "RETENTION_DAYS"),
    *("CRM_QUEUE_URL", "CRM_SETTLE_SECONDS", "CRM_WAIT_SECONDS", "UPLOADS_BUCKET", "LOOPBACK_ENDPOINTS"),
    *("CAMPAIGN_QUEUE_URL", "CAMPAIGNS_BUCKET", "FEED_LEASE_SECONDS"),
)
_PER_PROVIDER = ("QUEUE_URL", "URL", "RATE", "CONCURRENCY")

NAMES = frozenset(_SINGLE) | {f"{name.upper()}_{suffix}" for name in DIALECTS for suffix in _PER_PROVIDER}
"""Every environment name that our code reads."""


def parse(environment: Mapping[str, str]) -> Settings:
    """The settings in an environment. Raises KeyError for a missing name, ValueError for a wrong value."""

    def per_provider(suffix: str) -> dict[str, str]:
        return {name: environment[f"{name.upper()}_{suffix}"] for name in DIALECTS}

    return Settings(
        table=environment["TABLE_NAME"],
        fire_queue=environment["FIRE_QUEUE_URL"],
        fire_queue_arn=environment["FIRE_QUEUE_ARN"],
        schedule_group=environment["SCHEDULE_GROUP"],
        schedule_role_arn=environment["SCHEDULE_ROLE_ARN"],
        schedule_dead_letter_arn=environment["SCHEDULE_DEAD_LETTER_ARN"],
        schedule_threshold=int(environment["SCHEDULE_THRESHOLD_SECONDS"]),
        schedule_lead=int(environment["SCHEDULE_LEAD_SECONDS"]),
        queues=per_provider("QUEUE_URL"),
        watch_queue=environment["WATCH_QUEUE_URL"],
        report_queue=environment["REPORT_QUEUE_URL"],
        crm_queue=environment["CRM_QUEUE_URL"],
        uploads_bucket=environment["UPLOADS_BUCKET"],
        campaign_queue=environment["CAMPAIGN_QUEUE_URL"],
        campaigns_bucket=environment["CAMPAIGNS_BUCKET"],
        providers_secret=environment["PROVIDERS_SECRET_ARN"],
        urls={name: url.rstrip("/") for name, url in per_provider("URL").items()},
        rates={name: float(rate) for name, rate in per_provider("RATE").items()},
        concurrency={name: int(workers) for name, workers in per_provider("CONCURRENCY").items()},
        routes=tuple(Route.parse(route) for route in json.loads(environment["ROUTES"])),
        lease=float(environment["LEASE_SECONDS"]),
        watch_delay=int(environment["WATCH_DELAY_SECONDS"]),
        recheck=int(environment["RECHECK_SECONDS"]),
        backoff=float(environment["BACKOFF_SECONDS"]),
        max_passes=int(environment["MAX_PASSES"]),
        window=int(environment["WINDOW"]),
        provider_timeout=float(environment["PROVIDER_TIMEOUT_SECONDS"]),
        key_rate=float(environment["KEY_RATE"]),
        door_wait=float(environment["DOOR_WAIT_SECONDS"]),
        crm_settle=float(environment["CRM_SETTLE_SECONDS"]),
        crm_wait=float(environment["CRM_WAIT_SECONDS"]),
        feed_lease=float(environment["FEED_LEASE_SECONDS"]),
        retention=int(environment["RETENTION_DAYS"]) * 86400,
        loopback_endpoints=environment["LOOPBACK_ENDPOINTS"] == "yes",
    )


@cache
def settings() -> Settings:
    """This process's settings, read on first use so that importing a module needs no environment."""
    return parse(os.environ)
