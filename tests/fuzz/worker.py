"""What a process of the pool runs at the doors: apart, for a pool finds its work by the name of its module."""

import os
import sys

from tests.fuzz.stack import Stack
from tests.fuzz.tally import Tally

_doors = None  # of this process


def at_the_doors(stack: Stack, seeds: range) -> Tally:
    """A portion of requests; the process keeps its functions for the next, and what they log goes nowhere."""
    global _doors
    if _doors is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  for as long as the process runs
        from tests.fuzz.doors import Doors  # the functions' logger takes standard output as it finds it

        _doors = Doors(stack)
    return _doors.run(seeds)
