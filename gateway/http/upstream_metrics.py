"""The numbers of calls to Dynamics, as metrics have them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gateway.http.metrics import Counts, Spent
from gateway.upstream.sender import Sender
from gateway.upstream.state import state_of


class UpstreamMetrics:
    """The calls of all services, counted since the process began."""

    def __init__(self, senders: Mapping[str, Sender]) -> None:
        """`senders`: by the name of the service to which they send."""
        self._senders = senders

    def calls(self) -> Counts:
        """The number of calls to Dynamics, by service and outcome."""
        for name, sender in self._senders.items():
            found: Counter[str] = Counter()
            for (_, outcome), each in sender.tally.durations.items():
                found[str(outcome)] += each.number
            for outcome, number in found.items():
                yield (name, outcome), number

    def durations(self) -> Spent:
        """The durations of calls to Dynamics, by service, kind, table and outcome."""
        for name, sender in self._senders.items():
            for (sort, outcome), each in sender.tally.durations.items():
                yield (name, *sort, str(outcome)), each

    def waits(self) -> Spent:
        """The time that calls waited for a place."""
        for name, sender in self._senders.items():
            yield (name,), sender.tally.waits

    def gauges(self) -> Iterator[tuple[Sequence[str], float]]:
        """The numbers of what stands in the way of calls, by service."""
        for name, sender in self._senders.items():
            for of, number in state_of(sender).numbers.items():
                yield (name, of), number
