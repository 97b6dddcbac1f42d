"""One ASGI application: the Web API, F&O's OData and whatever routes are put beside them."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from emulator.batch import Batches
from emulator.dataverse.operations import furnish
from emulator.dataverse.service import Dataverse
from emulator.dataverse.service import error as dataverse_error
from emulator.errors import NotAllowed, Refusal, TooLong, Unauthorized
from emulator.exchange import Answer, Ask
from emulator.finops.service import FinOps
from emulator.finops.service import error as finops_error
from emulator.log import Log
from emulator.multipart import JSON
from emulator.store import Store

Authorize = Callable[[str | None], None]
DATAVERSE = "/api/data/v9.2/"
FINOPS = "/data/"
MAX_URL = 32_768


def create_app(
    store: Store,
    *,
    authorize: Authorize,
    routes: Sequence[BaseRoute] = (),
    company: str = "usmf",
) -> Starlette:
    """`authorize` raises `Unauthorized` for a bad header; `company` is F&O's default one."""
    furnish(store)
    log = Log()
    dataverse, finops = Dataverse(store), FinOps(store, company)
    web_api = Endpoint(
        Batches(store, "dataverse", DATAVERSE, dataverse.answer, dataverse_error, 1_000),
        authorize,
        log,
    )
    odata = Endpoint(
        Batches(store, "finops", FINOPS, finops.answer, finops_error, 5_000), authorize, log
    )
    app = Starlette(
        routes=[
            Route(DATAVERSE + "{path:path}", web_api),
            Route(DATAVERSE.rstrip("/"), web_api),
            Route(FINOPS + "{path:path}", odata),
            Route(FINOPS.rstrip("/"), odata),
            *routes,
        ]
    )
    app.state.log = log
    app.state.store = store
    return app


class Endpoint:
    """Turns HTTP into `Ask` and `Answer` back into HTTP for one service."""

    def __init__(self, batches: Batches, authorize: Authorize, log: Log) -> None:
        self.batches = batches
        self.authorize = authorize
        self.log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = self.answered(await self.ask(request))
        body = answer.encoded()
        headers = {"OData-Version": "4.0", **answer.headers}
        if body:
            headers.setdefault("Content-Type", JSON)
        await Response(body, answer.status, headers)(scope, receive, send)

    async def ask(self, request: Request) -> Ask:
        raw = request.scope.get("raw_path") or quote(request.url.path).encode()
        path = raw.decode("latin-1").partition("?")[0]
        host = f"{request.url.scheme}://{request.url.netloc}"
        return Ask(
            method=request.method,
            path=path.removeprefix(self.batches.root.rstrip("/")).lstrip("/"),
            query=request.scope["query_string"].decode("latin-1"),
            headers=dict(request.headers.items()),
            body=await request.body(),
            base=host + self.batches.root.rstrip("/"),
        )

    def answered(self, ask: Ask) -> Answer:
        try:
            self.authorize(ask.headers.get("authorization"))
            if len(ask.path) + len(ask.query) > MAX_URL:
                raise TooLong("The request URI is too long.")
            if ask.path == "$batch":
                return self.batch(ask)
            answer = self.batches.answer(ask, {})
        except Unauthorized:
            answer = _challenge(ask)
        except Refusal as refusal:
            answer = self.batches.error(refusal)
        self.log.add(self.batches.service, ask, answer.status)
        return answer

    def batch(self, ask: Ask) -> Answer:
        if ask.method != "POST":
            raise NotAllowed("A batch is sent by POST.")
        answer, parts = self.batches.run(ask)
        self.log.add(self.batches.service, ask, answer.status, parts)
        return answer


def _challenge(ask: Ask) -> Answer:
    """A 401 has no body; the header says where to get a token, and for what."""
    host = ask.base.partition("://")[2].partition("/")[0]
    scheme = ask.base.partition("://")[0]
    realm = f"Bearer authorization_uri={scheme}://{host}/common/oauth2/authorize"
    return Answer(401, headers={"WWW-Authenticate": f"{realm}, resource_id={scheme}://{host}/"})
