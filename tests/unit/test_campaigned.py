"""What is told of a campaign: refusals of who would steer it, and when it will be over."""

import pytest

from switchboard import campaigned
from switchboard.campaigns import NotPossible
from switchboard.credentials import Client
from switchboard.model.campaign import Progress, State
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
