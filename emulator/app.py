"""One ASGI application: the Web API, F&O's OData and whatever routes are put beside them."""

from collections.abc import Callable, Sequence
from itertools import count
from urllib.parse import quote
from uuid import UUID

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from emulator.admin import admin_routes
from emulator.batch import Batches
from emulator.clock import Clock
from emulator.dataverse.operations import furnish
from emulator.dataverse.service import Dataverse
from emulator.dataverse.service import error as dataverse_error
from emulator.dualwrite.running import announce
from emulator.dualwrite.sync import DualWrite
from emulator.errors import NotAllowed, Refusal, TooLong, Unauthorized
from emulator.exchange import Answer, Ask
from emulator.faults.actions import ConnectionCut
from emulator.faults.passage import Passage
from emulator.faults.rules import Faults
from emulator.finops.price_service import PriceService
from emulator.finops.service import FinOps
from emulator.finops.service import error as finops_error
from emulator.lifecycle.paying import Payments
from emulator.lifecycle.steps import Lifecycle
from emulator.log import NOT_SERVED, Entry, Log
from emulator.multipart import JSON
from emulator.scm.price_engine import PriceEngine
from emulator.scm.sales import Sales
from emulator.store import Store

Authorize = Callable[[str | None], None]
DATAVERSE = "/api/data/v9.2/"
FINOPS = "/data/"
METADATA = ("/metadata/", "/Metadata/")
"""The place of F&O's metadata, as documentation spells it and as public clients do (M)."""
SERVICES = "/api/services/"
MAX_URL = 32_768


def create_app(
    store: Store,
    *,
    authorize: Authorize,
    routes: Sequence[BaseRoute] = (),
    company: str = "usmf",
    engine: PriceEngine | None = None,
) -> Starlette:
    """
    `authorize` raises `Unauthorized` for a bad header; `company` is F&O's default one, `engine` its
    pricing engine, where it has one.
    """
    furnish(store)
    announce(store)
    log, clock = Log(), Clock(store.clock)
    store.clock = clock.now
    faults = Faults(clock)
    sales = Sales(store, engine)
    dual_write = DualWrite(sales, faults)
    dual_write.join()
    dataverse, finops, prices = Dataverse(store), FinOps(store, company), PriceService(engine)
    served = [
        Batches(store, "dataverse", DATAVERSE, dataverse.answer, dataverse_error, 1_000),
        Batches(store, "finops", FINOPS, finops.answer, finops_error, 5_000),
        *(Batches(store, "metadata", root, finops.describe, finops_error, 0) for root in METADATA),
        Batches(store, "finops", SERVICES, prices.answer, finops_error, 0),
    ]
    own = [
        route
        for each in served
        for route in _below(each.root, Endpoint(each, authorize, log, faults))
    ]
    app = Starlette(routes=[*own, *admin_routes(authorize), *routes])
    app.state.log = log
    app.state.store = store
    app.state.clock = clock
    app.state.faults = faults
    app.state.dual_write = dual_write
    app.state.prices = prices
    app.state.lifecycle = Lifecycle(sales)
    app.state.payments = Payments(sales)
    return app


def _below(root: str, endpoint: "Endpoint") -> list[BaseRoute]:
    return [Route(root + "{path:path}", endpoint), Route(root.rstrip("/"), endpoint)]


class Endpoint:
    """Turns HTTP into `Ask` and `Answer` back into HTTP for one service."""

    def __init__(self, batches: Batches, authorize: Authorize, log: Log, faults: Faults) -> None:
        self.batches = batches
        self.authorize = authorize
        self.log = log
        self.faults = faults
        # Counted rather than drawn, so that the same run gives the same trace.
        self.numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ask = await self.ask(Request(scope, receive))
        passage = Passage(self.faults, self.batches.service, ask)
        answer = passage.after(await self.answered(ask, passage))
        body = answer.encoded()
        number = str(UUID(int=next(self.numbers)))
        headers = {"OData-Version": "4.0", "x-ms-service-request-id": number, "REQ_ID": number}
        headers |= answer.headers
        if body:
            headers.setdefault("Content-Type", JSON)
        await Response(body, answer.status, headers)(scope, receive, passage.pacing(send))

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

    async def answered(self, ask: Ask, passage: Passage) -> Answer:
        parts: list[Entry] = []
        try:
            self.authorize(ask.headers.get("authorization"))
            async with passage.admitted():
                answer, parts = self.served(ask)
        except Unauthorized:
            answer = _challenge(ask)
        except Refusal as refusal:
            answer = self.batches.error(refusal)
        except ConnectionCut:
            self.log.add(self.batches.service, ask, NOT_SERVED)
            raise
        self.log.add(self.batches.service, ask, answer.status, parts)
        return answer

    def served(self, ask: Ask) -> tuple[Answer, list[Entry]]:
        if len(ask.path) + len(ask.query) > MAX_URL:
            raise TooLong("The request URI is too long.")
        if ask.path != "$batch":
            return self.batches.answer(ask, {}), []
        if ask.method != "POST":
            raise NotAllowed("A batch is sent by POST.")
        return self.batches.run(ask)


def _challenge(ask: Ask) -> Answer:
    """A 401 has no body; the header says where to get a token, and for what."""
    host = ask.base.partition("://")[2].partition("/")[0]
    scheme = ask.base.partition("://")[0]
    realm = f"Bearer authorization_uri={scheme}://{host}/common/oauth2/authorize"
    return Answer(401, headers={"WWW-Authenticate": f"{realm}, resource_id={scheme}://{host}/"})
