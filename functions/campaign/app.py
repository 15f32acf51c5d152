"""Campaigns, `/v1/campaigns` and the vendors' doors for uploads: a message to every row of a file, and its steering."""

from typing import Annotated, Any, cast

from switchboard import campaigned, campaigns, gateway, observe, web
from switchboard.accept import IdempotencyConflict
from switchboard.dialects import unified_campaigns as words
from switchboard.model.campaign import Missed
from switchboard.model.status import Status

app = web.Api()
handler = observe.invocation(gateway.with_doors(app.resolve))
app.exception_handler(IdempotencyConflict)(lambda error: web.problem(campaigned.conflict(error)))

Said = Annotated[words.CampaignRequest, web.Body(openapi_examples=cast("Any", words.EXAMPLES))]
Only = Annotated[Status | Missed | None, web.Query(description="Only rows that stand here.")]
Cursor = Annotated[str | None, web.Query(max_length=100, description="From the page before.")]
Limit = Annotated[int, web.Query(ge=1, le=1000)]


@app.post("/v1/campaigns", **web.operation(web.SEND, "beginCampaign", "Send to a file's rows", 400, 415, ok=(201,)))
def begin(request: Said, idempotency_key: web.IdempotencyKey = None) -> web.Response[words.Begun]:
    campaign, replayed = campaigns.begin(app.client, request, idempotency_key)
    return campaigned.begun(campaign, campaigns.form(campaign), replayed)


@app.get("/v1/campaigns", **web.operation(web.READ, "listCampaigns", "Your campaigns, the newest first"))
def listed(cursor: Cursor = None, limit: Annotated[int, web.Query(ge=1, le=100)] = 20) -> words.CampaignPage:
    found, after = campaigns.listed(app.client, cursor, limit)
    return words.CampaignPage(items=[campaigned.line(*one) for one in found], cursor=after)


@app.get("/v1/campaigns/<id>", **web.operation(web.READ, "readCampaign", "A campaign, and how its rows stand", 404))
def read(id: str) -> words.CampaignTold:
    return campaigned.life(web.found(campaigns.life(app.client, id), "campaign"))


@app.get("/v1/campaigns/<id>/rows", **web.operation(web.READ, "readRows", "What became of its rows", 404))
def rows(id: str, status: Only = None, cursor: Cursor = None, limit: Limit = 100) -> words.RowPage:
    return words.RowPage.model_validate(web.found(campaigns.rows(app.client, id, status, cursor, limit), "campaign"))


@app.get("/v1/campaigns/<id>/report.csv", **web.operation(web.READ, "readReport", "A file of rows", 404, ok=(303, 202)))
def report(id: str) -> web.Response[words.BeingMade]:
    return campaigned.report(id, web.found(campaigns.report(app.client, id), "campaign"))


@app.post("/v1/campaigns/<id>/pause", **web.operation(web.SEND, "pauseCampaign", "Hold it", 404, 409))
def pause(id: str) -> words.Steered:
    return campaigned.steered(app.client, id, campaigns.pause)


@app.post("/v1/campaigns/<id>/resume", **web.operation(web.SEND, "resumeCampaign", "Let it go on", 404, 409))
def resume(id: str) -> words.Steered:
    return campaigned.steered(app.client, id, campaigns.resume)


@app.post("/v1/campaigns/<id>/cancel", **web.operation(web.SEND, "cancelCampaign", "Let no more out", 404, 409))
def cancel(id: str) -> words.Steered:
    return campaigned.steered(app.client, id, campaigns.cancel)
