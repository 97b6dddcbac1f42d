"""The numbers of one process, as `/metrics` shows them."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.ceiling import Ceiling
from gateway.engine.execution import Engine
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.lag import Lag
from gateway.http.live import Live
from gateway.http.metrics import AnyMetric, Counts, Gauge, Histogram, Metric
from gateway.http.upstream_metrics import UpstreamMetrics
from gateway.http.watching import Watched
from gateway.observing.pauses import PAUSES

WAYS = "Operations, by how they were answered and why not by a plan."
REFUSALS = "Requests that were not executed, by code."
CALLS = "Requests to Dynamics, repeated ones too, by status or code."
DURATIONS = "Seconds of requests, by name of the operation, kind, and ok or the code of its error."
UPSTREAM = "Seconds of requests to Dynamics, by service, kind, table, and status or code."
QUEUE = "Seconds that calls waited for a place; those that did not wait are not among them."
IN_FLIGHT = "Requests that are not answered yet."
STREAMS = "Streams of subscriptions that are open."
KEPT = "Bytes that are kept for later requests, by kind."
PAUSE = "Seconds for which the collector of garbage stopped all else, by generation."
WORK = "Seconds of CPU time that collections of garbage took, by generation."
TASKS = "Tasks of the event loop that have not ended."
LAG = "Seconds by which the process is behind with its work."
STATE = "What stands in the way of calls to a service, in numbers of this process."


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """The parts of an app that have numbers to show."""

    engine: Engine
    endpoint: GraphQLEndpoint
    upstream: UpstreamMetrics
    watched: Watched
    lag: Lag
    ceiling: Ceiling
    live: Live | None

    def all(self) -> list[AnyMetric]:
        return [*self._counters(), *self._histograms(), *self._gauges()]

    def _counters(self) -> Iterator[Metric]:
        yield Metric("operations", WAYS, ("way", "reason"), self.engine.ways.items)
        yield Metric("refusals", REFUSALS, ("code",), self._refusals)
        yield Metric("upstream_calls", CALLS, ("service", "outcome"), self.upstream.calls)

    def _histograms(self) -> Iterator[Histogram]:
        request, upstream = (
            ("operation", "kind", "outcome"),
            ("service", "kind", "table", "outcome"),
        )
        yield Histogram("request", DURATIONS, request, self.watched.spent)
        yield Histogram("upstream", UPSTREAM, upstream, self.upstream.durations)
        yield Histogram("collector_pause", PAUSE, ("generation",), PAUSES.spent)
        yield Histogram("collector_cpu", WORK, ("generation",), PAUSES.worked)
        yield Histogram("queue_wait", QUEUE, ("service",), self.upstream.waits)

    def _gauges(self) -> Iterator[Gauge]:
        yield _single("requests_in_flight", IN_FLIGHT, self._in_flight)
        yield _single("streams", STREAMS, self._streams)
        yield Gauge("kept_bytes", KEPT, ("of",), self._kept)
        yield _single("tasks", TASKS, lambda: len(asyncio.all_tasks()))
        yield _single("lag_seconds", LAG, lambda: self.lag.seconds)
        yield Gauge("upstream_state", STATE, ("service", "of"), self.upstream.gauges)

    def _refusals(self) -> Counts:
        return (((code,), number) for code, number in self.endpoint.refusals.items())

    def _streams(self) -> int:
        return self.live.number if self.live else 0

    def _in_flight(self) -> int:
        return self.watched.in_flight - self._streams()

    def _kept(self) -> Counts:
        return (((of,), size) for of, size in self.ceiling.sizes.items())


def _single(name: str, doc: str, value: Callable[[], float]) -> Gauge:
    """A gauge without labels."""
    return Gauge(name, doc, (), lambda: [((), value())])
