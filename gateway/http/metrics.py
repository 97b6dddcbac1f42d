"""
Counters of the process -> `/metrics`, in the format of Prometheus.

They are read at each scrape, so that counting costs a request one addition. Labels come from the
code or the schema, never from a caller's text, so their number is bounded.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Counts = Iterable[tuple[Sequence[str], int]]
"""Values of the labels, and how often they were counted."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One counter: its name without `gateway_` and `_total`, and what tells its numbers apart."""

    name: str
    doc: str
    labels: tuple[str, ...]
    read: Callable[[], Counts]


class _Counters(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[CounterMetricFamily]:
        for metric in self._metrics:
            family = CounterMetricFamily(f"gateway_{metric.name}", metric.doc, labels=metric.labels)
            for labels, number in metric.read():
                family.add_metric(labels, number)
            yield family


def metrics_route(metrics: Sequence[Metric]) -> Route:
    """`/metrics` with these counters, and the CPU, memory and open files of the process."""
    registry = CollectorRegistry()
    registry.register(_Counters(metrics))
    ProcessCollector(registry=registry)

    async def shown(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    return Route("/metrics", shown)
