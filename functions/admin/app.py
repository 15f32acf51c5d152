"""Keys, `/v1/keys`: an admin's key makes, lists, replaces and takes away the keys of its own client."""

from switchboard import keyring, observe, web
from switchboard.dialects import unified_keys as words

ONCE = "The answer alone shows the key. When it is lost, find the new key in the list, take it away and ask again."
GONE = "Until a minute later a process may still believe in it. The last key with the scope admin stays."

app = web.Api()
handler = observe.invocation(app.resolve)
app.exception_handler(keyring.Conflict)(lambda error: web.problem(web.Fault(409, str(error))))


@app.post("/v1/keys", **web.operation(web.ADMIN, "makeKey", "Make a key", 400, 409, 415, ok=(201,), description=ONCE))
def make(request: words.KeyRequest) -> web.Response[words.NewKey]:
    expires_at = words.instant(request.expires_at)
    return _shown(keyring.create(app.client, request.name, request.scopes, expires_at))


@app.get("/v1/keys", **web.operation(web.ADMIN, "listKeys", "All keys, the oldest first"))
def keys() -> words.Keys:
    return words.Keys(items=[words.KeyTold.model_validate(key) for key in keyring.keys(app.client)])


@app.get("/v1/keys/<id>", **web.operation(web.ADMIN, "readKey", "A key, when it ends and when it was last used", 404))
def read(id: str) -> words.KeyTold:
    return words.KeyTold.model_validate(web.found(keyring.read(app.client, id), "key"))


ROTATE = web.operation(
    web.ADMIN, "rotateKey", "Put a new key in a key's place", 400, 404, 409, 415, ok=(201,), description=ONCE
)


@app.post("/v1/keys/<id>/rotate", **ROTATE)
def rotate(id: str, request: words.RotateRequest) -> web.Response[words.NewKey]:
    return _shown(web.found(keyring.rotate(app.client, id, request.overlap), "key"))


@app.delete(
    "/v1/keys/<id>", **web.operation(web.ADMIN, "revokeKey", "Take a key away", 404, 409, ok=(204,), description=GONE)
)
def revoke(id: str) -> web.Response[None]:
    web.found(keyring.revoke(app.client, id) or None, "key")
    return web.Response(204)


def _shown(key: keyring.KeyLife) -> web.Response[words.NewKey]:
    return web.Response(201, web.JSON, words.NewKey.model_validate(key), {"Location": f"/v1/keys/{key.id}"})
