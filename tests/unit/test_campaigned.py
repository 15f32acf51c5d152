"""What is told of a campaign: refusals of who would steer it, and when it will be over."""

import time
from dataclasses import replace

import pytest

from switchboard import campaigned, campaigns
from switchboard.campaigns import NotPossible
from switchboard.credentials import Client
from switchboard.model.campaign import Campaign, Columns, Progress, State
from switchboard.model.message import Channel, Content
from switchboard.web import Fault


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "It is finished: every message of it has been handed over."),
        (State.WAITING, "Its file has not come: only cancel is possible."),
        (State.FAILED, "It is failed: it cannot be steered so."),
    ],
)
def test_a_campaign_that_is_past_steering_says_where_it_is(state: State | None, words: str) -> None:
    def steer(client: Client, id_: str) -> Progress | None:
        raise NotPossible(state)

    with pytest.raises(Fault) as fault:
        campaigned.steered(Client("acme"), "a", steer)
    assert (fault.value.status, fault.value.detail) == (409, words)


ASKED = Campaign(
    id="a",
    client="acme",
    name="a",
    content=Content(channel=Channel.SMS),
    columns=Columns(to=1),
    fingerprint="",
    created_at=0,
)


@pytest.mark.parametrize(
    ("progress", "priority", "seconds"),
    [
        (Progress(size=1000, octets=250, accepted=100), None, 380 / 2),  # 400 rows by the octets, 20 handed over
        (Progress(size=1000, octets=1000, accepted=100, fed_at=1.0), None, 80 / 2),
        (Progress(size=1000, octets=500, accepted=100, fed_at=1.0, priority=3), 2, 80 / 2),
        (Progress(size=1000, octets=250, accepted=100), 2, None),
        (Progress(size=1000, octets=1000, accepted=100), None, None),
        (Progress(size=1000), None, None),
    ],
    ids=["half read", "read", "read, by priority", "priorities to come", "all in the reader", "nothing read"],
)
def test_the_end_is_guessed_by_the_octets_read(progress: Progress, priority: int | None, seconds: float | None) -> None:
    asked = replace(ASKED, columns=Columns(to=1, priority=priority))
    before = time.time()
    end = campaigns._end(asked, replace(progress, state=State.RUNNING), 20, 2.0)
    if seconds is None:
        assert end is None
    else:
        assert end is not None and before <= end - seconds <= time.time()


def test_without_a_rate_or_while_paused_there_is_no_end() -> None:
    running = Progress(state=State.RUNNING, size=10, octets=10, fed_at=1.0)
    assert campaigns._end(ASKED, running, 0, None) is None
    assert campaigns._end(ASKED, replace(running, state=State.PAUSED), 0, 1.0) is None
