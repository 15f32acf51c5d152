"""The protocol keeps its promises in many random runs, and no rule of it can be left out unnoticed.

`MODEL_RUNS=100000` runs longer. A run is its seed: `Protocol(seed, trace=print).play()` tells what happened in it.
"""

import os

import pytest

from tests.unit.protocol_audit import audit, search
from tests.unit.protocol_model import RULES, Protocol

RUNS = int(os.environ.get("MODEL_RUNS", "3000"))
ENOUGH = 3000  # runs within which a missing rule must be noticed

OCCURRENCES = (  # what a model that shows anything must have been through
    *("crash", "crash after", "crash, stray", "freeze", "repeat", "stray", "dead letter"),
    *("conflict", "take-over", "doubt", "claim lost", "announced again", "canceled"),
    *("parked", "bound by address", "in flight"),
    *("lost", "lost before", "lost, taken late", "yes without id", "retryable", "no", "no credit"),
    *("ended canceled", "ended unconfirmed", "ended submitted", "ended failed", "ended rejected", "ended undelivered"),
)

# The rule that is left out, the kind of violation it leads to, and the weather in which that is seen soonest.
LEFT_OUT = (
    ("keys carry a nonce", "untrue", "mixed"),
    ("a header is put only if absent", "twice", "mixed"),
    ("messages come before the seal", "lost", "mixed"),
    ("the watch comes before the seal", "lost", "mixed"),
    ("the seal is conditional", "answer", "mixed"),
    ("the fingerprint is compared", "answer", "mixed"),
    ("the watch outlasts accepting", "lost", "mixed"),
    ("the seal is checked", "unsealed", "mixed"),
    ("the watch announces", "lost", "mixed"),
    ("the watch re-arms", "lost", "slow and crowded"),
    ("the next pass is announced before the acknowledgement", "left", "mixed"),
    ("a live lease is not acknowledged", "left", "crowded"),
    ("a lost claim is not acknowledged", "left", "mixed"),
    ("an owner is new for every delivery", "lost", "mixed"),
    ("a claim pins the cursor", "twice", "mixed"),
    ("a claim pins the pass", "lost", "slow"),
    ("a worker reads the header before the results", "lost", "slow"),
    ("a take-over waits for the lease", "doubt", "mixed"),
    ("a take-over is conditional", "lost", "slow"),
    ("a take-over puts into doubt", "lost", "mixed"),
    ("a take-over counts results of this pass", "lost", "fitful"),
    ("a take-over leaves canceled ones alone", "canceled", "mixed"),
    ("a doubt is not submitted by who takes over", "twice", "crowded"),
    ("a doubt joins no later pass", "doubt", "slow"),
    ("a pass has whom the last one wants again", "twice", "fitful"),
    ("a pass ends by everybody's results", "lost", "slow"),
    ("the end of a pass pins the owner", "twice", "slow"),
    ("unconfirmed is never sent again", "twice", "mixed"),
    ("no result is overruled", "backwards", "slow"),
    ("skip is honoured", "canceled", "mixed"),
    ("skip is read from the claim's answer", "canceled", "mixed"),
    ("a cancellation pins the cursor", "canceled", "mixed"),
    ("a cancellation pins the pass", "canceled", "slow"),
    ("only who is due is canceled", "canceled", "slow"),
    ("no doubt is canceled", "canceled", "fitful"),
    ("a receipt that came first is parked", "receipt", "mixed"),
    ("a parked receipt is looked at again", "receipt", "mixed"),
    ("the recheck is queued before the 200", "receipt", "mixed"),
    ("what was parked stays parked", "receipt", "mixed"),
    ("MAP comes before the result", "receipt", "mixed"),
    ("the recheck outlasts a worker", "receipt", "slow"),
    ("the recheck waits for what is in flight", "bound", "crowded"),
    ("the recheck reads the header before the results", "bound", "slow and crowded"),
    ("the recheck binds only a certain one", "bound", "mixed"),
    ("the recheck binds conditionally", "bound", "crowded"),
    ("the recheck sees doubts of all providers of a route", "bound", "slow"),
    ("who was taken without an id may be whose it is", "bound", "crowded"),
)

# Rules that matter only where a worker may outlive the recheck, against which another rule guards already.
SECOND_GUARDS = {"the recheck reads the header before the results", "the recheck binds conditionally"}


def test_every_rule_kept_breaks_no_promise() -> None:
    found = search(RUNS)
    assert not found.violations, f"seed {found.seed}: {found.violations}"
    missing = [name for name in OCCURRENCES if not found.seen[name]]
    assert not missing, "the model never came to these"


@pytest.mark.parametrize(("rule", "kind", "weather"), LEFT_OUT, ids=[rule for rule, _, _ in LEFT_OUT])
def test_a_rule_left_out_is_noticed(rule: str, kind: str, weather: str) -> None:
    guards = {"the recheck outlasts a worker"} if rule in SECOND_GUARDS else set()
    found = search(ENOUGH, {rule, *guards}, kind=kind, weather=weather)
    assert found.violations, f"nobody noticed in {found.runs} runs"


def test_a_first_guard_suffices() -> None:
    """What the second guards guard against does not come of the first one's lack alone."""
    assert not search(1000, {"the recheck outlasts a worker"}, kind="bound", weather="slow and crowded").violations


def test_every_rule_is_left_out_once() -> None:
    assert [rule for rule, _, _ in LEFT_OUT] == list(RULES)


def test_a_run_is_its_seed() -> None:
    def told(seed: int) -> list[str]:
        lines: list[str] = []
        world = Protocol(seed, trace=lines.append)
        world.play()
        audit(world)
        return lines

    assert told(7) == told(7) != told(8)
