"""POST /v1/uploads: where to send a file that a deal is to hold."""

from switchboard import observe, uploads, web
from switchboard.dialects import unified_deals as words

app = web.Api()
handler = observe.invocation(app.resolve)


@app.post("/v1/uploads", **web.operation(web.CRM, "upload", "Say where to send a file", 400, 415, ok=(201,)))
def begin(request: words.UploadRequest) -> web.Response[words.UploadTold]:
    upload = uploads.begin(app.client.name, request.name, request.content_type, request.size)
    return web.Response(201, web.JSON, words.UploadTold.model_validate(upload))
