"""Callbacks of the providers: delivery receipts and inbound messages."""

from typing import Any

from switchboard import gateway, observe
from switchboard.dialects.wire import text
from switchboard.receive import receive

NOT_FOUND = text("Not Found", status=404)


@observe.invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One callback; a wrong provider or token is answered as if there were nothing here."""
    names = event["pathParameters"]
    return gateway.answer(receive(names["provider"], names["token"], gateway.request(event)) or NOT_FOUND)
