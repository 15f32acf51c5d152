"""A message's status is a join: whatever comes, in whatever order and however often, ends in one and the same state."""

from itertools import permutations, product

import pytest

from switchboard.model.status import FAILURES, FINAL, RESENDABLE, Status, join, settled


def test_any_order_and_any_repetition_of_up_to_five_events_ends_in_one_state() -> None:
    """Each sequence of five (shorter ones repeat an event) is folded one event at a time, as they come."""
    ends: dict[frozenset[Status], Status] = {}
    for events in product(Status, repeat=5):
        state = Status.QUEUED
        for event in events:
            after = join((state, event))
            assert after.rank >= state.rank, "a message only ever moves up"
            state = after
        assert ends.setdefault(frozenset(events), state) is state
    assert len(ends) == sum(1 for chosen in product((False, True), repeat=len(Status)) if 1 <= sum(chosen) <= 5)


@pytest.mark.parametrize("failure", sorted(FAILURES))
def test_delivered_outranks_every_failure(failure: Status) -> None:
    for events in permutations((Status.DELIVERED, failure, Status.SENT, Status.UNCONFIRMED)):
        assert join(events) is Status.DELIVERED


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((), Status.QUEUED),
        ((Status.QUEUED, Status.QUEUED), Status.QUEUED),
        ((Status.QUEUED, Status.CANCELED), Status.CANCELED),
        ((Status.UNCONFIRMED, Status.QUEUED), Status.UNCONFIRMED),  # a late retryable result lifts no doubt
        ((Status.UNCONFIRMED, Status.SUBMITTED), Status.SUBMITTED),  # a late accepted one does
        ((Status.UNCONFIRMED, Status.REJECTED), Status.REJECTED),
        ((Status.DELIVERED, Status.UNDELIVERED, Status.SENT), Status.DELIVERED),
    ],
)
def test_join(events: tuple[Status, ...], status: Status) -> None:
    assert join(events) is status


@pytest.mark.parametrize("status", Status)
def test_settled_is_final_unconfirmed_or_taken_where_no_receipt_comes(status: Status) -> None:
    expected = status in FINAL or status is Status.UNCONFIRMED
    assert settled(status, receipts=True) is expected
    assert settled(status, receipts=False) is (expected or status in {Status.SUBMITTED, Status.SENT})


def test_only_what_failed_or_is_in_doubt_is_sent_again_by_hand() -> None:
    assert FAILURES | {Status.UNCONFIRMED} == RESENDABLE
    assert RESENDABLE.isdisjoint({Status.QUEUED, Status.SUBMITTED, Status.SENT, Status.DELIVERED, Status.CANCELED})
