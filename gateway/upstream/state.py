"""One service as this process finds it just now: for those who look at it from outside."""

from collections.abc import Mapping, Sequence
from math import inf

from msgspec import Struct

from gateway.upstream.breaker import Sort
from gateway.upstream.sender import Sender
from gateway.upstream.tally import Recent


class ServiceState(Struct, frozen=True):
    """The calls of this process to a service, and what stands in their way."""

    recent: Mapping[Sort, Recent]
    """The calls of the last minute or two, by kind and table."""
    left_alone: tuple[str, ...]
    """The kinds of calls that mostly fail and are not made for now."""
    is_unreachable: bool
    """True if none are made for now, as it cannot be reached."""
    takes_calls: bool
    """False while it refuses everybody."""
    in_flight: int
    places: float
    """The number of calls that may be in flight."""
    waiting: int
    requests_left: float
    seconds_left: float
    """The budgets that are left of all application users that have made calls."""

    @property
    def numbers(self) -> dict[str, float]:
        """All of it in numbers; without those of budgets that nobody knows yet."""
        found = {
            "in_flight": self.in_flight,
            "places": self.places,
            "waiting": self.waiting,
            "left_alone": len(self.left_alone) + self.is_unreachable,
            "takes_calls": self.takes_calls,
            "requests_left": self.requests_left,
            "seconds_left": self.seconds_left,
        }
        return {name: float(number) for name, number in found.items() if number < inf}


def state_of(sender: Sender) -> ServiceState:
    """The state of the service that a sender sends to."""
    governor, breakers = sender.governor, sender.breakers
    users = governor.ledgers.all
    return ServiceState(
        dict(sender.tally.recent()),
        tuple(breakers.left_alone),
        breakers.is_unreachable,
        not governor.ledgers.are_shut,
        sum(each.places.taken for each in users),
        governor.ledgers.limit,
        governor.waiting,
        _told([each.requests.left for each in users]),
        _told([each.seconds.left for each in users]),
    )


def _told(left: Sequence[float]) -> float:
    """The sum of budgets, of those of which the service has told."""
    known = [each for each in left if each < inf]
    return sum(known) if known else inf
