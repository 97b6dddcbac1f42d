"""
A budget over a sliding window, as a service grants it: what is left of it, and how much of that may
be used now so that calls can go on at an even pace for the whole window.
"""

from collections import deque
from math import ceil, inf

import msgspec

WINDOW = 300.0
"""The length of the window in seconds in which Dataverse and F&O count the use."""
SLOT = 5.0
"""Seconds of use that are remembered as one."""
LATER = 1.0
"""Seconds by which a service may count a call later than we do."""
SUSTAINED = 0.8
"""The share of the limit's average pace that a burst must leave at each later moment."""
RESERVE = 0.01
"""The share that is left for writes and for who a caller is, and for what we miscount."""
LOOK = 0.25
"""Seconds after which `free` is worked out again."""


class CallsLeft(msgspec.Struct, frozen=True):
    """The calls that are left of those that may be made within a window."""

    calls: int
    of: int
    seconds: int
    """Seconds after which all of them are there again, if none is made."""


class BudgetWindow:
    """
    One budget of one application user; unbounded until the service says that there is a limit.

    The service counts what other processes use as well, so its word comes before our own count. Of
    `parts` processes that share the budget each keeps to its own part, which may be of any size.
    """

    __slots__ = ("_others", "_own", "_parts", "_seen", "_slots", "free", "limit", "look_at")

    def __init__(self, parts: float = 1) -> None:
        self._parts = parts
        self._slots: deque[list[float]] = deque()
        """The end of each slot, and the use in it."""
        self._own = 0.0
        self._others = 0.0
        """
        The use that the service counts besides ours; less than 0 where it counts on several
        servers.
        """
        self._seen = (-inf, -inf, -inf)
        """The most of that in this slot and in the one before, and when this one ends."""
        self.limit = inf
        """The most that was ever left together with what we had used."""
        self.free = inf
        """The amount that may be used at once; see `look`."""
        self.look_at = inf
        """The time at which `free` must be worked out again."""

    @property
    def rate(self) -> float:
        """The amount that can be used each second in the long run, whatever was used before."""
        return SUSTAINED * self.limit / self._parts / WINDOW

    @property
    def left(self) -> float:
        """The amount that the service has left for everybody, as far as we know."""
        return self.limit - self._own - self._others

    def share(self, parts: float) -> None:
        """
        Keep to one of `parts` parts from now on. The calls that were used are shared out anew: a
        larger part of the whole has used more of them, and the other parts less.
        """
        ours = self._parts / parts
        theirs = self._own * (1 - ours)
        for slot in self._slots:
            slot[1] *= ours
        self._own -= theirs
        self._others += theirs
        most, before, ends = self._seen
        self._seen = most + theirs, before + theirs, ends
        self._parts = parts
        if self.limit < inf:
            self.look_at = -inf

    def take(self, amount: float, moment: float) -> None:
        """Count `amount` as used."""
        if self.limit == inf:
            return
        slots = self._slots
        if slots and moment < slots[-1][0]:
            slots[-1][1] += amount
        else:
            slots.append([moment + SLOT, amount])
        self._own += amount
        self.free -= amount

    def told(self, remaining: float, moment: float, *, pending: float = 0.0) -> None:
        """The service says what remains; of what we counted it may not know `pending` yet."""
        self._forget(moment)
        known = max(0.0, self._own - pending - self._fading(moment))
        if self.limit == inf:
            self.limit, self.look_at = remaining + known, moment
        self.limit = max(self.limit, remaining + known)
        used = self.limit - remaining
        others = max(0.0, used - self._own) + min(0.0, used - known)
        # Servers count apart, and answer in no order: the one with the least left decides.
        most, before, ends = self._seen
        if moment >= ends:
            most, before, ends = -inf, most, moment + SLOT
        self._seen = max(most, others), before, ends
        self._others = max(self._seen[0], before)

    def used_up(self, moment: float) -> None:
        """The service refused a call: treat the budget as used up."""
        if self.limit == inf:
            return
        self._forget(moment)
        self._seen = (-inf, -inf, -inf)
        self._others = self.limit - self._own
        self.look(moment)

    def look(self, moment: float) -> float:
        """
        Work out and return `free`: as much that, from then on, `rate` can be kept at every moment
        until all of today's use has left the window.
        """
        self._forget(moment)
        self.look_at = moment + LOOK
        parts, own, limit = self._parts, self._own, self.limit
        # The other processes' own shares are not counted here; their use beyond them is, in part.
        others = self._others - limit * (parts - 1) / parts if parts > 1 else self._others
        others = max(others, 0.0) / parts if parts > 1 else others
        scale = 1.0 if others >= 0 or not own else max(0.0, own + others) / own
        drift = max(others, 0.0) / WINDOW - self.rate
        worst = now = (1 - RESERVE) * limit / parts - own - others
        back = 0.0
        for ends, amount in self._slots:
            worst = min(worst, now + back + drift * (ends + WINDOW + LATER - moment))
            back += amount * scale
        self.free = min(worst, self.left - RESERVE * limit)
        return self.free

    def wait(self, amount: float) -> float:
        """Seconds until `amount` more may be used, without other use meanwhile."""
        lacking = amount - self.free
        return 0.0 if lacking <= 0 else lacking / max(self.rate, 1e-9)

    def calls_left(self, moment: float) -> CallsLeft | None:
        """The calls that the service has left for everybody; None where it names no limit."""
        if self.limit == inf:
            return None
        self._forget(moment)
        lasts = self._slots[-1][0] + WINDOW + LATER - moment if self._slots else 0.0
        if self._others > 0:
            lasts = WINDOW
        return CallsLeft(max(0, int(self.left)), int(self.limit), ceil(min(lasts, WINDOW)))

    def _fading(self, moment: float) -> float:
        """The use that we still count, though it may have left the service's window already."""
        slots = self._slots
        return slots[0][1] if slots and slots[0][0] - SLOT + WINDOW <= moment else 0.0

    def _forget(self, moment: float) -> None:
        slots = self._slots
        while slots and slots[0][0] + WINDOW + LATER <= moment:
            self._own -= slots.popleft()[1]
