"""Answers about campaigns: how one stands in the words of our API."""

from collections.abc import Callable
from typing import Any

from switchboard.accept import IdempotencyConflict
from switchboard.campaigns import Life, NotPossible
from switchboard.credentials import Client
from switchboard.dialects import unified_campaigns as words
from switchboard.files import Form
from switchboard.model.campaign import Campaign, Progress, State
from switchboard.model.problem import Problem
from switchboard.web import JSON, Fault, Response, found

_RETRY = "5"  # seconds
_PAST = {
    None: "It is finished: every message of it has been handed over.",
    State.WAITING: "Its file has not come: only cancel is possible.",
}


def url(id_: str) -> str:
    """Where a campaign can be followed."""
    return f"/v1/campaigns/{id_}"


def begun(campaign: Campaign, form: Form, replayed: bool) -> Response[words.Begun]:
    """The answer to whoever asked for a campaign."""
    told = {"id": campaign.id, "url": url(campaign.id), "upload": form}
    headers = {"Location": url(campaign.id), **({"Idempotent-Replayed": "true"} if replayed else {})}
    return Response(201, JSON, words.Begun.model_validate(told), headers)


def line(campaign: Campaign, progress: Progress) -> words.CampaignLine:
    """A campaign in a list."""
    return words.CampaignLine.model_validate(_line(campaign, progress, False))


def life(campaign: Life) -> words.CampaignTold:
    """A campaign and how its rows stand."""
    told = {
        **_line(campaign.campaign, campaign.progress, campaign.finished),
        **{name: getattr(campaign, name) for name in ("finished_at", "counted", "estimated_end")},
        **{"fed_at": campaign.progress.fed_at, "statuses": dict(campaign.statuses), "refusals": campaign.refusals},
        "rate": None if campaign.rate is None else round(campaign.rate, 3),
        "metadata": dict(campaign.campaign.metadata),
    }
    return words.CampaignTold.model_validate(told)


def _line(campaign: Campaign, progress: Progress, finished: bool) -> dict[str, Any]:
    failed = progress.state is State.FAILED
    return {
        **{"id": campaign.id, "name": campaign.name, "url": url(campaign.id), "created_at": campaign.created_at},
        **{name: getattr(progress, name) for name in ("started_at", "rows", "accepted", "refused", "duplicates")},
        "state": _state(progress, finished),
        "failure": progress if failed else None,
    }


def _state(progress: Progress, finished: bool) -> words.CampaignState:
    if progress.state is not State.RUNNING or progress.fed_at is None:
        return words.CampaignState(progress.state)
    return words.CampaignState.FINISHED if finished else words.CampaignState.FED


def steered(client: Client, id_: str, steer: Callable[[Client, str], Progress | None]) -> words.Steered:
    """Steer a campaign; where it stands then. Raises `Fault` for none, and for one that is past that."""
    try:
        return words.Steered(id=id_, state=_state(found(steer(client, id_), "campaign"), False))
    except NotPossible as refused:
        raise Fault(409, _PAST.get(refused.state, f"It is {refused.state}: it cannot be steered so.")) from None


def conflict(_: IdempotencyConflict) -> Fault:
    """The refusal of a key that stands for another request."""
    return Fault(
        422, "The key stands for another request.", Problem("Idempotency-Key", "was used with another request")
    )


def report(id_: str, link: str) -> Response[Any]:
    """The way to the file of outcomes, or when to ask again."""
    if link:
        return Response(303, JSON, words.BeingMade(id=id_, ready=True), {"Location": link})
    return Response(202, JSON, words.BeingMade(id=id_, ready=False), {"Retry-After": _RETRY})
