"""
Spans by the SDK of OpenTelemetry, which must be installed: it is loaded where it is switched on.

A span has names of ours, of the schema and of tables, statuses and ids: never a URL, which holds
what customers search for, nor the words of an exception.
"""

import os
from collections.abc import Awaitable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from msgspec.structs import replace
from opentelemetry.context import attach, detach, get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import (
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.admission.errands import Errand
from gateway.admission.governor import Governor
from gateway.admission.user_ledger import Ledger
from gateway.auth.principal import Principal
from gateway.client.exchange import Reply, Request, Timeouts, Transport
from gateway.config.telemetry import Sampling, sampling_of
from gateway.engine.execution import Engine, GraphQLRequest, Prepared
from gateway.engine.outcome import Answer
from gateway.http.receiving import ID_HEADER, received
from gateway.http.routing import GRAPHQL
from gateway.tracing.choice import ALONE, LEFT_OUT, SPAN, SamplingChoice, TraceIds
from gateway.tracing.tracing import Authenticate
from gateway.upstream.failures import ids_of

SECONDS: Final = 2
"""Seconds that the collector may take to receive spans."""
PARENT: Final = "traceparent"
SENT: Final = PARENT.encode()
CONTEXT: Final = TraceContextTextMapPropagator()
T = TypeVar("T")


def started() -> "Spans":
    """Spans that go to the collector of the variables OTEL_..., which the SDK reads."""
    exported = BatchSpanProcessor(OTLPSpanExporter(timeout=SECONDS))
    return Spans(exported, sampling_of(os.environ))


class Spans:
    """`Tracing` by the SDK."""

    def __init__(self, processor: SpanProcessor, sampling: Sampling) -> None:
        """Spans of the requests that are sampled go to `processor`."""
        ours = {"service.name": "dynamics-gateway", "service.version": version("dynamics-gateway")}
        resource = Resource(ours).merge(OTELResourceDetector().detect())
        ids = TraceIds()
        self._provider = TracerProvider(_sampler(sampling), resource, id_generator=ids)
        self._provider.add_span_processor(processor)
        self._choice = SamplingChoice(sampling, ids)
        self._tracer = tracer = self._provider.get_tracer("gateway")
        self.engine: type[Engine] = _engine(tracer)
        self.governor: type[Governor] = _governor(tracer)

    def requests(self) -> Middleware:
        return Middleware(TracedRequests, tracer=self._tracer, choice=self._choice)

    def authenticating(self, authenticate: Authenticate) -> Authenticate:
        def traced(authorization: str | None) -> Awaitable[Principal]:
            work = authenticate(authorization)
            # The looks of a socket at its caller's rights are below no request.
            is_below = not LEFT_OUT.get() and get_current_span().get_span_context().is_valid
            return _recorded(self._tracer, "authenticate", work) if is_below else work

        return traced

    def calling(self, transport: Transport) -> Transport:
        return TracedTransport(transport, self._tracer)

    def flush(self) -> None:
        self._provider.force_flush(SECONDS * 1_000)


def _sampler(sampling: Sampling) -> Sampler:
    """The same for the SDK, for spans that are below no request."""
    by_share = TraceIdRatioBased(sampling.share)
    return ParentBased(by_share) if sampling.heeds_callers else by_share


async def _recorded(tracer: Tracer, name: str, work: Awaitable[T]) -> T:
    """The work in a span below that of the request."""
    with _current(tracer.start_span(name)):
        return await work


@contextmanager
def _current(span: Span) -> Iterator[Span]:
    """The span while it is current. Its error is told by its type alone."""
    with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield span
        except BaseException as error:
            _failed(span, type(error).__qualname__)
            raise


def _failed(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


class TracedRequests:
    """A span for each request to `/graphql`, below that of the caller."""

    def __init__(self, app: ASGIApp, tracer: Tracer, choice: SamplingChoice) -> None:
        self._app, self._tracer, self._choice = app, tracer, choice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != GRAPHQL:
            await self._app(scope, receive, send)
            return
        request = received(scope)
        parent = request.header(SENT)
        above = CONTEXT.extract({PARENT: parent}) if parent else None
        # An id that a caller chose would choose the sampling, too.
        ours = "" if ID_HEADER in request.headers else request.id
        left_out = self._choice.left_out(above, ours)
        if not left_out:
            with _current(self._tracer.start_span("graphql", above, SpanKind.SERVER)) as span:
                request.trace = f"{span.get_span_context().trace_id:032x}"
                await self._recorded(span, scope, receive, send)
            return
        request.trace = left_out[len("00-") :][:32]
        reset = LEFT_OUT.set(left_out)
        token = attach(set_span_in_context(SPAN) if get_current() else ALONE)
        try:
            await self._app(scope, receive, send)
        finally:
            detach(token)
            LEFT_OUT.reset(reset)

    async def _recorded(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        request = received(scope)
        span.set_attribute("http.request.method", request.method)
        span.set_attribute("http.route", GRAPHQL)
        span.set_attribute("gateway.request_id", request.id)
        await self._app(scope, receive, send)
        span.set_attribute("http.response.status_code", request.status)
        if request.kind:
            span.set_attribute("graphql.operation.type", request.kind)
            span.update_name(f"{request.kind} {request.operation}".strip())
        if request.operation:
            span.set_attribute("graphql.operation.name", request.operation)
        if request.outcome != "ok":
            _failed(span, request.outcome)


class TracedTransport:
    """A transport with a span for each exchange."""

    def __init__(self, inner: Transport, tracer: Tracer) -> None:
        self._inner, self._tracer = inner, tracer

    def exchange(self, request: Request, timeouts: Timeouts) -> Coroutine[Any, Any, Reply]:
        if left_out := LEFT_OUT.get():
            return self._inner.exchange(_below(request, left_out), timeouts)
        return self._recorded(request, timeouts)

    async def _recorded(self, request: Request, timeouts: Timeouts) -> Reply:
        parts = urlsplit(request.url)
        table = parts.path.rsplit("/", 1)[-1].partition("(")[0]
        attributes: Mapping[str, Any] = {
            "http.request.method": request.method,
            "server.address": parts.hostname or "",
            "gateway.collection": table,
        }
        name = f"{request.method} {table}"
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        with _current(span):
            reply = await self._inner.exchange(
                _below(request, _parent(span.get_span_context())), timeouts
            )
            span.set_attribute("http.response.status_code", reply.status)
            for header, value in ids_of(reply.headers).items():
                span.set_attribute(f"http.response.header.{header}", value)
            if reply.status >= 400:
                _failed(span, str(reply.status))
            return reply

    async def aclose(self) -> None:
        await self._inner.aclose()


def _below(request: Request, parent: str) -> Request:
    """The request with what it is made in. Callers' `tracestate` is nothing for Dynamics."""
    return replace(request, own=(*request.own, (PARENT, parent)))


def _parent(span: SpanContext) -> str:
    """A span as `traceparent`, for what is below it."""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


async def _told(work: Awaitable[Answer]) -> Answer:
    """The answer, after the span in which it is made was told which way it took."""
    answer = await work
    get_current_span().set_attribute("gateway.way", answer.way.way)
    return answer


def _engine(tracer: Tracer) -> type[Engine]:
    class TracedEngine(Engine):
        """An engine with spans for what it does before it executes, and for executing."""

        def prepared(self, request: GraphQLRequest) -> Coroutine[Any, Any, Prepared]:
            work = super().prepared(request)
            return work if LEFT_OUT.get() else _recorded(tracer, "prepare", work)

        def execute(
            self, prepared: Prepared, context: object, request_id: str
        ) -> Coroutine[Any, Any, Answer]:
            work = super().execute(prepared, context, request_id)
            return work if LEFT_OUT.get() else _recorded(tracer, "execute", _told(work))

    return TracedEngine


def _governor(tracer: Tracer) -> type[Governor]:
    class TracedGovernor(Governor):
        """A governor with a span for each call that has to wait."""

        def turn(self, errand: Errand, until: float) -> Coroutine[Any, Any, Ledger]:
            work = super().turn(errand, until)
            return work if LEFT_OUT.get() else _recorded(tracer, "queue", work)

    return TracedGovernor
