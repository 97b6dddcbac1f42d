"""
The ledger of one application user at one service: its places, requests, execution time, and the
door that is shut while the service refuses its calls.
"""

import logging
from collections.abc import Mapping
from math import inf

from gateway.admission import service_limits
from gateway.admission.budget_windows import BudgetWindow
from gateway.admission.door import Door
from gateway.admission.places import Places
from gateway.admission.service_limits import Limit

log = logging.getLogger(__name__)

NOISE = 0.3
"""The share of 429 up to which they may be one server's of many, and concern nobody else."""
HEAR = 0.01
"""Seconds between two answers whose headers are looked at."""
WEIGHT = 1 / 25
"""The weight of the latest answer in averages, after the first ones."""


SINGLE = 0.25
"""The weight of one refusal at most, below `NOISE`: none alone speaks for all servers."""


class Ledger:
    """The calls that one application user has made, and may make."""

    __slots__ = (
        "_all_places",
        "_hint",
        "door",
        "hear_at",
        "name",
        "number",
        "places",
        "requests",
        "seconds",
        "throttled",
        "weight",
    )

    def __init__(self, name: str, number: int, places: int, parts: float) -> None:
        """`parts`: processes that share what is the application user's evenly."""
        self.name, self.number = name, number
        self._all_places = places * parts
        self.places = Places(places)
        self.requests, self.seconds = BudgetWindow(parts), BudgetWindow(parts)
        self.door = Door()
        self.throttled = 0.0
        """The share of 429 among the latest answers."""
        self.weight = 1.0
        """The weight of the latest answer in averages: the first ones count more than others."""
        self._hint = ""
        self.hear_at = -inf
        """The time from which headers are read again: not of each of a hundred answers at once."""

    def share(self, part: float) -> None:
        """Keep to this part of what the service grants to the user from now on."""
        self.places.share(self._all_places * part)
        for window in (self.requests, self.seconds):
            window.share(1 / part)

    @property
    def has_place(self) -> bool:
        """True if one more call may be in flight."""
        return self.places.taken + 1 <= self.places.limit

    def has_room(self, usual: float, moment: float) -> bool:
        """True if one more call, which lasts `usual` seconds, may be sent now."""
        requests, seconds, taken = self.requests, self.seconds, self.places.taken + 1
        if self.door.shut_at < inf or taken > self.places.limit:
            return False
        if moment >= requests.look_at or moment >= seconds.look_at:
            self.look(moment)
        return requests.free >= 1 and seconds.free >= taken * usual

    def look(self, moment: float) -> None:
        """Work out what may be used, where that was last done a while ago."""
        for window in (self.requests, self.seconds):
            if moment >= window.look_at:
                window.look(moment)

    def left(self, usual: float) -> tuple[float, float]:
        """The calls of `usual` seconds that are left to the user: by the budget, and by places."""
        calls = min(self.requests.left, self.seconds.left / usual)
        return calls, self.places.limit - self.places.taken

    def wait(self, calls: float, usual: float) -> float:
        """Seconds until budget for so many calls is there."""
        return max(self.requests.wait(calls), self.seconds.wait(calls * usual))

    def pause(self, usual: float) -> float:
        """Seconds after which budget may be there."""
        taken = self.places.taken + 1
        wait = max(self.requests.wait(1), self.seconds.wait(taken * usual))
        return min(1.0, max(0.02, wait))

    def look_again(self, moment: float) -> None:
        """Work out at the next look what may be used, however short ago that was done."""
        for window in (self.requests, self.seconds):
            window.look_at = min(window.look_at, moment)

    def hear(self, headers: Mapping[str, str], moment: float) -> None:
        """Take what an answer says of the limits."""
        self.hear_at = moment + HEAR
        left = service_limits.budget_left(headers, service_limits.REQUESTS_LEFT)
        if left is not None:
            self.requests.told(left, moment, pending=self.places.taken)
        left = service_limits.budget_left(headers, service_limits.SECONDS_LEFT)
        if left is not None:
            self.seconds.told(left, moment)
        hint = headers.get(service_limits.PARALLEL)
        if hint is not None and hint != self._hint:
            self._hint = hint
            if (found := service_limits.number(hint)) is not None:
                self.places.recommended(found)

    def refused(
        self, began: float, moment: float, headers: Mapping[str, str], body: bytes
    ) -> float:
        """A call was answered by 429: the seconds after which it may be tried again."""
        limit, after = service_limits.limit_of(body), service_limits.retry_after(headers)
        if limit is not Limit.CONCURRENCY:
            self.throttled += (1 - self.throttled) * min(self.weight, SINGLE)
        self.hear(headers, moment)
        used_up = self._is_used_up(limit)
        if used_up:
            (self.requests if limit is Limit.REQUESTS else self.seconds).used_up(moment)
        shuts = used_up or (limit is not Limit.CONCURRENCY and self.throttled > NOISE)
        if shuts:
            self._shut(after, began, moment, limit)
        elif self.door.shut:
            self.door.given_up(began)
        if limit in (Limit.CONCURRENCY, Limit.UNKNOWN):
            self.places.refused(began, moment, certain=limit is Limit.CONCURRENCY)
        believed = shuts or self.weight == 1.0  # nothing was answered yet
        return after if believed else min(after, 1.0)

    def _is_used_up(self, limit: Limit) -> bool:
        """True if a refusal says, and our own count does not belie, that a budget is used up."""
        window = {Limit.REQUESTS: self.requests, Limit.TIME: self.seconds}.get(limit)
        return window is not None and window.limit < inf and window.left < 0.05 * window.limit

    def _shut(self, seconds: float, began: float, moment: float, limit: Limit) -> None:
        if not self.door.shut:
            log.warning("%s is used up (%s): no calls for now", self.name, limit.value)
        self.door.shut_for(seconds, began, moment)
