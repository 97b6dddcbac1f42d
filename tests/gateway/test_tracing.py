"""Spans lead from a caller's own to the call to Dynamics, and hold nothing that anybody wrote."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette

from emulator.faults.actions import Fail
from gateway.app import create_app
from gateway.tracing.spans import Spans
from tests.gateway.test_observing import Listening
from tests.stack import EMULATOR, GATEWAY, Stack, emulator, settings

pytestmark = pytest.mark.anyio
ORDERS = "query Orders { orders(first: 1) { nodes { number } } }"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
CANARY = "canary-91c7"


class Traced:
    """A gateway whose spans are kept."""

    def __init__(self, stack: Stack, way: Listening, spans: InMemorySpanExporter) -> None:
        self.stack, self.way, self._spans = stack, way, spans

    async def ask(self, query: str, **headers: str) -> list[ReadableSpan]:
        """The spans of one request, those that end first first."""
        self._spans.clear()
        await self.stack.ask(query, headers=headers)
        return list(self._spans.get_finished_spans())


@asynccontextmanager
async def traced(world: Starlette) -> AsyncIterator[Traced]:
    kept, provider, way = InMemorySpanExporter(), TracerProvider(), Listening(world)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    app = create_app(settings(), transport=way, tracing=Spans(provider))
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
    assert {f"{each.context.trace_id:032x}" for each in spans if each.context} == {TRACE}
    assert heard == [f"00-{TRACE}-{each.context.span_id:016x}-01" for each in calls if each.context]


async def test_a_trace_that_is_not_sampled_has_no_spans_and_goes_on(small_world: Starlette) -> None:
    async with traced(small_world) as found:
        found.way.heard.clear()
        spans = await found.ask(ORDERS, traceparent=PARENT.removesuffix("01") + "00")

    assert spans == []
    parents = [each.get("traceparent", "") for each in found.way.heard]
    assert any(parents)
    assert {tuple(each.split("-"))[1::2] for each in parents if each} == {(TRACE, "00")}


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


async def test_nothing_is_traced_unless_it_is_switched_on(small_world: Starlette) -> None:
    way = Listening(small_world)
    app = create_app(settings(), transport=way)
    async with app.router.lifespan_context(app):
        pass

    assert way.heard
    assert not [each for each in way.heard if "traceparent" in each]
