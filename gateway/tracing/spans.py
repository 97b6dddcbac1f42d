"""
Spans by the SDK of OpenTelemetry, which must be installed: it is loaded where it is switched on.

A span has names of ours, of the schema and of tables, statuses and ids: never a URL, which holds
what customers search for, nor the words of an exception.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec.structs import replace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.admission.errands import Errand
from gateway.admission.governor import Governor
from gateway.admission.user_ledger import Ledger
from gateway.auth.principal import Principal
from gateway.client.exchange import Reply, Request, Timeouts, Transport
from gateway.engine.execution import Engine, GraphQLRequest, Prepared
from gateway.engine.outcome import Answer
from gateway.http.receiving import received
from gateway.http.routing import GRAPHQL
from gateway.tracing.tracing import Authenticate
from gateway.upstream.failures import ids_of

SECONDS: Final = 2
"""Seconds that the collector may take to receive spans."""
PARENT: Final = "traceparent"
CONTEXT: Final = TraceContextTextMapPropagator()


def started() -> "Spans":
    """Spans that go to the collector of the variables OTEL_..., which the SDK reads."""
    ours = {"service.name": "dynamics-gateway", "service.version": version("dynamics-gateway")}
    provider = TracerProvider(resource=Resource(ours).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=SECONDS)))
    return Spans(provider)


class Spans:
    """`Tracing` by one provider."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = tracer = provider.get_tracer("gateway")
        self.engine: type[Engine] = _engine(tracer)
        self.governor: type[Governor] = _governor(tracer)

    def requests(self) -> Middleware:
        return Middleware(TracedRequests, tracer=self._tracer)

    def authenticating(self, authenticate: Authenticate) -> Authenticate:
        async def traced(authorization: str | None) -> Principal:
            with _span(self._tracer, "authenticate"):
                return await authenticate(authorization)

        return traced

    def calling(self, transport: Transport) -> Transport:
        return TracedTransport(transport, self._tracer)

    def flush(self) -> None:
        self._provider.force_flush(SECONDS * 1_000)


@contextmanager
def _span(tracer: Tracer, name: str, **options: Any) -> Iterator[Span]:
    """A span whose error is told by its type alone; none in a trace that is not sampled."""
    if is_left_out():
        yield INVALID_SPAN
        return
    quiet: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}
    with tracer.start_as_current_span(name, **quiet, **options) as span:
        try:
            yield span
        except BaseException as error:
            _failed(span, type(error).__qualname__)
            raise


def is_left_out() -> bool:
    """True in a trace that is not sampled: making spans that nobody gets costs half a request."""
    context = get_current_span().get_span_context()
    return context.is_valid and not context.trace_flags.sampled


def _failed(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


class TracedRequests:
    """A span for each request to `/graphql`, below that of the caller."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != GRAPHQL:
            await self._app(scope, receive, send)
            return
        request = received(scope)
        parent = request.header(PARENT.encode())
        attributes = {
            "http.request.method": request.method,
            "http.route": GRAPHQL,
            "gateway.request_id": request.id,
        }
        options: dict[str, Any] = {"kind": SpanKind.SERVER, "attributes": attributes}
        if parent:
            options["context"] = CONTEXT.extract({PARENT: parent})
        with _span(self._tracer, "graphql", **options) as span:
            if not span.is_recording():
                await self._app(scope, receive, send)
                return

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, sending)
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

    async def exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        if is_left_out():
            return await self._inner.exchange(_below(request), timeouts)
        parts = urlsplit(request.url)
        table = parts.path.rsplit("/", 1)[-1].partition("(")[0]
        attributes: Mapping[str, Any] = {
            "http.request.method": request.method,
            "server.address": parts.hostname or "",
            "gateway.collection": table,
        }
        name = f"{request.method} {table}"
        with _span(self._tracer, name, kind=SpanKind.CLIENT, attributes=attributes) as span:
            reply = await self._inner.exchange(_below(request), timeouts)
            span.set_attribute("http.response.status_code", reply.status)
            for header, value in ids_of(reply.headers).items():
                span.set_attribute(f"http.response.header.{header}", value)
            if reply.status >= 400:
                _failed(span, str(reply.status))
            return reply

    async def aclose(self) -> None:
        await self._inner.aclose()


def _below(request: Request) -> Request:
    """The request with the name of the span in which it is made."""
    carrier: dict[str, str] = {}
    CONTEXT.inject(carrier)
    # What callers put into tracestate is nothing for Dynamics.
    parent = ((PARENT, carrier[PARENT]),) if PARENT in carrier else ()
    return replace(request, own=(*request.own, *parent))


def _engine(tracer: Tracer) -> type[Engine]:
    class TracedEngine(Engine):
        """An engine with spans for what it does before it executes, and for executing."""

        async def prepared(self, request: GraphQLRequest) -> Prepared:
            with _span(tracer, "prepare"):
                return await super().prepared(request)

        async def execute(self, prepared: Prepared, context: object, request_id: str) -> Answer:
            with _span(tracer, "execute") as span:
                answer = await super().execute(prepared, context, request_id)
                span.set_attribute("gateway.way", answer.way.way)
                return answer

    return TracedEngine


def _governor(tracer: Tracer) -> type[Governor]:
    class TracedGovernor(Governor):
        """A governor with a span for each call that has to wait."""

        async def turn(self, errand: Errand, until: float) -> Ledger:
            with _span(tracer, "queue"):
                return await super().turn(errand, until)

    return TracedGovernor
