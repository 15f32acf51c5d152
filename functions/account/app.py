"""Accounts, `/v1/accounts`: signs accounts up with the CRM, and tells what became of it."""

from switchboard import accounts, observe, web, written
from switchboard.accept import IdempotencyConflict
from switchboard.dialects import unified_deals as words

app = web.Api()
handler = observe.invocation(app.resolve)
app.exception_handler(IdempotencyConflict)(lambda error: web.problem(written.conflict(error)))


@app.post("/v1/accounts", **web.operation(web.CRM, "signUp", "Sign an account up", 400, 415, 503, 504, ok=(201, 202)))
def sign_up(
    request: words.AccountRequest, idempotency_key: web.IdempotencyKey = None
) -> web.Response[words.AccountTold]:
    return written.account(*accounts.sign_up(app.client, request, idempotency_key))


@app.get("/v1/accounts/<id>", **web.operation(web.CRM, "readAccount", "What became of a sign-up", 404))
def read(id: str) -> words.AccountTold:
    return written.account_told(web.found(accounts.read(app.client, id), "account"))
