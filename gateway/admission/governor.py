"""
The one admission point before every call to a service: who may call now, who waits, who is refused.

It knows no HTTP. Time is the running loop's, so that a loop in virtual time makes all of it
virtual.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Hashable, Mapping
from math import ceil, inf

from gateway.admission import service_limits
from gateway.admission.budget_windows import BudgetWindow, CallsLeft
from gateway.admission.door import Door
from gateway.admission.errands import FIRM, Errand
from gateway.admission.places import Places
from gateway.admission.quotas import Quotas
from gateway.admission.service_limits import Limit
from gateway.admission.turns import Turns, Waiting
from gateway.errors import Overloaded, RateLimited, UpstreamThrottled, UpstreamTimeout

log = logging.getLogger(__name__)

TARGET = 2.0
"""Seconds that a call may have to wait; who would have to wait longer is refused at once."""
LONGEST_WAIT = 1.5 * TARGET
"""Seconds after which a call that has waited is refused, if its operation has not begun."""
CAP = 0.75
"""The share of all places that one caller can have."""
USUAL = 0.2
"""Seconds that a call is taken to last before any was seen."""
LONGEST = 2.0
"""Seconds that the longest calls are taken to last before any was seen."""
WEIGHT = 1 / 25
"""The weight of the latest answer in averages."""
NOISE = 0.3
"""The share of 429 up to which they may be one server's of many, and concern nobody else."""
SLACK = 1.25
"""A call that was given up counts as in flight for this multiple of the recent duration."""
LONGEST_GHOST = 10.0
"""Seconds for which it does at most."""
HEAR = 0.01
"""Seconds between two answers whose headers are looked at."""


class Governor:
    """Grants places for calls to one service, in this process."""

    def __init__(self, name: str = "the service", places: int = 40, *, parts: int = 1) -> None:
        """`parts`: processes that share the budgets of the application user evenly."""
        self.name = name
        self.asked = 0
        """The number of calls that anybody wanted to make so far."""
        self._all_places = places * parts
        self.places = Places(places)
        self.requests, self.seconds = BudgetWindow(parts), BudgetWindow(parts)
        self.door = Door()
        self.quotas = Quotas()
        self._turns = Turns()
        self._held: dict[Hashable, int] = {}
        """The number of places that each caller has."""
        self._parked: dict[Hashable, deque[Waiting]] = {}
        """The calls that wait for another one of the same caller to end."""
        self._throttled = 1.0
        """The share of 429 among the latest answers."""
        self.usual = USUAL
        """Seconds that calls last of late."""
        self._weight = 1.0
        """The weight of the latest answer in averages: the first ones count more than others."""
        self._longest = LONGEST
        """Seconds that the longest calls lasted of late."""
        self._hint = ""
        self._hear_at = -inf
        """The time from which headers are read again: not of each of a hundred answers at once."""
        self._timer: asyncio.TimerHandle | None = None

    def share(self, part: float) -> None:
        """Keep to this part of what the service grants to the application user from now on."""
        self.places.share(self._all_places * part)
        for window in (self.requests, self.seconds):
            window.share(1 / part)
        if self._turns.length:
            self._serve(asyncio.get_running_loop().time())

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a place."""
        return self._turns.length + sum(map(len, self._parked.values()))

    def enter(self, errand: Errand, moment: float) -> bool:
        """Take a place, where nothing speaks against it; else `turn` is to be awaited."""
        requests, seconds, places = self.requests, self.seconds, self.places
        if (
            self._turns.length
            or places.taken + 1 > places.limit
            or self.door.shut_at < inf
            or errand.quota is not None
        ):
            return False
        if moment >= requests.look_at or moment >= seconds.look_at:
            self._look(moment)
        if requests.free < 1 or seconds.free < self.usual * (places.taken + 1):
            return False
        held = self._held.get(errand.caller, 0)
        if held and held >= places.limit * CAP:
            return False
        self._held[errand.caller] = held + 1
        self.asked += 1
        places.taken += 1
        requests.take(1.0, moment)
        errand.sent += 1
        return True

    async def turn(self, errand: Errand, until: float) -> float:
        """
        Wait for a place and return when it was given; it is taken then.

        RateLimited, Overloaded, UpstreamThrottled or UpstreamTimeout where there will be none
        before `until`, as soon as that is known. Nothing was sent then.
        """
        loop = asyncio.get_running_loop()
        moment = loop.time()
        self.asked += 1
        if not errand.sent:
            self.quotas.check(errand, moment)
        self._refuse_hopeless(errand, until, moment)
        waiting = Waiting(errand, errand.lane, loop.create_future())
        self._line_up(waiting)
        self._serve(moment)
        if not waiting.turn.done():
            await self._wait(waiting, until)
        return loop.time()

    def leave(
        self, errand: Errand, began: float, moment: float, headers: Mapping[str, str]
    ) -> None:
        """The call that began at `began` was answered otherwise than by 429; its place is free."""
        duration = moment - began
        self.usual += (duration - self.usual) * self._weight
        self._longest = max(duration, self._longest * 0.99)
        self._throttled -= self._throttled * self._weight
        if self._weight > WEIGHT:
            self._weight = max(WEIGHT, self._weight * 0.8)
        self.seconds.take(duration, moment)
        if moment >= self._hear_at:
            self._hear(headers, moment)
        self.places.answered(moment)
        if self.door.shut_at < inf and self.door.answered(began):
            log.info("%s takes calls again", self.name)
        self._free(errand, moment)

    def refused(
        self, errand: Errand, began: float, moment: float, headers: Mapping[str, str], body: bytes
    ) -> float:
        """The call was answered by 429: the seconds after which it may be tried again."""
        limit, after = service_limits.limit_of(body), service_limits.retry_after(headers)
        if limit is not Limit.CONCURRENCY:
            self._throttled += (1 - self._throttled) * self._weight
        self._hear(headers, moment)
        used_up = self._is_used_up(limit)
        if used_up:
            (self.requests if limit is Limit.REQUESTS else self.seconds).used_up(moment)
        shuts = used_up or (limit is not Limit.CONCURRENCY and self._throttled > NOISE)
        if shuts:
            self._shut(after, began, moment, limit)
        elif self.door.shut:
            self.door.given_up(began)
        if limit in (Limit.CONCURRENCY, Limit.UNKNOWN):
            self.places.refused(began, moment, certain=limit is Limit.CONCURRENCY)
        self._free(errand, moment)
        return after if shuts else min(after, 1.0)

    def unanswered(self, errand: Errand, began: float, moment: float, *, sent: bool) -> None:
        """
        The call was given up, or cut. Where it was `sent` the service may work on for nobody: it
        keeps its place for as long as that is likely.
        """
        self.door.given_up(began)
        lasted = moment - began
        likely = self._longest * SLACK
        more = (likely - lasted if lasted < likely else lasted) if sent else 0.0
        if more <= 0:
            self._free(errand, moment)
            return
        self.seconds.take(lasted, moment)
        loop = asyncio.get_running_loop()
        loop.call_later(min(more, LONGEST_GHOST), self._end_ghost, errand)

    def expected(self, errand: Errand, moment: float) -> float:
        """Seconds until the next call of this caller would have its turn, about."""
        if not self._turns.length and not self._blocked(moment):
            return 0.0
        ahead = self._turns.ahead(errand) + 1
        parked = self._parked.get(errand.caller)
        return max(
            ahead * self.usual / self.places.limit,
            self.requests.wait(ahead),
            self.seconds.wait(ahead * self.usual),
            len(parked) * self.usual / max(1.0, self.places.limit * CAP) if parked else 0.0,
            self.door.opens - moment if self.door.shut else 0.0,
        )

    def left(self, errand: Errand, moment: float) -> CallsLeft | None:
        """
        The calls left to this caller by quota, or else to everybody by the service's limit; None
        where there is neither.
        """
        if errand.quota is None:
            return self.requests.calls_left(moment)
        calls, seconds = self.quotas.left(errand, moment)
        return CallsLeft(int(calls), errand.quota, seconds)

    def _hear(self, headers: Mapping[str, str], moment: float) -> None:
        self._hear_at = moment + HEAR
        left = headers.get(service_limits.REQUESTS_LEFT)
        if left is not None and (found := service_limits.number(left)) is not None:
            self.requests.told(found, moment, pending=self.places.taken)
        left = headers.get(service_limits.SECONDS_LEFT)
        if left is not None and (found := service_limits.number(left)) is not None:
            self.seconds.told(found, moment)
        hint = headers.get(service_limits.PARALLEL)
        if hint is not None and hint != self._hint:
            self._hint = hint
            if (found := service_limits.number(hint)) is not None:
                self.places.recommended(found)

    def _is_used_up(self, limit: Limit) -> bool:
        """True if a refusal says, and our own count does not belie, that a budget is used up."""
        window = {Limit.REQUESTS: self.requests, Limit.TIME: self.seconds}.get(limit)
        return window is not None and window.limit < inf and window.left < 0.05 * window.limit

    def _shut(self, seconds: float, began: float, moment: float, limit: Limit) -> None:
        if not self.door.shut:
            log.warning("%s is used up (%s): no calls for now", self.name, limit.value)
        self.door.shut_for(seconds, began, moment)

    def _refuse_hopeless(self, errand: Errand, until: float, moment: float) -> None:
        """Raise an error for a call that cannot get its turn in time."""
        if errand.sent or errand.lane in FIRM:
            # These come before all others, so that a door that stays shut alone is in their way.
            if self.door.shut and self.door.opens > until:
                raise self._refusal(errand, self.door.opens - moment)
            return
        wait = self.expected(errand, moment)
        if wait > min(TARGET, until - moment):
            raise self._refusal(errand, wait)

    def _refusal(self, errand: Errand, wait: float) -> Exception:
        after = max(1, ceil(min(wait, 300.0)))
        if self.door.shut:
            return UpstreamThrottled("Dynamics is busy; try again later.", retryAfter=after)
        if self._turns.waiting(errand) or self._parked.get(errand.caller):
            message = "You have too many requests in progress; try again later."
            return RateLimited(message, retryAfter=after)
        return Overloaded("The gateway is busy; try again later.", retryAfter=after)

    def _line_up(self, waiting: Waiting) -> None:
        errand = waiting.errand
        if errand.caller not in self._parked and not self._at_cap(errand):
            self._turns.put(waiting)
        elif errand.sent:  # what was begun is finished first
            self._parked.setdefault(errand.caller, deque()).appendleft(waiting)
        else:
            self._parked.setdefault(errand.caller, deque()).append(waiting)

    def _at_cap(self, errand: Errand) -> bool:
        held = self._held.get(errand.caller, 0)
        return bool(held) and held >= self.places.limit * CAP

    async def _wait(self, waiting: Waiting, until: float) -> None:
        loop = asyncio.get_running_loop()
        if not waiting.errand.sent and waiting.lane not in FIRM:
            # The wait took longer than expected; a newer call has more use of the place.
            until = min(until, loop.time() + LONGEST_WAIT)
        timer = loop.call_at(until, self._give_up, waiting)
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if waiting.turn.cancelled():
                self._forget(waiting)
            elif waiting.turn.exception() is None:
                # It was given a place at the moment in which its caller went away.
                waiting.errand.sent -= 1
                self._free(waiting.errand, loop.time())
            raise
        finally:
            timer.cancel()

    def _give_up(self, waiting: Waiting) -> None:
        if waiting.turn.done():
            return
        errand = waiting.errand
        error: Exception = UpstreamTimeout(
            "The operation took too long; try again, or request less."
        )
        if not errand.sent:
            error = self._refusal(errand, self.expected(errand, asyncio.get_running_loop().time()))
        waiting.turn.set_exception(error)
        self._forget(waiting)

    def _forget(self, waiting: Waiting) -> None:
        parked = self._parked.get(waiting.errand.caller)
        if parked is not None and waiting in parked:
            parked.remove(waiting)
            if not parked:
                del self._parked[waiting.errand.caller]
        else:
            self._turns.left(waiting)

    def _serve(self, moment: float) -> None:
        """Give the free places to the calls whose turn it is."""
        while self._turns.length:
            firm = False
            if self.places.taken + 1 > self.places.limit:
                return  # the next to leave goes on
            if self.door.shut:
                if not self.door.probe(moment):
                    self._wake(self.door.opens, moment)
                    return
            elif self._blocked(moment):
                firm = self.requests.left >= 1 and self.seconds.left > 0
                self._wake(moment + self._pause(), moment)
                if not firm:
                    return
            waiting = self._turns.pop(firm=firm)
            if waiting is None or not self._grant(waiting, moment):
                self.door.given_up(moment)
            if waiting is None:
                return

    def _grant(self, waiting: Waiting, moment: float) -> bool:
        """True if there was a place for a caller who has others."""
        errand = waiting.errand
        if self._at_cap(errand):
            self._parked.setdefault(errand.caller, deque()).appendleft(waiting)
            return False
        self._held[errand.caller] = self._held.get(errand.caller, 0) + 1
        self.places.taken += 1
        self.requests.take(1.0, moment)
        self.quotas.count(errand, moment)
        errand.sent += 1
        waiting.turn.set_result(None)
        return True

    def _blocked(self, moment: float) -> bool:
        """True if no call of any caller may be sent now."""
        if self.door.shut or self.places.taken + 1 > self.places.limit:
            return True
        if moment >= self.requests.look_at or moment >= self.seconds.look_at:
            self._look(moment)
        return self.requests.free < 1 or self.seconds.free < (self.places.taken + 1) * self.usual

    def _look(self, moment: float) -> None:
        for window in (self.requests, self.seconds):
            if moment >= window.look_at:
                window.look(moment)

    def _pause(self) -> float:
        """Seconds after which budget may be there."""
        wait = max(self.requests.wait(1), self.seconds.wait((self.places.taken + 1) * self.usual))
        return min(1.0, max(0.02, wait))

    def _wake(self, when: float, moment: float) -> None:
        timer = self._timer
        if timer is not None and not timer.cancelled() and moment < timer.when() <= when:
            return
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        # Never for the present moment: while the door is shut, this would loop without a pause.
        self._timer = loop.call_at(max(when, moment + 0.02), self._woken)

    def _woken(self) -> None:
        moment = asyncio.get_running_loop().time()
        self.requests.look_at = min(self.requests.look_at, moment)
        self.seconds.look_at = min(self.seconds.look_at, moment)
        self._serve(moment)

    def _end_ghost(self, errand: Errand) -> None:
        self._free(errand, asyncio.get_running_loop().time())

    def _free(self, errand: Errand, moment: float) -> None:
        """Release a place."""
        caller, places = errand.caller, self.places
        places.taken -= 1
        held = self._held[caller] - 1
        if held:
            self._held[caller] = held
        else:
            del self._held[caller]
        if self._parked and caller in self._parked:
            parked = self._parked[caller]
            self._turns.put(parked.popleft())
            if not parked:
                del self._parked[caller]
        if self._turns.length:
            self._serve(moment)
