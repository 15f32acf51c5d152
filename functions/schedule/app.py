"""Recurring schedules, `/v1/schedules`: makes them, tells what became of them, pauses, resumes and deletes them."""

from typing import Annotated, Any, cast

from switchboard import observe, recurring, web
from switchboard.accept import IdempotencyConflict
from switchboard.dialects import unified_schedules as words
from switchboard.model.problem import Problem

app = web.Api(refusals=words.refusals)
handler = observe.invocation(app.resolve)

KEY = Problem("Idempotency-Key", "was used with another request")
CONFLICT = web.Fault(422, "The key stands for another request.", KEY)
ENDED = web.Fault(409, "It has ended: nothing more is due of it.")
app.exception_handler(IdempotencyConflict)(lambda _: web.problem(CONFLICT))
app.exception_handler(recurring.Ended)(lambda _: web.problem(ENDED))


@app.post("/v1/schedules", **web.operation(web.SEND, "schedule", "Send a message again and again", 400, 415, ok=(201,)))
def create(
    request: Annotated[words.ScheduleRequest, web.Body(openapi_examples=cast("Any", words.EXAMPLES))],
    idempotency_key: web.IdempotencyKey = None,
) -> web.Response[words.Schedule]:
    made, replayed = recurring.create(app.client, request, idempotency_key)
    headers = {"Location": f"/v1/schedules/{made.id}", **({"Idempotent-Replayed": "true"} if replayed else {})}
    return web.Response(201, web.JSON, words.told(made), headers)


@app.get("/v1/schedules", **web.operation(web.READ, "listSchedules", "Your recurring schedules, the newest first"))
def listed(
    cursor: Annotated[str | None, web.Query(max_length=100, description="From the page before.")] = None,
    limit: Annotated[int, web.Query(ge=1, le=100)] = 20,
) -> words.Schedules:
    page = recurring.of_client(app.client, cursor, limit)
    return words.Schedules(items=[words.told(each) for each in page.items], cursor=page.cursor)


@app.get("/v1/schedules/<id>", **web.operation(web.READ, "readSchedule", "A schedule and its last occurrences", 404))
def read(id: str) -> words.ScheduleLife:
    found = web.found(recurring.own(app.client, id), "schedule")
    return words.told_whole(found, recurring.occurrences(found))


@app.delete("/v1/schedules/<id>", **web.operation(web.SEND, "deleteSchedule", "Delete a schedule", 404))
def delete(id: str) -> words.Schedule:
    return words.told(web.found(recurring.delete(app.client, id), "schedule"))


@app.post("/v1/schedules/<id>/pause", **web.operation(web.SEND, "pauseSchedule", "Pause a schedule", 404))
def pause(id: str) -> words.Schedule:
    return words.told(web.found(recurring.pause(app.client, id), "schedule"))


@app.post("/v1/schedules/<id>/resume", **web.operation(web.SEND, "resumeSchedule", "Resume a schedule", 404, 409))
def resume(id: str) -> words.Schedule:
    return words.told(web.found(recurring.resume(app.client, id), "schedule"))
