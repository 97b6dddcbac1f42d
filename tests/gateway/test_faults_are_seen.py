"""Faults that operators have met: each fires an alert by what is measured, and a trace names it."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from emulator.faults.actions import AnyAction, ErpDown, Expired, Fail, Latency, Throttle
from emulator.faults.connections import InProcess
from gateway.app import create_app
from gateway.config.telemetry import Sampling
from gateway.tracing.spans import Spans
from tests.gateway.orders.ordering import mutation
from tests.stack import EMULATOR, GATEWAY, Stack, emulator, settings
from tests.test_deploying import DEPLOY, PROMTOOL

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed"),
]
ORDERS = "query Orders { orders(first: 2) { nodes { number } } }"
SHIPMENTS = "query Shipments { shipments(first: 2) { nodes { number } } }"
GOES_ON = 40
"""For how many half minutes a fault goes on."""


class Unreachable(InProcess):
    """A way on which paths that begin so lead nowhere, once it is `broken`."""

    def __init__(self, app: Starlette, paths: tuple[str, ...]) -> None:
        super().__init__(app=app)
        self._paths, self.broken = paths, False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.broken and request.url.path.startswith(self._paths or ("nowhere",)):
            raise httpx2.ConnectError("refused")
        return await super().handle_async_request(request)


@dataclass(frozen=True)
class Fault:
    """A fault, the requests meanwhile, the alerts that fire, and the words of the span to blame."""

    alert: str
    culprit: dict[str, Any]
    """Attributes of one span of the trace; `name` is the span's own."""
    action: AnyAction | None = None
    only: dict[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    """Ways that lead nowhere."""
    query: str = ORDERS
    asked: int = 8
    variables: Callable[[], dict[str, Any]] = dict
    token: str | None = None
    """Sent instead of a caller's token."""
    settings: dict[str, Any] = field(default_factory=dict)
    audit: bool = False
    """True if the audit is written, and its file cannot be any more."""


def order() -> dict[str, Any]:
    line = {"product": "x", "quantity": "1"}
    return {"input": {"idempotencyKey": "a-key-of-a-caller", "lines": [line]}}


SIGN_IN = ("/demo/oauth2",)
FAULTS = {
    "Dataverse refuses everybody (429)": Fault(
        "DynamicsThrottled",
        {"gateway.collection": "salesorders", "error.type": "429"},
        Throttle(retry_after=30),
        {"service": "dataverse"},
    ),
    "one table answers 503": Fault(
        "DynamicsFailing",
        {"gateway.collection": "salesorders", "error.type": "503"},
        Fail(),
        {"set": "salesorders"},
    ),
    "a table that mostly fails is left alone": Fault(
        "DynamicsLeftAlone",
        {"gateway.collection": "salesorders", "error.type": "503"},
        Fail(),
        {"set": "salesorders"},
        asked=24,
    ),
    "Dataverse hangs": Fault(
        "DynamicsFailing",
        {"gateway.collection": "salesorders", "error.type": "TimeoutError"},
        Latency(30.0),
        {"set": "salesorders"},
        settings={"read_timeout": 0.3, "deadline": 1.0},
    ),
    "Finance & Operations is down": Fault(
        "DynamicsFailing",
        {"gateway.collection": "CustPackingSlipJourBiEntities", "error.type": "503"},
        ErpDown(),
        query=SHIPMENTS,
    ),
    "Dataverse cannot be reached": Fault(
        "DynamicsFailing",
        {"gateway.collection": "salesorders", "error.type": "ConnectError"},
        paths=("/api/data",),
    ),
    "our token is refused": Fault(
        "GatewayErrors",
        {"gateway.collection": "salesorders", "error.type": "401"},
        Expired(),
        {"service": "dataverse"},
    ),
    "the token endpoint is down": Fault(
        "GatewayErrors",
        {"name": "POST token", "error.type": "ConnectError"},
        Expired(),
        {"service": "dataverse"},
        paths=SIGN_IN,
    ),
    "more is asked than there are places": Fault(
        "QueueLong",
        {"name": "queue"},
        Latency(0.6),
        {"set": "salesorders"},
        asked=6,
        settings={"upstream_concurrency": 1},
    ),
    "tokens of nobody": Fault(
        "CallersRefused",
        {"name": "authenticate", "error.type": "Unauthenticated"},
        asked=300,
        token="nonsense",
    ),
    "the audit cannot be written": Fault(
        "WritesStopped",
        {"error.type": "WRITES_REFUSED"},
        query=mutation("createSalesOrder"),
        variables=order,
        audit=True,
    ),
}


@dataclass
class Seen:
    """A gateway that is measured and traced."""

    stack: Stack
    way: Unreachable
    spans: InMemorySpanExporter

    async def measured(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All samples by name and labels."""
        text = (await self.stack.gateway.get("/metrics")).text
        return {
            (each.name, frozenset(each.labels.items())): each.value
            for family in text_string_to_metric_families(text)
            for each in family.samples
            if each.name.startswith("gateway_")
        }

    async def trace(self, fault: Fault) -> list[ReadableSpan]:
        """The spans of one request."""
        self.spans.clear()
        await self.ask(fault)
        await asyncio.sleep(0)
        return list(self.spans.get_finished_spans())

    async def ask(self, fault: Fault, number: int = 0) -> None:
        """Ask for another number of rows each time: equal questions share their calls."""
        headers = {"Authorization": f"Bearer {fault.token}"} if fault.token else None
        query = fault.query.replace("first: 2", f"first: {2 + number % 90}")
        await self.stack.ask(query, headers=headers, **fault.variables())


@asynccontextmanager
async def seen(world: Starlette, fault: Fault, folder: Path) -> AsyncIterator[Seen]:
    kept, way = InMemorySpanExporter(), Unreachable(world, fault.paths)
    audit = {"audit_file": str(folder / "audit.jsonl")} if fault.audit else {}
    found = settings(metrics=True, **audit, **fault.settings)
    app = create_app(found, transport=way, tracing=Spans(SimpleSpanProcessor(kept), Sampling()))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=InProcess(app=world), base_url=EMULATOR) as direct,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=GATEWAY) as client,
    ):
        yield Seen(Stack(world, client, direct, app=app), way, kept)


def series(before: dict[Any, float], after: dict[Any, float]) -> Iterator[dict[str, str]]:
    """Half minutes of a metric: as before, and then as after the fault, which goes on."""
    for (name, labels), value in after.items():
        written = ",".join(f'{key}="{text}"' for key, text in sorted(labels))
        grown = value - before.get((name, labels), 0.0)
        counts = name.endswith(("_total", "_count", "_sum", "_bucket"))
        begin = before.get((name, labels), 0.0 if counts else value)
        values = f"{begin}+{grown}x{GOES_ON}" if counts else f"{begin} {value}x{GOES_ON}"
        yield {"series": f"{name}{{{written}}}", "values": values}


def fires(alert: str, samples: list[dict[str, str]], folder: Path) -> str:
    """Nothing if promtool finds that the alert fires while the fault goes on, else its words."""
    firing = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0'
    wanted = [{"labels": "{}", "value": 1}]
    asked = {"expr": firing, "eval_time": "18m", "exp_samples": wanted}
    test = {"interval": "30s", "input_series": samples, "promql_expr_test": [asked]}
    file = folder / "test.yml"
    rules = {"rule_files": [str(DEPLOY / "rules.yml")], "evaluation_interval": "30s"}
    file.write_text(json.dumps({**rules, "tests": [test]}))  # JSON is YAML too
    command = [str(PROMTOOL), "test", "rules", str(file)]
    tried = subprocess.run(command, capture_output=True, text=True)
    return "" if tried.returncode == 0 else tried.stdout + tried.stderr


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_fires_its_alert_and_one_trace_names_the_culprit(
    name: str, tmp_path: Path
) -> None:
    fault, world = FAULTS[name], emulator()
    async with seen(world, fault, tmp_path) as gateway:
        await gateway.stack.ask(ORDERS)
        before = await gateway.measured()
        if fault.action:
            world.state.faults.add(fault.action, **fault.only)
        gateway.way.broken = True
        if fault.audit:
            (tmp_path / "audit.jsonl").unlink(missing_ok=True)
            (tmp_path / "audit.jsonl").mkdir()
        spans = await gateway.trace(fault)
        await asyncio.gather(*(gateway.ask(fault, number) for number in range(fault.asked)))
        after = await gateway.measured()
        spans = [*spans, *gateway.spans.get_finished_spans()]

    said = [{"name": each.name, **(each.attributes or {})} for each in spans]
    assert any(fault.culprit.items() <= each.items() for each in said), said
    assert fires(fault.alert, list(series(before, after)), tmp_path) == ""
