"""A door that is shut while a service refuses all calls; one call at a time probes it."""

from math import inf

FIRST, LAST = 5.0, 30.0
"""Seconds until a probe, however long the service asks to be left alone: at first, and at most."""


class Door:
    """The state of one service: open, or shut until a probe succeeds."""

    __slots__ = ("_interval", "_probing", "opens", "shut_at")

    def __init__(self) -> None:
        self.opens = -inf
        """The time of the next try; all calls may go once one of them was answered."""
        self.shut_at = inf
        """The time at which it was shut; infinite while it is open."""
        self._interval = FIRST
        self._probing = False

    @property
    def shut(self) -> bool:
        return self.shut_at < inf

    def shut_for(self, seconds: float, began: float, moment: float) -> None:
        """A call that began at `began` was refused, and so would others be."""
        if not self.shut:
            self.shut_at, self._interval = moment, FIRST
        elif began < self.shut_at:
            return  # it left before the door was shut, and says nothing new
        else:
            self._probing = False
            self._interval = min(LAST, 2 * self._interval)
        self.opens = moment + min(seconds, self._interval)

    def probe(self, moment: float) -> bool:
        """True if the call that asks becomes the probe."""
        if self._probing or moment < self.opens:
            return False
        self._probing = True
        return True

    def answered(self, began: float) -> bool:
        """A call was not refused; says whether that opens the door."""
        if began < self.shut_at:
            return False
        self._probing = False
        self.shut_at = inf
        return True

    def given_up(self, began: float) -> None:
        """The probe ended without a result; the next call may probe."""
        if began >= self.shut_at:
            self._probing = False
