"""
GraphQL over HTTP, the working group's draft: a bearer token, a negotiated answer, one operation.
Where the draft leaves a choice, docs/graphql-over-http.md says which one was made.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from graphql import OperationType
from starlette.types import Receive, Scope, Send

from front.strangers import known
from gateway.admission import deadlines
from gateway.audit.events import CONCERN_RIGHTS, refusal
from gateway.audit.recorder import NO_AUDIT, Audit
from gateway.auth.principal import Principal
from gateway.engine.execution import Engine, GraphQLRequest, Prepared
from gateway.engine.outcome import Answer, Refused, refused
from gateway.errors import (
    BAD_REQUEST,
    GatewayError,
    Unauthenticated,
)
from gateway.http import explaining, shedding
from gateway.http.answer_limit import encoded_or_refused, is_small
from gateway.http.auditing import observed
from gateway.http.cost_extension import COST, Cost
from gateway.http.exports import LINES_STREAM, Exports
from gateway.http.graphql_requests import RequestProblem, read
from gateway.http.live import Live
from gateway.http.negotiation import (
    EVENTS,
    JSON,
    LINES,
    RESPONSE,
    negotiate,
    stream_of,
    takes_events,
)
from gateway.http.receiving import Received, received
from gateway.http.refusing import headers_of, status_of
from gateway.http.streams import STREAM, Events, one, streamed

Authenticate = Callable[[str | None], Awaitable[Principal]]
"""A function from the `Authorization` header to the caller; it raises Unauthenticated."""
LookAs = Callable[[Principal, str], Awaitable[Principal]]
"""Staff and the customer whom they name -> what that customer is; raises Forbidden, NotFound."""
Explain = Callable[[Any], Awaitable[object]]
"""Makes an explanation of the answer from the context that the resolvers of a request shared."""
Measure = Callable[[Prepared, Any], Awaitable[Cost]]
"""Makes what measures an operation in its context, before it runs."""
MakeContext = Callable[[Principal, Received], object]
"""Makes the context that the resolvers of one request share."""
Ages = Callable[[Any], dict[str, Any]]
"""Makes the extension that tells of old rows, from that context."""

VIEW_AS: Final = "X-View-As"
"""The header by which staff look with the eyes of a customer, named by contact id or e-mail."""
_VIEW_AS: Final = VIEW_AS.lower().encode()
POST_ONLY: Final = "GET is for reading only; send this operation by POST."
QUERY: Final = OperationType.QUERY


_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Response:
    """An answer to be sent; `headers` are those besides the length."""

    body: bytes | bytearray
    status: int
    headers: list[tuple[bytes, bytes]]
    events: Events | None = None
    """A stream, in the place of the body."""


class GraphQLEndpoint:
    """The ASGI app behind `/graphql`."""

    def __init__(
        self,
        engine: Engine,
        authenticate: Authenticate,
        context: MakeContext,
        *,
        look_as: LookAs | None = None,
        explain: Explain | None = None,
        show_execution: bool = False,
        measure: Measure | None = None,
        show_cost: bool = False,
        ages: Ages = lambda _: {},
        answer_bytes: int | None = None,
        audit: Audit = NO_AUDIT,
        deadline: float = 10.0,
        live: Live | None = None,
        exports: Exports | None = None,
    ) -> None:
        """
        `show_cost`: the cost of every answer is told, not only to those who ask for it. `ages`: the
        ages of rows that an answer has although they are old.
        `deadline`: seconds from a request's first byte until its caller must be known.
        """
        self._engine = engine
        self._authenticate = authenticate
        self._context = context
        self._look_as = look_as
        self._explain = explain
        self._show_execution = show_execution
        self._measure = measure
        self._show_cost = show_cost
        self._ages = ages
        self._answer_bytes = answer_bytes
        self._audit = audit
        self.deadline = deadline
        self._live, self._exports = live, exports
        self.refusals: Counter[str] = Counter()
        """Requests that were not executed, by code."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(scope, receive)
        if response.events is not None:
            await streamed(response.events, response.headers, receive, send)
            return
        length = b"content-length", b"%d" % len(response.body)
        headers = [*response.headers, length]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        request = received(scope)
        media_type = negotiate(request.header(b"accept"))
        caller = None
        deadlines.begin(request.begun + self.deadline)
        try:
            caller = await self._authenticate(authorization(request))
            known(scope)
            principal = await seen_by(caller, request, self._look_as)
            if media_type is None:
                return await self._stream(request, receive, principal)
            asked = await read(request, receive)
            return await self._answer(request, asked, principal, media_type)
        except RequestProblem as problem:
            return self._problem(request, problem, media_type)
        except GatewayError as error:
            return self.refusal(request, error, caller, media_type)

    async def answered(
        self, request: Received, asked: GraphQLRequest, principal: Principal
    ) -> Response:
        """The answer or the stream for an operation that did not come by a request of HTTP."""
        try:
            return await self._answer(request, asked, principal, RESPONSE, takes=True)
        except RequestProblem as problem:
            return self._problem(request, problem, RESPONSE)
        except GatewayError as error:
            return self.refusal(request, error, principal)

    def refusal(
        self,
        request: Received,
        error: GatewayError,
        caller: Principal | None = None,
        media_type: str | None = RESPONSE,
    ) -> Response:
        """The answer to a request that ends with an error as a whole."""
        self.note_refusal(request, error, caller)
        return _json(refused(error).body, media_type, status_of(error), headers_of(error))

    def note_refusal(
        self, request: Received, error: GatewayError, caller: Principal | None
    ) -> None:
        """Count a refusal, and tell the audit of one that concerns rights."""
        request.outcome = error.code
        self.refusals[error.code] += 1
        if isinstance(error, CONCERN_RIGHTS):
            self._audit.record(refusal(error, request.id, caller, request.source))

    async def _stream(self, request: Received, receive: Receive, principal: Principal) -> Response:
        """A stream of the answers for a client that takes nothing else, or likes it better."""
        stream = stream_of(request.header(b"accept"))
        if stream == LINES:
            return await self._export(request, receive, principal)
        if stream is None:
            raise RequestProblem(406, f"The Accept header must allow {RESPONSE} or {JSON}.")
        try:
            asked = await read(request, receive)
            answer = await self._answer(request, asked, principal, JSON)
        except RequestProblem as problem:
            if problem.status == 405:  # no client of streams, which would have to read the reason
                raise
            answer = self._problem(request, problem, JSON)
        return answer if answer.events else Response(b"", 200, STREAM, one(bytes(answer.body)))

    async def _export(self, request: Received, receive: Receive, principal: Principal) -> Response:
        """All edges of a list as lines."""
        try:
            prepared = await self._engine.prepared(await read(request, receive))
        except Refused as refusal_:
            return _json(refusal_.body, JSON, 400)
        _note(request, prepared)
        if self._exports is None:
            raise RequestProblem(406, f"The Accept header must allow {RESPONSE} or {JSON}.")
        lines = self._exports.follow(request, prepared, principal, self.identified)
        return Response(b"", 200, LINES_STREAM, lines)

    def _problem(
        self, request: Received, problem: RequestProblem, media_type: str | None
    ) -> Response:
        """The answer to a request that is no GraphQL request."""
        request.outcome = BAD_REQUEST
        self.refusals[BAD_REQUEST] += 1
        error = {"message": problem.message, "extensions": {"code": BAD_REQUEST}}
        return _json({"errors": [error]}, media_type, problem.status, problem.headers)

    async def identified(self, request: Received) -> Principal:
        """
        The one who asks at this moment, with the eyes of whom they look with. CallerError where
        they are not accepted, or what they name is not theirs.
        """
        caller = await self._authenticate(authorization(request))
        principal = await seen_by(caller, request, self._look_as)
        self._context(principal, request)  # an account that was theirs may be so no more
        return principal

    def _followed(
        self, request: Received, prepared: Prepared, principal: Principal, *, takes: bool
    ) -> Response | None:
        """A stream of the answers to a subscription; None for a mutation, which is not in a URL."""
        if prepared.kind is OperationType.MUTATION:
            if request.method == "GET":
                raise RequestProblem(405, POST_ONLY, Allow="POST")
            return None
        if self._live is None:
            raise RequestProblem(400, "Subscriptions are switched off.")
        if not (takes or takes_events(request.header(b"accept"))):
            raise RequestProblem(406, f"Subscriptions are answered as {EVENTS}: send it in Accept.")
        followed = self._live.follow(request, prepared, principal, self.identified)
        return Response(b"", 200, STREAM, followed)

    async def _answer(
        self,
        request: Received,
        asked: GraphQLRequest,
        principal: Principal,
        media_type: str,
        *,
        takes: bool = False,
    ) -> Response:
        """`takes`: the client takes a stream, whatever its headers say."""
        explain = self._explaining(principal) if asked.extensions.get("explain") is True else None
        try:
            prepared = await self._engine.prepared(asked)
            _note(request, prepared)
            if prepared.operation.kind is not QUERY and (
                followed := self._followed(request, prepared, principal, takes=takes)
            ):
                return followed
            context = self._context(principal, request)
            cost = await self._cost_of(prepared, context, asked)
            answer = await self._engine.execute(prepared, context, request.id)
        except Refused as refused_:
            return self._refused(request, refused_, media_type)
        for event in observed(answer, prepared, request.id, principal, request.source):
            self._audit.record(event)
        if answer.errors:
            request.outcome = answer.errors[0].get("extensions", {}).get("code", BAD_REQUEST)
            if (said := shedding.refusal(answer)) is not None:
                return self._shed(answer, said, media_type)
        beside, headers = await self._beside(answer, context, cost, explain)
        shown = answer.body | ({"extensions": beside} if beside else {})
        maximum = self._answer_bytes
        if maximum is not None and not is_small(prepared, context, maximum):
            return await self._limited(shown, maximum, media_type, headers, prepared)
        return _json(shown, media_type, headers=headers)

    def _refused(self, request: Received, problem: Refused, media_type: str) -> Response:
        """The answer to an operation that is not executed."""
        request.outcome = problem.errors[0]["extensions"]["code"]
        self.refusals[request.outcome] += 1
        # With the older type nobody can tell our 400 from that of a proxy, so it is always 200.
        return _json(problem.body, media_type, 400 if media_type == RESPONSE else 200)

    async def _beside(
        self, answer: Answer, context: object, cost: Cost | None, explain: Explain | None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The extensions of an answer, and the headers that go with them."""
        extensions: dict[str, Any] = self._ages(context)
        headers: dict[str, str] = {}
        if cost:
            extensions[COST], headers = cost.told()
        if explain:
            extensions["explain"] = await explain(context)
        if explain or self._show_execution:
            extensions["execution"] = answer.way.shown
        return extensions, headers

    def _explaining(self, principal: Principal) -> Explain | None:
        """The means to explain an answer; Forbidden to whom nothing is explained."""
        if self._explain:
            explaining.check(principal)
        return self._explain

    def _shed(self, answer: Answer, said: Mapping[str, Any], media_type: str) -> Response:
        """The answer of an operation that was refused for want of budget; `said` is its error."""
        self.refusals[said["code"]] += 1
        headers = shedding.headers(said)
        if media_type == RESPONSE:
            body = {"errors": answer.errors}
            return _json(body, media_type, shedding.status(said), headers)
        return _json(answer.body, media_type, headers=headers)

    async def _limited(
        self,
        answer: Mapping[str, Any],
        maximum: int,
        media_type: str,
        headers: dict[str, str],
        prepared: Prepared,
    ) -> Response:
        """An answer that is large, or may be too large."""
        made, code = await encoded_or_refused(answer, maximum, prepared.kind)
        if code is not None:
            self.refusals[code] += 1
        return Response(made, 200, _headers_with(media_type, headers))

    async def _cost_of(
        self, prepared: Prepared, context: object, asked: GraphQLRequest
    ) -> Cost | None:
        """The measure of the operation, where its caller or the settings want to be told."""
        if self._measure and (self._show_cost or asked.extensions.get(COST) is True):
            return await self._measure(prepared, context)
        return None


def _note(request: Received, prepared: Prepared) -> None:
    """Keep kind and name of the operation with its request, for the log and the metrics."""
    request.kind = prepared.operation.kind.value
    if (named := prepared.operation.node.name) is not None:
        request.operation = named.value


def authorization(request: Received) -> str | None:
    """The header of the caller; Unauthenticated where there are several."""
    if b"authorization" in request.repeated:
        raise Unauthenticated("The request has more than one Authorization header; send one.")
    return request.header(b"authorization")


async def seen_by(caller: Principal, request: Received, look_as: LookAs | None) -> Principal:
    """The caller, or what the customer is with whose eyes they look; Forbidden, NotFound."""
    name = request.header(_VIEW_AS)
    return caller if name is None or look_as is None else await look_as(caller, name)


def _json(
    content: Mapping[str, Any],
    media_type: str | None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    sent = _headers_with(media_type, headers) if headers else _content_headers(media_type or JSON)
    return Response(_encode(content), status, sent)


def _headers_with(media_type: str | None, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    more = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
    return [*_content_headers(media_type or JSON), *more]


@lru_cache
def _content_headers(media_type: str) -> list[tuple[bytes, bytes]]:
    return [(b"vary", b"Accept"), (b"content-type", f"{media_type}; charset=utf-8".encode())]
