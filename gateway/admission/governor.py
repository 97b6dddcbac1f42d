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

from gateway.admission.budget_windows import CallsLeft
from gateway.admission.errands import FIRM, Errand
from gateway.admission.ledger_choice import Ledgers
from gateway.admission.quotas import Quotas
from gateway.admission.turns import Turns, Waiting
from gateway.admission.user_ledger import WEIGHT, Ledger
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
SLACK = 1.25
"""A call that was given up counts as in flight for this multiple of the recent duration."""
LONGEST_GHOST = 10.0
"""Seconds for which it does at most."""
SOON = 0.1
"""Seconds after which a call that one application user may not make is tried by another."""


class Governor:
    """
    Grants places for calls to one service, in this process, by all of its application users.

    Calls wait in one line, so that none waits for one user while another could make it.
    """

    def __init__(
        self, name: str = "the service", places: int = 40, *, parts: int = 1, users: int = 1
    ) -> None:
        """`places` are each user's. `parts`: processes that share the users' budgets evenly."""
        self.name = name
        self.asked = 0
        """The number of calls that anybody wanted to make so far."""
        self.ledgers = Ledgers(name, users, places, parts)
        self.quotas = Quotas()
        self._turns = Turns()
        self._held: dict[Hashable, int] = {}
        """The number of places that each caller has."""
        self._parked: dict[Hashable, deque[Waiting]] = {}
        """The calls that wait for another one of the same caller to end."""
        self.usual = USUAL
        """Seconds that calls last of late."""
        self._weight = 1.0
        """The weight of the latest answer in averages: the first ones count more than others."""
        self._longest = LONGEST
        """Seconds that the longest calls lasted of late."""
        self._timer: asyncio.TimerHandle | None = None

    def share(self, ledger: Ledger, part: float) -> None:
        """Keep to this part of what the service grants to an application user from now on."""
        ledger.share(part)
        if self._turns.length:
            self._serve(asyncio.get_running_loop().time())

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a place."""
        return self._turns.length + sum(map(len, self._parked.values()))

    def enter(self, errand: Errand, moment: float) -> Ledger | None:
        """The ledger in which a place was taken; None where `turn` is to be awaited instead."""
        if self._turns.length or errand.quota is not None:
            return None
        alone = self.ledgers.alone
        held = self._held.get(errand.caller, 0)
        if held and held >= CAP * (alone.places.limit if alone else self.ledgers.limit):
            return None
        ledger = alone or self.ledgers.chosen(errand, self.usual, moment)
        if ledger is None:
            return None
        if alone is not None:  # as `has_room`, without another function on the way of each call
            requests, seconds, taken = alone.requests, alone.seconds, alone.places.taken + 1
            if alone.door.shut_at < inf or taken > alone.places.limit:
                return None
            if moment >= requests.look_at or moment >= seconds.look_at:
                alone.look(moment)
            if requests.free < 1 or seconds.free < taken * self.usual:
                return None
        self._held[errand.caller] = held + 1
        self.asked += 1
        ledger.places.taken += 1
        ledger.requests.take(1.0, moment)
        errand.sent += 1
        if alone is None:
            errand.user = ledger.number
        return ledger

    async def turn(self, errand: Errand, until: float) -> Ledger:
        """
        Wait for a place and return the ledger in which it is taken.

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
        return waiting.turn.result()

    def leave(
        self,
        errand: Errand,
        ledger: Ledger,
        began: float,
        moment: float,
        headers: Mapping[str, str],
    ) -> None:
        """The call that began at `began` was answered otherwise than by 429; its place is free."""
        duration = moment - began
        self.usual += (duration - self.usual) * self._weight
        self._longest = max(duration, self._longest * 0.99)
        if self._weight > WEIGHT:
            self._weight = max(WEIGHT, self._weight * 0.8)
        ledger.throttled -= ledger.throttled * ledger.weight
        if ledger.weight > WEIGHT:
            fading = ledger.weight * 0.8
            ledger.weight = fading if fading > WEIGHT else WEIGHT
        ledger.seconds.take(duration, moment)
        if moment >= ledger.hear_at:
            ledger.hear(headers, moment)
        ledger.places.answered(moment)
        if ledger.door.shut_at < inf and ledger.door.answered(began):
            log.info("%s takes calls again", ledger.name)
        self._free(errand, ledger, moment)

    def refused(
        self,
        errand: Errand,
        ledger: Ledger,
        began: float,
        moment: float,
        headers: Mapping[str, str],
        body: bytes,
    ) -> float:
        """The call was answered by 429: the seconds after which it may be tried again."""
        after = ledger.refused(began, moment, headers, body)
        self._free(errand, ledger, moment)
        return min(after, SOON) if self.ledgers.others(ledger) else after

    def barred(self, errand: Errand, ledger: Ledger, began: float, moment: float) -> bool:
        """
        The service takes no call of this application user, who is left alone for a while. False if
        there is no other: the next call tries again.
        """
        others = self.ledgers.others(ledger)
        if others:
            if not ledger.door.shut:
                log.error("%s is not let in: the other users make its calls", ledger.name)
            ledger.door.shut_for(inf, began, moment)
        else:
            ledger.door.given_up(began)
        self._free(errand, ledger, moment)
        return others

    def unanswered(
        self, errand: Errand, ledger: Ledger, began: float, moment: float, *, sent: bool
    ) -> None:
        """
        The call was given up, or cut. Where it was `sent` the service may work on for nobody: it
        keeps its place for as long as that is likely.
        """
        ledger.door.given_up(began)
        lasted = moment - began
        likely = self._longest * SLACK
        more = (likely - lasted if lasted < likely else lasted) if sent else 0.0
        if more <= 0:
            self._free(errand, ledger, moment)
            return
        ledger.seconds.take(lasted, moment)
        loop = asyncio.get_running_loop()
        loop.call_later(min(more, LONGEST_GHOST), self._end_ghost, errand, ledger)

    def expected(self, errand: Errand, moment: float) -> float:
        """Seconds until the next call of this caller would have its turn, about."""
        parked = len(self._parked.get(errand.caller, ()))
        own = parked * self.usual / max(1.0, self.ledgers.limit * CAP)
        if not self._turns.length and self.ledgers.roomy(self.usual, moment):
            return own
        ahead = self._turns.ahead(errand) + 1
        usable = self.ledgers.usable()
        limit = sum(each.places.limit for each in usable)
        return max(
            ahead * self.usual / limit,
            min(each.wait(ahead / len(usable), self.usual) for each in usable),
            own,
            self.ledgers.opens - moment,
        )

    def left(self, errand: Errand, moment: float) -> CallsLeft | None:
        """
        The calls left to this caller by quota, or else to everybody by the service's limit; None
        where there is neither.
        """
        if errand.quota is None:
            return self.ledgers.calls_left(moment)
        calls, seconds = self.quotas.left(errand, moment)
        return CallsLeft(int(calls), errand.quota, seconds)

    def _refuse_hopeless(self, errand: Errand, until: float, moment: float) -> None:
        """Raise an error for a call that cannot get its turn in time."""
        if errand.waits:
            return  # an operation is refused as a whole, or not
        if errand.sent or errand.lane in FIRM:
            # These come before all others, so that a door that stays shut alone is in their way.
            if self.ledgers.opens > until:
                raise self._refusal(errand, self.ledgers.opens - moment)
            return
        wait = self.expected(errand, moment)
        if wait > min(TARGET, until - moment):
            raise self._refusal(errand, wait)

    def _refusal(self, errand: Errand, wait: float) -> Exception:
        after = max(1, ceil(min(wait, 300.0)))
        if self.ledgers.are_shut:
            return UpstreamThrottled("Dynamics is busy; try again later.", retryAfter=after)
        if self._turns.waits_for_itself(errand) or self._parked.get(errand.caller):
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
        return bool(held) and held >= self.ledgers.limit * CAP

    async def _wait(self, waiting: Waiting, until: float) -> None:
        loop, errand = asyncio.get_running_loop(), waiting.errand
        timers = [loop.call_at(until, self._give_up, waiting)]
        if not errand.sent and waiting.lane not in FIRM:
            timers.append(loop.call_later(LONGEST_WAIT, self._waited_long, waiting))
        errand.waits += 1
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if waiting.turn.cancelled():
                # Who comes and goes has turns as if it had stayed.
                self._forget(waiting, counts=True)
            elif waiting.turn.exception() is None:
                # It was given a place at the moment in which its caller went away.
                errand.sent -= 1
                self._free(errand, waiting.turn.result(), loop.time())
            raise
        finally:
            errand.waits -= 1
            for timer in timers:
                timer.cancel()

    def _waited_long(self, waiting: Waiting) -> None:
        # It took longer than expected; a newer operation has more use of the place.
        if not waiting.errand.sent:
            self._give_up(waiting)

    def _give_up(self, waiting: Waiting) -> None:
        if waiting.turn.done():
            return
        errand = waiting.errand
        self._forget(waiting)
        error: Exception = UpstreamTimeout(
            "The operation took too long; try again, or request less."
        )
        if not errand.sent:
            error = self._refusal(errand, self.expected(errand, asyncio.get_running_loop().time()))
        waiting.turn.set_exception(error)

    def _forget(self, waiting: Waiting, *, counts: bool = False) -> None:
        parked = self._parked.get(waiting.errand.caller)
        if parked is not None and waiting in parked:
            parked.remove(waiting)
            if not parked:
                del self._parked[waiting.errand.caller]
        else:
            self._turns.left(waiting, counts=counts)

    def _serve(self, moment: float) -> None:
        """Give the free places to the calls whose turn it is."""
        while self._turns.length:
            ledger, firm = self._next(moment)
            if ledger is None:
                return
            waiting = self._turns.pop(firm=firm)
            if waiting is None or not self._grant(waiting, ledger, moment):
                ledger.door.given_up(moment)
            if waiting is None:
                return

    def _next(self, moment: float) -> tuple[Ledger | None, bool]:
        """The ledger of the next call, if there is one; True if it is for FIRM calls alone."""
        if (ledger := self.ledgers.best(self.usual, moment)) is not None:
            return ledger, False
        firm: Ledger | None = None
        for each in self.ledgers.all:
            if not each.has_place:
                continue  # the next to leave goes on
            if each.door.shut:
                self._wake(each.door.opens, moment)
                continue
            self._wake(moment + each.pause(self.usual), moment)
            if each.requests.left >= 1 and each.seconds.left > 0:
                firm = each
        return firm, firm is not None

    def _grant(self, waiting: Waiting, ledger: Ledger, moment: float) -> bool:
        """True if there was a place for a caller who has others."""
        errand = waiting.errand
        if self._at_cap(errand):
            self._parked.setdefault(errand.caller, deque()).appendleft(waiting)
            return False
        if self.ledgers.alone is None:
            if not ledger.door.shut:
                ledger = self.ledgers.own(errand, self.usual, moment) or ledger
            errand.user = ledger.number
        self._held[errand.caller] = self._held.get(errand.caller, 0) + 1
        ledger.places.taken += 1
        ledger.requests.take(1.0, moment)
        self.quotas.count(errand, moment)
        errand.sent += 1
        if errand.waits and errand.sent == 1:
            self._turns.has_begun(errand)
        waiting.turn.set_result(ledger)
        return True

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
        for each in self.ledgers.all:
            each.look_again(moment)
        self._serve(moment)

    def _end_ghost(self, errand: Errand, ledger: Ledger) -> None:
        self._free(errand, ledger, asyncio.get_running_loop().time())

    def _free(self, errand: Errand, ledger: Ledger, moment: float) -> None:
        """Release a place."""
        caller = errand.caller
        ledger.places.taken -= 1
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
