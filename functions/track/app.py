"""GET /v1/messages and /v1/batches: what became of messages; cancel, resend."""

from typing import Annotated

from switchboard import accept, observe, tracking, web
from switchboard.dialects import unified
from switchboard.find import find
from switchboard.model.status import Status

app = web.Api()
handler = observe.invocation(app.resolve)


@app.get("/v1/messages", **web.operation(web.READ, "find", "Find messages, the newest first", 404))
def messages(
    to: Annotated[str | None, web.Query(max_length=320, description="Messages to this address.")] = None,
    with_: Annotated[
        str | None, web.Query(alias="with", max_length=320, description="The conversation with it.")
    ] = None,
    batch: Annotated[str | None, web.Query(description="Messages of this batch, in order.")] = None,
    status: Annotated[Status | None, web.Query(description="Only messages that stand here.")] = None,
    cursor: Annotated[str | None, web.Query(max_length=1000, description="From the page before.")] = None,
    limit: Annotated[int, web.Query(ge=1, le=100)] = 20,
) -> unified.Messages:
    page = find(app.client, {"to": to, "with": with_, "batch": batch}, status, cursor, limit)
    return unified.Messages.model_validate(web.found(page, "batch"))


@app.get("/v1/messages/<id>", **web.operation(web.READ, "read", "A message's whole life", 404))
def message(id: str) -> unified.Message:
    return unified.Message.model_validate(web.found(tracking.message(app.client.name, id), "message"))


@app.post("/v1/messages/<id>/cancel", **web.operation(web.SEND, "cancel", "Cancel a message not yet sent", 404, 409))
def cancel(id: str) -> unified.CanceledMessage:
    result = web.found(tracking.cancel_message(app.client.name, id), "message")
    if not result.canceled:
        raise web.Fault(409, web.too_late(result.status, result.kept_by))
    return unified.CanceledMessage(id=id, status=result.status)


@app.post("/v1/messages/<id>/resend", **web.operation(web.SEND, "resend", "Send a failure again", 404, 409, ok=(202,)))
def resend(id: str) -> web.Response[unified.Accepted]:
    try:
        return web.accepted(web.found(accept.resend(app.client, id), "message"))
    except accept.NotResendable as refused:
        raise web.Fault(409, f"It is {refused.status.value}: only a failure or a doubt is sent again.") from None


@app.get("/v1/batches/<id>", **web.operation(web.READ, "readBatch", "A batch, and how many of it stand where", 404))
def batch(id: str) -> unified.Batch:
    return unified.Batch.model_validate(web.found(tracking.batch(app.client.name, id), "batch"))


@app.post("/v1/batches/<id>/cancel", **web.operation(web.SEND, "cancelBatch", "Cancel a batch's unsent messages", 404))
def cancel_batch(id: str) -> unified.CanceledBatch:
    return unified.CanceledBatch.model_validate(web.found(tracking.cancel_batch(app.client.name, id), "batch"))
