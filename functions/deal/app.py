"""Deals, `/v1/deals`: writes deals to the CRM, tells what was written, finds them again."""

from typing import Annotated, Any, cast

from switchboard import deals, observe, web, written
from switchboard.accept import IdempotencyConflict
from switchboard.dialects import unified_deals as words

app = web.Api(refusals=words.refusals)
handler = observe.invocation(app.resolve)
app.exception_handler(IdempotencyConflict)(lambda error: web.problem(written.conflict(error)))

ANSWERS: Any = {"ok": (200, 201, 202)}
Examples = web.Body(openapi_examples=cast("Any", words.EXAMPLES))


@app.put(
    "/v1/deals/<reference>",
    **web.operation(web.CRM, "putDeal", "Write a deal under its name", 400, 415, 503, 504, **ANSWERS),
)
def put(
    reference: words.OwnReference,
    request: Annotated[words.DealRequest, Examples],
    idempotency_key: web.IdempotencyKey = None,
) -> web.Response[words.DealTold]:
    return written.deal(*deals.save(app.client, request, reference, idempotency_key))


@app.post("/v1/deals", **web.operation(web.CRM, "saveDeal", "Write a deal", 400, 415, 503, 504, **ANSWERS))
def save(
    request: Annotated[words.NewDealRequest, Examples], idempotency_key: web.IdempotencyKey = None
) -> web.Response[words.DealTold]:
    return written.deal(*deals.save(app.client, request, request.external_reference, idempotency_key))


@app.post("/v1/deals/batch", **web.operation(web.CRM, "saveDeals", "Write deals in order", 400, 415, ok=(200, 207)))
def save_all(
    request: words.DealsRequest, idempotency_key: web.IdempotencyKey = None
) -> web.Response[words.DealResults]:
    return written.deals(*deals.save_all(app.client, request.deals, idempotency_key))


@app.get("/v1/deals/<reference>", **web.operation(web.CRM, "readDeal", "A deal and the writes to it", 404))
def read(
    reference: words.Reference,
    cursor: Annotated[str | None, web.Query(max_length=9, description="From the page before.")] = None,
) -> words.DealLife:
    return written.life(web.found(deals.life(app.client, reference, cursor), "deal"))


@app.get("/v1/deals", **web.operation(web.CRM, "findDeals", "Find deals, the last written first"))
def find(
    reference: Annotated[str | None, web.Query(max_length=128)] = None,
    contact_email: Annotated[str | None, web.Query(max_length=254)] = None,
    contact_phone: Annotated[str | None, web.Query(max_length=64)] = None,
    cursor: Annotated[str | None, web.Query(max_length=300, description="From the page before.")] = None,
    limit: Annotated[int, web.Query(ge=1, le=100)] = 20,
) -> words.DealPage:
    filters = {"reference": reference, "contact_email": contact_email, "contact_phone": contact_phone}
    return written.page(deals.find(app.client, filters, cursor, limit))
