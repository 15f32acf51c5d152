"""`python -m tests.fuzz [count] [--seed N]`: fuzzed requests at the doors, fuzzed answers at the clients; 0 untyped."""

import argparse
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.fuzz import decoders
from tests.fuzz.stack import stack
from tests.fuzz.tally import Kind, Tally
from tests.fuzz.worker import at_the_doors

PORTION = 500  # messages that a process takes at a time


def main() -> int:
    """Fuzz both sides and print what became of it; 1 when anything was not typed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100_000, help="messages a side")
    parser.add_argument("--seed", type=int, default=0, help="the first message's seed; each has its own")
    parser.add_argument("--side", choices=("doors", "clients"), help="one side only")
    asked = parser.parse_args()
    end = asked.seed + asked.count
    portions = [range(start, min(start + PORTION, end)) for start in range(asked.seed, end, PORTION)]
    failed = 0
    with ProcessPoolExecutor(max(2, os.cpu_count() or 2), get_context("spawn")) as pool:
        if asked.side != "clients":
            with stack() as made:
                failed += _told("requests at the doors", pool.map(partial(at_the_doors, made), portions))
        if asked.side != "doors":
            failed += _told("answers and callbacks at the clients", pool.map(decoders.run, portions))
    return int(failed > 0)


def _told(title: str, tallies: Iterable[Tally]) -> int:
    """Print a side as soon as all of it is known; how many messages ended untyped."""
    began = time.monotonic()
    tally = sum(tallies, Tally())
    seconds = time.monotonic() - began
    columns = [*Kind, *(sorted({kind for _, kind in tally.counts} - set(Kind)))]
    names = sorted({name for name, _ in tally.counts})
    total = sum(count for (_, kind), count in tally.counts.items() if kind in set(Kind))
    print(f"{total} {title} in {seconds:.0f} s\n")
    print(f"  {'':36}" + "".join(f"{column:>16}" for column in columns))
    for name in [*names, "all"]:
        counts = [_count(tally, name, column) for column in columns]
        print(f"  {name:36}" + "".join(f"{count:16}" for count in counts))
    print()
    for failure in tally.failures:
        print(f"  {failure}", file=sys.stderr)
    return _count(tally, "all", Kind.FAILED)


def _count(tally: Tally, name: str, kind: str) -> int:
    return sum(count for (who, how), count in tally.counts.items() if how == kind and name in (who, "all"))


if __name__ == "__main__":
    sys.exit(main())
