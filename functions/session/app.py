"""The doors where clients of a vendor open a session with a name and a key, and end it."""

from typing import Any

from switchboard import gateway, observe
from switchboard.admit import enter


@observe.invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One call, answered in the vendor's words."""
    return gateway.answer(enter(gateway.request(event)))
