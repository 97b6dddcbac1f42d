"""Spans lead from a caller's own to the call to Dynamics, and hold nothing that anybody wrote."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from starlette.applications import Starlette

from emulator.faults.actions import Fail
from gateway.app import create_app
from gateway.config.telemetry import SAMPLERS, Sampling, sampling_of
from gateway.tracing.choice import SamplingChoice, TraceIds
from gateway.tracing.spans import Spans
from tests.gateway.live.streams import Stream, following, over_socket
from tests.gateway.test_observing import Listening
from tests.logged import events, logged
from tests.stack import EMULATOR, GATEWAY, Stack, emulator, settings

pytestmark = pytest.mark.anyio
ORDERS = "query Orders { orders(first: 1) { nodes { number } } }"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
CANARY = "canary-91c7"
ACCESS = "gateway.access"
ALL = Sampling()
Way = Callable[..., AbstractAsyncContextManager[Stream]]


class Looking(Listening):
    """A way upstream that also keeps the span which is current in each call: others go by it."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(app)
        self.current: list[SpanContext] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.current.append(get_current_span().get_span_context())
        return await super().handle_async_request(request)


class Traced:
    """A gateway whose spans are kept."""

    def __init__(self, stack: Stack, way: Looking, spans: InMemorySpanExporter) -> None:
        self.stack, self.way, self._spans = stack, way, spans

    async def ask(self, query: str, **headers: str) -> list[ReadableSpan]:
        """The spans of one request, those that end first first."""
        self._spans.clear()
        await self.stack.ask(query, headers=headers)
        return self.ended()

    def ended(self) -> list[ReadableSpan]:
        """The spans that have ended since the last time."""
        found = list(self._spans.get_finished_spans())
        self._spans.clear()
        return found


@asynccontextmanager
async def traced(
    world: Starlette, sampling: Sampling = ALL, **changes: Any
) -> AsyncIterator[Traced]:
    kept, way = InMemorySpanExporter(), Looking(world)
    spans = Spans(SimpleSpanProcessor(kept), sampling)
    app = create_app(settings(**changes), transport=way, tracing=spans)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=way, base_url=EMULATOR) as direct,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=GATEWAY) as client,
    ):
        stack = Stack(world, client, direct, app=app)
        await stack.ask(ORDERS)
        yield Traced(stack, way, kept)


def chain(spans: list[ReadableSpan]) -> Iterator[str]:
    """The names from the call to Dynamics up to the request."""
    by_id = {each.context.span_id: each for each in spans if each.context}
    found: ReadableSpan | None = next(each for each in spans if "salesorders" in each.name)
    while found is not None:
        yield found.name
        found = by_id.get(found.parent.span_id) if found.parent else None


async def test_a_trace_leads_from_the_caller_to_dynamics(small_world: Starlette) -> None:
    async with traced(small_world) as gateway:
        gateway.way.heard.clear()
        spans = await gateway.ask(ORDERS, traceparent=PARENT)
        heard = [each["traceparent"] for each in gateway.way.heard]

    calls = [each for each in spans if "salesorders" in each.name]
    assert list(chain(spans)) == ["GET salesorders", "execute", "query Orders"]
    assert {each.name for each in spans} >= {"authenticate", "prepare"}
    executed = next(each for each in spans if each.name == "execute")
    assert executed.attributes == {"gateway.way": "compiled"}
    assert {f"{each.context.trace_id:032x}" for each in spans if each.context} == {TRACE}
    assert heard == [f"00-{TRACE}-{each.context.span_id:016x}-01" for each in calls if each.context]


@pytest.mark.parametrize(
    ("sampling", "flags", "sampled"),
    [
        (Sampling(1), "", True),
        (Sampling(1), "01", True),
        (Sampling(1), "00", False),
        (Sampling(0), "", False),
        (Sampling(0), "01", True),
        (Sampling(0), "00", False),
        (Sampling(1, heeds_callers=False), "00", True),
        (Sampling(0, heeds_callers=False), "01", False),
    ],
)
async def test_the_caller_or_else_the_sampler_decides_and_dynamics_hears_of_it(
    small_world: Starlette, sampling: Sampling, flags: str, sampled: bool
) -> None:
    parent = {"traceparent": PARENT[:-2] + flags} if flags else {}
    async with traced(small_world, sampling) as found:
        found.way.heard.clear()
        found.way.current.clear()
        spans = await found.ask(ORDERS, **parent)

    heard = [each["traceparent"].split("-") for each in found.way.heard]
    assert bool(spans) == sampled
    assert heard
    assert {int(each[3], 16) & 1 for each in heard} == {int(sampled)}
    assert len({each[1] for each in heard}) == 1
    assert not flags or heard[0][1] == TRACE
    assert {(f"{each.trace_id:032x}", each.trace_flags.sampled) for each in found.way.current} == {
        (heard[0][1], sampled)
    }
    assert "00f067aa0ba902b7" not in {each[2] for each in heard}


@pytest.mark.parametrize("sampler", ["", *SAMPLERS])
@pytest.mark.parametrize("flags", [None, 0, 1])
def test_a_request_is_sampled_as_the_sdk_would_have_it(
    sampler: str, flags: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0.25"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if not sampler:
        monkeypatch.delenv("OTEL_TRACES_SAMPLER")
    ids, theirs = TraceIds(), TracerProvider(shutdown_on_exit=False).sampler
    choice = SamplingChoice(sampling_of(variables), ids)

    for number in range(200):
        above = Context()
        if flags is not None:
            # Around the bound of the share, in the half that decides.
            parent = SpanContext((number << 64) + 2**62 - 100 + number, 1, True, TraceFlags(flags))
            above = set_span_in_context(NonRecordingSpan(parent), above)
        ours = choice.left_out(above)
        trace = int(ours.split("-")[1], 16) if ours else ids.generate_trace_id()
        trace = get_current_span(above).get_span_context().trace_id or trace
        left_out = theirs.should_sample(above, trace, "graphql").decision is Decision.DROP
        assert bool(ours) == left_out


async def test_as_many_traces_are_sampled_as_were_asked_for(small_world: Starlette) -> None:
    with logged() as lines:
        async with traced(small_world, Sampling(0.25), access_log=True) as found:
            spans = [await found.ask("{ viewer { kind } }") for _ in range(400)]
    traces = [int(each["trace"], 16) for each in events(lines) if each["logger"] == ACCESS][-400:]

    assert len(set(traces)) == 400
    assert 50 < sum(map(bool, spans)) < 150  # 100 in the mean: six deviations
    assert [bool(each) for each in spans] == [each & (2**64 - 1) < 0.25 * 2**64 for each in traces]
    assert all(
        {span.context.trace_id for span in each if span.context} <= {trace}
        for each, trace in zip(spans, traces, strict=True)
    )


@pytest.mark.parametrize("share", [0, 1])
async def test_a_trace_that_begins_here_has_the_id_of_its_request_unless_a_caller_chose_it(
    small_world: Starlette, share: int
) -> None:
    async with traced(small_world, Sampling(share)) as found:
        ids: list[str] = []
        traces: list[str] = []
        bearer = {"Authorization": f"Bearer {await found.stack.token('jane')}"}
        for sent in {}, {"X-Request-Id": TRACE}:
            found.way.heard.clear()
            answer = await found.stack.gateway.post(
                "/graphql", json={"query": ORDERS}, headers={**bearer, **sent}
            )
            ids.append(answer.headers["x-request-id"])
            traces += {each["traceparent"].split("-")[1] for each in found.way.heard}

    assert ids == [traces[0], TRACE]
    assert len(traces) == 2
    assert traces[1] not in ids


@pytest.mark.parametrize("share", [0, 1])
async def test_lines_of_the_log_have_the_trace_of_their_request(
    small_world: Starlette, share: int
) -> None:
    with logged() as lines:
        async with traced(small_world, Sampling(share), access_log=True) as found:
            small_world.state.faults.add(Fail(), set="salesorders", times=1)
            found.way.heard.clear()
            await found.ask(ORDERS)

    heard = {each["traceparent"].split("-")[1] for each in found.way.heard}
    told = [each for each in events(lines) if each.get("outcome") == 503]
    told += [each for each in events(lines) if each["logger"] == ACCESS][-1:]
    assert len(told) == 2
    assert {each["trace"] for each in told} == heard


@pytest.mark.parametrize("by", [following, over_socket])
@pytest.mark.parametrize("kind", ["query", "subscription"])
async def test_operations_of_streams_and_sockets_are_traced_as_requests_are(
    small_world: Starlette, by: Way, kind: str
) -> None:
    with logged() as lines:
        async with traced(small_world, access_log=True) as found:
            query, parent = ORDERS.replace("query", kind, 1), {"traceparent": PARENT}
            found.ended()
            async with by(found.stack, query, headers=parent) as stream:
                await stream.next()
            spans = found.ended()

    assert list(chain(spans)) == ["GET salesorders", "execute", f"{kind} Orders"]
    ours = [each for each in spans if each.context and f"{each.context.trace_id:032x}" == TRACE]
    assert {each.name for each in ours} >= {"authenticate", "prepare", "GET salesorders"}
    assert [each.name for each in spans if each not in ours] == []
    assert not [each.name for each in spans if each.status.status_code is StatusCode.ERROR]
    told = [each for each in events(lines) if each["logger"] == ACCESS and each["kind"] == kind]
    statuses = [each["status"] for each in told if each.get("trace") == TRACE]
    assert statuses == [200] * (kind == "query")


async def test_a_failed_try_is_a_span_with_its_status_and_dynamics_own_id() -> None:
    world = emulator()
    async with traced(world) as gateway:
        world.state.faults.add(Fail(), set="salesorders", times=1)
        spans = await gateway.ask(ORDERS)

    tries = [each for each in spans if "salesorders" in each.name]
    assert [each.attributes and each.attributes["http.response.status_code"] for each in tries] == [
        503,
        200,
    ]
    assert tries[0].attributes
    assert tries[0].attributes["error.type"] == "503"
    assert tries[0].attributes["http.response.header.x-ms-service-request-id"]


async def test_no_span_holds_what_a_caller_wrote(small_world: Starlette) -> None:
    async with traced(small_world) as gateway:
        reference = f'customerReference: {{ eq: "{CANARY}" }}'
        found = await gateway.ask(f"{{ orders(filter: {{ {reference} }}) {{ nodes {{ id }} }} }}")
        found += await gateway.ask(f'{{ order(id: "{CANARY}") {{ id }} }}')
        found += await gateway.ask("{ nothing }", Authorization=f"Bearer {CANARY}")

    assert len(found) > 5
    assert not [each for each in found if CANARY in each.to_json()]


@pytest.mark.parametrize("switched", [{}, {"OTEL_SDK_DISABLED": "true"}])
async def test_nothing_is_traced_unless_it_is_switched_on(
    small_world: Starlette, switched: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in switched.items():
        monkeypatch.setenv(name, value)
    way = Listening(small_world)
    app = create_app(settings(traces=bool(switched)), transport=way)
    async with app.router.lifespan_context(app):
        pass

    assert way.heard
    assert not [each for each in way.heard if "traceparent" in each]
