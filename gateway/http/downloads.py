"""
`/documents/<link>`: a printed document in pieces, for whom its link was made.

The caller signs in as for GraphQL. Until the first piece is there everything can still be refused;
an answer that cannot be completed is cut off, so that nobody takes a part of it for the whole.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Final, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from gateway.admission import deadlines
from gateway.audit.events import Event, refusal, who
from gateway.audit.recorder import Audit
from gateway.auth.principal import Principal
from gateway.errors import INTERNAL, Forbidden, GatewayError, NotFound, Unauthenticated
from gateway.http.endpoint import (
    Authenticate,
    LookAs,
    authorization,
    headers_of,
    seen_by,
    status_of,
)
from gateway.http.receiving import Received, received
from gateway.loaders.paper_links import PATH, PaperLinks
from gateway.model.archives import Find
from gateway.resolvers.printing import Settled, pieces_of, settled
from gateway.schema.context import Context
from gateway.upstream.allowance import Allowance
from gateway.upstream.reports import PATIENCE, ErpReport
from gateway.upstream.sender import now

ROUTE: Final = PATH + "{link}"
WHOLE: Final = 120.0
"""Seconds in which a document must have been taken, however slowly it is read."""
LEFT: Final = "LEFT"
"""The outcome where the caller went away, or took too long."""
MakeContext = Callable[[Principal, Received], Context]


class PaperSource(Protocol):
    """The documents of an app: their links, an archive, and a printer behind it."""

    links: PaperLinks
    archive: Find | None

    def printed(self, report: ErpReport, allowance: Allowance) -> AsyncIterator[bytes]:
        """The PDF that the ERP prints, in pieces."""
        ...


class Downloads:
    """The ASGI app behind `/documents/<link>`."""

    def __init__(
        self,
        papers: PaperSource,
        authenticate: Authenticate,
        look_as: LookAs,
        context: MakeContext,
        audit: Audit,
        deadline: float,
    ) -> None:
        """`deadline`: seconds from a request's first byte until its caller must be known."""
        self._papers = papers
        self._authenticate = authenticate
        self._look_as = look_as
        self._context = context
        self._audit = audit
        self._deadline = deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = received(scope)
        if request.method != "GET":
            await _say(send, 405, {}, {"Allow": "GET"})
            return
        caller = None
        deadlines.begin(request.begun + self._deadline)
        try:
            caller = await self._authenticate(authorization(request))
            principal = await seen_by(caller, request, self._look_as)
            await self._send(request, principal, scope["path_params"]["link"], send)
        except GatewayError as error:
            request.outcome = error.code
            if isinstance(error, Unauthenticated | Forbidden | NotFound):
                self._audit.record(refusal(error, request.id, caller, request.source))
            said = {"message": error.message, "extensions": error.extensions}
            await _say(send, status_of(error), {"errors": [said]}, headers_of(error))

    async def _send(self, request: Received, holder: Principal, text: str, send: Send) -> None:
        """Send the document; GatewayError where not a byte of it was sent."""
        async with AsyncExitStack() as stack:
            async with self._papers.links.following(text, holder) as linked:
                context = self._context(holder, request)
                found = await settled(context, linked)
                pieces = await stack.enter_async_context(aclosing(self._pieces(found, context)))
                first = await anext(pieces)
            outcome = INTERNAL
            try:
                async with asyncio.timeout(WHOLE):
                    await _stream(found, first, pieces, send)
                outcome = "done"
            except GatewayError as error:
                outcome = error.code
                raise CutOff from error
            except (TimeoutError, asyncio.CancelledError, OSError):
                outcome = LEFT
                raise
            finally:
                request.outcome = "ok" if outcome == "done" else outcome
                self._record(request, holder, found[0].kind.value, linked.id, outcome)

    def _pieces(self, found: Settled, context: Context) -> AsyncGenerator[bytes, None]:
        errand = context.loaders.reader.allowance.errand
        allowance = Allowance(1, now() + PATIENCE, errand=errand)
        return pieces_of(found, self._papers.archive, self._papers.printed, allowance)

    def _record(
        self, request: Received, holder: Principal, kind: str, row: str, outcome: str
    ) -> None:
        event = Event(
            request.id, "document", who(holder), kind, outcome, (row,), source=request.source
        )
        self._audit.record(event)


class CutOff(Exception):
    """A document ended in the middle; the connection ends with it."""


async def _stream(found: Settled, first: bytes, rest: AsyncIterator[bytes], send: Send) -> None:
    paper, _ = found
    headers = [
        (b"content-type", b"application/pdf"),
        (b"content-disposition", f'attachment; filename="{paper.name}"'.encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": first, "more_body": True})
    async for piece in rest:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _say(send: Send, status: int, content: object, headers: dict[str, str]) -> None:
    body = msgspec.json.encode(content)
    sent = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
    sent += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
