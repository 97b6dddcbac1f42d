"""
The number of calls that may be in flight at once: configured, recommended by the service, and
learned from its refusals.
"""

from math import inf

STEP = 0.8
"""The share of the places that is left after a step back."""
NOISE = 0.1
"""A share of refusals up to which they may come from one of many servers, or from chance."""
ROUND, MANY = 50, 5
"""Answers of one round, and refusals among them that are no chance."""
HOLD = 3.0
"""Seconds after a step back before one more place is tried."""
ROUNDED = 0.001
"""The part of a place by which a share may be less for having been rounded."""
PROVEN = 60.0
"""Seconds for which a level counts as one that the service takes."""


class Places:
    """
    Places for calls in flight.

    A refusal takes a step back: to the level that was taken lately without any, by a fifth where
    there was none or many are refused. Single refusals at such a level are no reason, as they may
    come from one server of many. After a while one place more is tried, round by round.
    """

    __slots__ = (
        "_answers",
        "_hint",
        "_hold",
        "_most",
        "_peak",
        "_proven",
        "_proven_at",
        "_refused",
        "_stepped",
        "limit",
        "taken",
    )

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._hint = inf
        self.limit = float(self._most)
        self.taken = 0
        """Places that are taken now; by more calls than `limit` where that went down meanwhile."""
        self._answers = self._refused = self._peak = 0
        self._proven, self._proven_at = 0.0, -inf
        self._stepped = self._hold = -inf

    @property
    def most(self) -> float:
        """More places than these are never given."""
        return min(self._most, self._hint)

    def share(self, most: float) -> None:
        """More places than these are not given from now on; at once where none were refused."""
        at_most = self.limit >= self.most
        self._most = max(1, int(most + ROUNDED))
        self.limit = self.most if at_most else min(self.limit, self.most)

    def recommended(self, places: float) -> None:
        """The service says how many calls at once it recommends."""
        self._hint = max(1.0, places)
        self.limit = min(self.limit, self.most)

    def answered(self, moment: float) -> None:
        """A call that had a place was answered, and not by a refusal of too many at once."""
        self._answers += 1
        if self.taken > self._peak:
            self._peak = self.taken
        if self._answers >= ROUND:
            self._round(moment)

    def refused(self, began: float, moment: float, *, certain: bool) -> None:
        """
        A call that began at `began` was refused, as too many were in flight; `certain`: so the
        service said.
        """
        if began < self._stepped:
            return
        self._answers += 1
        self._refused += 1
        if self._refused >= MANY and self._refused > NOISE * self._answers:
            self._proven = 0.0
            self._step(self.limit * STEP, moment)
        elif certain and (moment > self._proven_at + PROVEN or self.limit > self._proven):
            self._step(max(self.limit * STEP, min(self._proven, self.limit - 1)), moment)

    def _step(self, limit: float, moment: float) -> None:
        self.limit = max(1.0, limit)
        self._stepped, self._hold = moment, moment + HOLD
        self._begin()

    def _round(self, moment: float) -> None:
        clean, full = not self._refused, self._peak >= self.limit - 1
        self._begin()
        if not (clean and full):
            return
        if self.limit >= self._proven or moment > self._proven_at + PROVEN:
            self._proven, self._proven_at = self.limit, moment
        if moment >= self._hold:
            self.limit = min(self.most, self.limit + 1)

    def _begin(self) -> None:
        self._answers = self._refused = self._peak = 0
