"""What a process of the pool runs at the doors: apart, for a pool finds its work by the name of its module."""

import os

from tests.fuzz.stack import Stack
from tests.fuzz.tally import Tally

_doors = None  # of this process


def at_the_doors(stack: Stack, seeds: range) -> Tally:
    """A portion of requests; the process keeps its functions for the next, and what they log goes nowhere."""
    global _doors
    if _doors is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        from tests.fuzz.doors import Doors  # it loads all that the functions do, which the decoders do not need

        _doors = Doors(stack)
    return _doors.run(seeds)
