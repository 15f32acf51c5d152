"""POST /v1/messages, and the vendors' own doors for the same: takes messages in."""

from typing import Annotated, Any, cast

from switchboard import accept, gateway, observe, web
from switchboard.dialects import unified
from switchboard.model.problem import Problem

app = web.Api(refusals=unified.refusals)
handler = observe.invocation(gateway.with_doors(app.resolve))


@app.post("/v1/messages", **web.operation(web.SEND, "send", "Send a message to one or many", 400, 415, ok=(202, 200)))
def send(
    request: Annotated[unified.SendRequest, web.Body(openapi_examples=cast("Any", unified.EXAMPLES))],
    idempotency_key: web.IdempotencyKey = None,
) -> web.Response[unified.Accepted]:
    """Accept the request, or answer what accepting it would come to (200)."""
    submission = accept.Submission(**unified.submission(request, app.client.region))
    if request.dry_run:
        return web.Response(200, web.JSON, unified.accepted(None, accept.preview(submission, app.client)))
    try:
        accepted = accept.accept(submission, app.client, idempotency_key)
    except accept.IdempotencyConflict:
        reason = Problem("Idempotency-Key", "was used with another request")
        raise web.Fault(422, "The key stands for another request.", reason) from None
    return web.accepted(accepted)
