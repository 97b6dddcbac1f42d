"""
`/documents/<link>`: a document, picture or attached file in pieces, for whom its link was made.

The caller signs in as for GraphQL. Until the first piece is there everything can still be refused;
an answer that cannot be completed is cut off, so that nobody takes a part of it for the whole.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from gateway.admission import deadlines
from gateway.audit.events import CONCERN_RIGHTS, Event, refusal, who
from gateway.audit.recorder import Audit
from gateway.auth.principal import Principal
from gateway.errors import INTERNAL, GatewayError
from gateway.http.endpoint import (
    Authenticate,
    LookAs,
    authorization,
    seen_by,
)
from gateway.http.receiving import Received, received
from gateway.http.refusing import headers_of, status_of
from gateway.loaders.kept_pictures import KeptPictures
from gateway.loaders.paper_links import PATH, LinkContent, PaperLinks
from gateway.model.archives import Find
from gateway.resolvers.file_contents import KIND, attached_file, content_of
from gateway.resolvers.followed_pictures import picture_of, pictured, type_of
from gateway.resolvers.printing import pieces_of, settled
from gateway.schema.context import Context
from gateway.upstream.allowance import Allowance
from gateway.upstream.attached import AttachedFile
from gateway.upstream.reports import PATIENCE, ErpReport
from gateway.upstream.sender import now

ROUTE: Final = PATH + "{link}"
WHOLE: Final = 120.0
"""Seconds in which a document must have been taken, however slowly it is read."""
LEFT: Final = "LEFT"
"""The outcome where the caller went away, or took too long."""
PRIVATE: Final = b"private, max-age=300"
"""A picture may be kept by whoever asked for it."""
Headers = list[tuple[bytes, bytes]]
MakeContext = Callable[[Principal, Received], Context]


@dataclass(frozen=True, slots=True)
class Download:
    """An answer whose beginning is there."""

    headers: Headers
    first: bytes = b""
    rest: AsyncIterator[bytes] | None = None
    kind: str = ""
    """The kind of document for the audit; empty for what is not noted there."""
    status: int = 200


Begin = Callable[[Received, Context, LinkContent, AsyncExitStack], Coroutine[None, None, Download]]
"""Makes the beginning of an answer."""


class PaperSource(Protocol):
    """The documents of an app: their links, an archive, and a printer behind it."""

    links: PaperLinks
    archive: Find | None
    pictures: KeptPictures

    def printed(self, report: ErpReport, allowance: Allowance) -> AsyncIterator[bytes]:
        """The PDF that the ERP prints, in pieces."""
        ...

    def attached(self, file: AttachedFile, allowance: Allowance) -> AsyncIterator[bytes]:
        """The content of a file that is attached to a row of the ERP, in pieces."""
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
            if isinstance(error, CONCERN_RIGHTS):
                self._audit.record(refusal(error, request.id, caller, request.source))
            said = {"message": error.message, "extensions": error.extensions}
            await _say(send, status_of(error), {"errors": [said]}, headers_of(error))

    async def _send(self, request: Received, holder: Principal, text: str, send: Send) -> None:
        """Send what the link leads to; GatewayError where not a byte of it was sent."""
        async with AsyncExitStack() as stack:
            async with self._papers.links.following(text, holder) as linked:
                context = self._context(holder, request)
                begin = self._begins(linked)
                answer = await begin(request, context, linked, stack)
            outcome = INTERNAL
            try:
                async with asyncio.timeout(WHOLE):
                    await _stream(answer, send)
                outcome = "done"
            except GatewayError as error:
                outcome = error.code
                raise CutOff from error
            except (TimeoutError, asyncio.CancelledError, OSError):
                outcome = LEFT
                raise
            finally:
                request.outcome = "ok" if outcome == "done" else outcome
                if answer.kind:
                    self._record(request, holder, answer.kind, linked.id, outcome)

    def _begins(self, linked: LinkContent) -> Begin:
        """The way to what a link leads to."""
        if linked.picture:
            return self._picture
        return self._attachment if linked.attachment else self._paper

    async def _attachment(
        self, request: Received, context: Context, linked: LinkContent, stack: AsyncExitStack
    ) -> Download:
        """An attached file, whose first piece is there; it is saved, and never shown."""
        found = await attached_file(context, linked)
        content = content_of(found.file, self._papers.attached, _allowance(context))
        pieces = await stack.enter_async_context(aclosing(content))
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"content-disposition", found.disposition.encode()),
        ]
        return Download(headers, await anext(pieces), pieces, KIND)

    async def _paper(
        self, request: Received, context: Context, linked: LinkContent, stack: AsyncExitStack
    ) -> Download:
        """A printed document, whose first piece is there."""
        found = await settled(context, linked)
        content = pieces_of(found, self._papers.archive, self._papers.printed, _allowance(context))
        pieces = await stack.enter_async_context(aclosing(content))
        paper, _ = found
        headers = [
            (b"content-type", b"application/pdf"),
            (b"content-disposition", f'attachment; filename="{paper.name}"'.encode()),
        ]
        return Download(headers, await anext(pieces), pieces, paper.kind.value)

    async def _picture(
        self, request: Received, context: Context, linked: LinkContent, stack: AsyncExitStack
    ) -> Download:
        """A picture, whose first piece is there, or word that the caller has it."""
        file, tag = await pictured(context, linked), f'"{linked.picture}"'
        headers = [(b"etag", tag.encode()), (b"cache-control", PRIVATE)]
        if request.header(b"if-none-match") == tag:
            return Download(headers, status=304)
        kept = self._papers.pictures
        if (content := kept.get(linked.picture)) is not None:
            return Download([(b"content-type", type_of(content).encode()), *headers], content)
        read = picture_of(file, self._papers.attached, _allowance(context))
        pieces = await stack.enter_async_context(aclosing(kept.keeping(linked.picture, read)))
        first = await anext(pieces)
        return Download([(b"content-type", type_of(first).encode()), *headers], first, pieces)

    def _record(
        self, request: Received, holder: Principal, kind: str, row: str, outcome: str
    ) -> None:
        event = Event(
            request.id, "document", who(holder), kind, outcome, (row,), source=request.source
        )
        self._audit.record(event)


class CutOff(Exception):
    """A document ended in the middle; the connection ends with it."""


def _allowance(context: Context) -> Allowance:
    errand = context.loaders.reader.allowance.errand
    return Allowance(1, now() + PATIENCE, errand=errand)


async def _begin(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _stream(answer: Download, send: Send) -> None:
    await _begin(send, answer.status, answer.headers)
    if answer.first:
        await send({"type": "http.response.body", "body": answer.first, "more_body": True})
    if answer.rest is not None:
        async for piece in answer.rest:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _say(send: Send, status: int, content: object, headers: dict[str, str]) -> None:
    body = msgspec.json.encode(content)
    sent = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
    sent += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await _begin(send, status, sent)
    await send({"type": "http.response.body", "body": body})
