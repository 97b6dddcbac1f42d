"""
Counters of the process -> `/metrics`, in the format of Prometheus.

They are read at each scrape, so that counting costs a request one addition. Labels come from the
code or the schema, never from a caller's text, so their number is bounded.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.gathering import WorkerMetrics
from gateway.observing.durations import BUCKETS, Durations

Counts = Iterable[tuple[Sequence[str], int]]
"""Values of the labels, and how often they were counted."""
Spent = Iterable[tuple[Sequence[str], Durations]]
"""Values of the labels, and the durations."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One counter: its name without `gateway_` and `_total`, and what tells its numbers apart."""

    name: str
    doc: str
    labels: tuple[str, ...]
    read: Callable[[], Counts]

    def family(self) -> Family:
        """The samples of it."""
        family = CounterMetricFamily(f"gateway_{self.name}", self.doc, labels=self.labels)
        for labels, number in self.read():
            family.add_metric(labels, number)
        return family


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number that goes up and down, as it is just now."""

    name: str
    doc: str
    labels: tuple[str, ...]
    read: Callable[[], Iterable[tuple[Sequence[str], float]]]

    def family(self) -> Family:
        """The samples of it."""
        family = GaugeMetricFamily(f"gateway_{self.name}", self.doc, labels=self.labels)
        for labels, number in self.read():
            family.add_metric(labels, number)
        return family


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations: its name without `gateway_` and `_seconds`, and what tells them apart."""

    name: str
    doc: str
    labels: tuple[str, ...]
    read: Callable[[], Spent]

    def family(self) -> Family:
        """The samples of it."""
        name = f"gateway_{self.name}_seconds"
        family = HistogramMetricFamily(name, self.doc, labels=self.labels)
        for labels, each in self.read():
            counts = accumulate(each.counts)
            buckets = [(f"{up_to:g}", next(counts)) for up_to in BUCKETS]
            family.add_metric(labels, [*buckets, ("+Inf", each.number)], each.seconds)
        return family


AnyMetric = Metric | Gauge | Histogram


class _Collected(Collector):
    def __init__(self, metrics: Sequence[AnyMetric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Family]:
        for metric in self._metrics:
            yield metric.family()


def registry_of(metrics: Sequence[AnyMetric]) -> CollectorRegistry:
    """These, and the CPU, memory and open files of the process."""
    registry = CollectorRegistry()
    registry.register(_Collected(metrics))
    ProcessCollector(registry=registry)
    return registry


def metrics_route(registry: CollectorRegistry, gathering: WorkerMetrics | None) -> Route:
    """`/metrics` with what is registered, or with that of all workers where they are gathered."""

    async def shown(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        found = registry if gathering is None else await gathering.gathered()
        return Response(encode(found), headers={"Content-Type": content_type})

    return Route("/metrics", shown)
