"""The deployment on one machine: what lies between the template and the functions, and the providers' simulators."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "switchboard"))  # as Lambda has it: /opt/python

if TYPE_CHECKING:
    from sandbox.stack import FunctionFailed, Stack, running

__all__ = ["FunctionFailed", "Stack", "running"]


def __getattr__(name: str) -> Any:
    """The Python API, loaded when it is asked for: the simulators are in this package too and need none of it."""
    if name not in __all__:
        raise AttributeError(name)
    import sandbox.stack

    return getattr(sandbox.stack, name)
