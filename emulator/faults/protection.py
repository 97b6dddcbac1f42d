"""Service protection for real: what each user has used up in the last five minutes."""

from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

import msgspec

from emulator.clock import Clock
from emulator.faults.refusals import WINDOW, Throttled

User = tuple[str, str]
"""The service, and the caller as its headers name it."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of a user in one window; the documented numbers."""

    requests: int = 6_000
    seconds: float = 1_200.0
    concurrent: int = 52
    window: float = WINDOW


@dataclass
class Usage:
    """One user's requests in the window: when each ended and how long it ran."""

    ended: deque[tuple[float, float]] = field(default_factory=deque)
    running: int = 0
    spent: float = 0.0

    def forget(self, before: float) -> None:
        while self.ended and self.ended[0][0] <= before:
            self.spent -= self.ended.popleft()[1]


class Protection:
    """Counts requests by user and refuses what goes beyond the limits."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self._clock = clock
        self._users: defaultdict[User, Usage] = defaultdict(Usage)

    @contextmanager
    def admitted(self, user: User) -> Iterator[None]:
        """One request from its first byte to its last."""
        usage, start = self._users[user], self._now()
        self._check(usage, start, erp=user[0] == "finops")
        usage.running += 1
        try:
            yield
        finally:
            usage.running -= 1
            usage.ended.append((self._now(), self._now() - start))
            usage.spent += self._now() - start

    def headers(self, user: User) -> dict[str, str]:
        """The headers of an answer with the remaining budget."""
        usage = self._users[user]
        left = max(0, self.limits.requests - len(usage.ended))
        seconds = max(0.0, self.limits.seconds - usage.spent)
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(left),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{seconds:,.2f}",
        }

    def _check(self, usage: Usage, now: float, *, erp: bool) -> None:
        usage.forget(now - self.limits.window)
        if usage.running >= self.limits.concurrent:
            raise Throttled("concurrency", 1, erp=erp)
        if len(usage.ended) + usage.running >= self.limits.requests:
            raise Throttled("requests", self._wait(usage, now), erp=erp)
        if usage.spent >= self.limits.seconds:
            raise Throttled("time", self._wait(usage, now), erp=erp)

    def _wait(self, usage: Usage, now: float) -> int:
        """Until the oldest request leaves the window there is no point in trying."""
        oldest = usage.ended[0][0] if usage.ended else now
        return max(1, ceil(oldest + self.limits.window - now))

    def _now(self) -> float:
        return self._clock.now().timestamp()
