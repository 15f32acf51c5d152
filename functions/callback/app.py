"""Callbacks of the providers: delivery receipts and inbound messages."""

from typing import Any

from switchboard import gateway, observe
from switchboard.dialects.wire import NOT_FOUND, Response
from switchboard.receive import receive

UNAUTHORIZED = Response(status=401, headers=(("www-authenticate", 'Basic realm="switchboard"'),))


@observe.invocation
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One callback. A wrong provider or token in the path is answered as if there were nothing here; at a vendor's own
    path both come by HTTP Basic (RFC 7617), and a wrong one is asked for again."""
    request, names = gateway.request(event), event.get("pathParameters") or {}
    if "token" in names:
        return gateway.answer(receive(names["provider"], names["token"], request) or NOT_FOUND)
    return gateway.answer(receive(*gateway.basic(request), request) or UNAUTHORIZED)
