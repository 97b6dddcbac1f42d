"""The budget of one operation for calls to Dynamics."""

from dataclasses import dataclass, field

from gateway.admission.errands import Errand, Lane
from gateway.errors import LimitExceeded, UpstreamTimeout
from gateway.upstream.replay import GivenUp, Replay, trying
from gateway.upstream.sender import Clock, now


@dataclass(slots=True)
class Allowance:
    """The calls and the time that one operation may still spend, until `deadline` (see `now`)."""

    calls: int
    deadline: float
    clock: Clock = now
    spent: int = 0
    replay: Replay | None = None
    """The answers that came already, where the operation is completed in another way."""
    errand: Errand = field(default_factory=Errand)
    """The caller and urgency of the calls."""
    fresh: bool = False
    """True if all rows are asked for anew: nothing that is kept may decide about a change."""

    def spend(self, calls: int = 1) -> None:
        """
        Count `calls`; raises LimitExceeded or UpstreamTimeout before anything is sent, GivenUp
        where they would serve a way that is given up.
        """
        if self.replay is not None and not self.replay.keeping and trying.get():
            raise GivenUp
        if self.spent + calls > self.calls:
            raise LimitExceeded(
                "The operation needs too many calls to Dynamics; split it into smaller requests.",
                limit="upstream_calls",
                maximum=self.calls,
                actual=self.spent + calls,
            )
        if self.remaining <= 0:
            raise UpstreamTimeout("The operation took too long; try again, or request less.")
        self.spent += calls

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - self.clock()

    @property
    def tentative(self) -> bool:
        """True if the operation is tried in a way that is given up where anything is unusual."""
        return self.replay is not None and self.replay.keeping

    def rewind(self) -> None:
        """Count from the beginning for a second attempt; reused answers are charged again."""
        self.spent = 0
        if self.replay is not None:
            self.replay.begin()

    def extend(self, seconds: float) -> None:
        """
        Let an operation that changes something go on for so many seconds from now, if it may not
        anyway; whatever it asks from now on comes before what is only read.
        """
        self.errand.lane, self.fresh = Lane.WRITES, True
        self.deadline = max(self.deadline, self.clock() + seconds)
