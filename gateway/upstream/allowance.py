"""The budget of one operation for calls to Dynamics."""

from dataclasses import dataclass, field

from gateway.admission.errands import Errand, Lane
from gateway.errors import LimitExceeded, UpstreamTimeout
from gateway.upstream import pages
from gateway.upstream.sender import Clock, now

LONG = 131_072
"""Bytes of a body in which it is worth while to look for its longest text."""
RECEIVED = 20_971_520
"""Bytes that the services may send for one operation, and those that wide texts take besides."""
WIDE = *(bytes([first]) for first in range(0xF0, 0xF5)), b"\\ud", b"\\uD"
"""The beginnings of characters for which each character of their text takes four bytes."""


@dataclass(slots=True)
class Allowance:
    """The calls and the time that one operation may still spend, until `deadline` (see `now`)."""

    calls: int
    deadline: float
    clock: Clock = now
    spent: int = 0
    received: int = 0
    """Bytes that were received for it."""
    widened: int = 0
    """Bytes that texts among them take in memory besides."""
    longest: int = 0
    """Bytes of the longest text among them, at most."""
    errand: Errand = field(default_factory=Errand)
    """The caller and urgency of the calls."""
    fresh: bool = False
    """True if all rows are asked for anew: nothing that is kept may decide about a change."""

    paid: int = 0
    """Calls for what is remembered from now on that this attempt at the operation has paid for."""
    prepaid: int = 0
    """Those that an earlier attempt has paid for."""
    aged: dict[str, float] = field(default_factory=dict)
    """The age in seconds of rows that were used as their service cannot be asked, by table."""

    def spend(self, calls: int = 1) -> None:
        """Count `calls`; raises LimitExceeded or UpstreamTimeout before anything is sent."""
        if self.spent + calls > self.calls:
            raise LimitExceeded(
                "The operation needs too many calls to Dynamics; split it into smaller requests.",
                limit="upstream_calls",
                maximum=self.calls,
                actual=self.spent + calls,
            )
        if self.deadline <= self.clock():
            raise UpstreamTimeout("The operation took too long; try again, or request less.")
        self.spent += calls

    def begin_again(self) -> None:
        """Count from the beginning, for another attempt: what is remembered is paid for once."""
        self.spent, self.paid, self.prepaid = 0, 0, self.paid

    def is_prepaid(self) -> bool:
        """True if an earlier attempt has paid for one more call that need not be sent."""
        self.paid += 1
        self.prepaid -= 1
        return self.prepaid >= 0

    def receive(self, body: bytes) -> bool:
        """
        Count what a service sent; true if it is to be taken in pieces, each of which is to `look`
        at. LimitExceeded where it is too much for one operation.
        """
        size = len(body)
        self.received += size
        if size > self.longest:
            if size <= LONG:
                self.longest = size
            elif size <= pages.LARGE:
                self.look(body)
        if self.received > RECEIVED:
            raise _too_much()
        return size > pages.LARGE

    def look(self, body: bytes) -> None:
        """Look at the texts in a body, or in one piece of a large one; raises as `receive`."""
        # A quote inside of a text, as an ETag has, ends none.
        texts = body.replace(b'\\"', b"''").split(b'"')
        self.longest = max(self.longest, *map(len, texts))
        if wide := [each for each in WIDE if each in body]:
            found = [len(text) for text in texts if any(each in text for each in wide)]
            self.widened += 3 * sum(found)
            if self.received + self.widened > RECEIVED:
                raise _too_much()

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - self.clock()

    def extend(self, seconds: float) -> None:
        """
        Move the deadline of an operation that changes something to `seconds` from now, if it is
        earlier; its calls come before those that only read.
        """
        self.errand.lane, self.fresh = Lane.WRITES, True
        self.deadline = max(self.deadline, self.clock() + seconds)


def _too_much() -> LimitExceeded:
    return LimitExceeded(
        "Dynamics sends too much for this operation; ask for less at once.",
        limit="upstream_bytes",
        maximum=RECEIVED,
    )
