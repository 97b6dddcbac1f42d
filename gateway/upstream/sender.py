"""
One request to a service until it is answered: what is tried again, when, and when it is given up.

This is the only layer that repeats, and the only one that asks the governor for a place. All times
are of the running loop's clock, so a loop in virtual time makes every pause and limit virtual too.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from random import Random

import httpx2
import msgspec
from msgspec.structs import replace

from gateway.admission.errands import Errand, Lane
from gateway.admission.flights import Flight, Flights
from gateway.admission.governor import Governor
from gateway.admission.user_ledger import Ledger
from gateway.client.exchange import Reply, Request, Timeouts, Transport
from gateway.config.settings import Settings
from gateway.errors import SignInFailed, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from gateway.observing.logs import FIELDS
from gateway.observing.repeats import Repeats, suffix
from gateway.upstream.breaker import Breaker, Breakers, Sort
from gateway.upstream.failures import ids_of
from gateway.upstream.tally import Tally
from gateway.upstream.try_outcome import TryOutcome, judge, refuses_user, unanswered

log = logging.getLogger(__name__)

ATTEMPTS = 3
BASE, CAP = 0.1, 2.0
"""Seconds of the first pause at most, and of the longest; the pause itself is drawn from below."""
LEAST, MARGIN = 0.2, 0.1
"""Seconds that must be left to start a request, and between its end and the deadline."""
FULL = 100.0
"""The budget for repeats, where it starts. An answer earns 1 back."""
NOT_LET_IN = 401, 403
OUT_OF_TIME = "The operation took too long; try again, or request less."
ANY: Sort = ("reads", "anything")


Clock = Callable[[], float]
"""Seconds on the clock of a loop."""


def now() -> float:
    """Seconds on the clock of the running loop, which costs a system call to be found."""
    return asyncio.get_running_loop().time()


class Sent(msgspec.Struct, frozen=True):
    """The last answer; `doubtful` if a try before it, or it itself, may have done its work."""

    response: Reply
    doubtful: bool = False


Shared = Flight[Request, Sent]


class _Asked(msgspec.Struct):
    """A request to be sent, and how it is sent."""

    transport: Transport
    request: Request
    deadline: float
    patience: float
    clock: Clock
    errand: Errand
    sort: Sort
    shared: bool = False
    """True if others may wait for its answer once it was sent."""
    flight: Shared | None = None


@dataclass
class Sender:
    """The way to one service, for everybody in this process."""

    random: Random = field(default_factory=Random)
    governor: Governor = field(default_factory=Governor)
    """The governor, which says who may ask when."""
    budget: float = FULL
    timeouts: Timeouts = field(default_factory=Timeouts)
    shares: bool = True
    """True if equal reads under way are one."""
    flights: Flights[Request, Sent] = field(default_factory=Flights)
    """Reads under way."""
    tally: Tally = field(default_factory=Tally)
    """All tries by table and outcome."""
    breakers: Breakers = field(init=False)

    def __post_init__(self) -> None:
        self.breakers = Breakers(self.random, self.governor.name)
        self._repeats = Repeats()

    async def send(
        self,
        transport: Transport,
        request: Request,
        deadline: float,
        patience: float,
        clock: Clock = now,
        errand: Errand | None = None,
        sort: Sort = ANY,
        *,
        alone: bool = False,
    ) -> Sent:
        """
        Send `request` for `errand`, several times if need be; each try is given up after `patience`
        seconds. Its failures count for calls of its `sort`. `alone`: nobody else has its answer, as
        the body of it stays with the transport.

        Raises UpstreamError, `doubtful` as in `Sent`, where no try was answered.
        """
        errand = errand or Errand()
        asked = _Asked(transport, request, deadline, patience, clock, errand, sort)
        flights, url = self.flights, request.url
        is_read = request.method == "GET" and errand.lane is not Lane.WRITES
        if self.shares and is_read and not alone:
            while (flight := flights.of(url, request)) is not None:
                if (sent := await _landed(flight, deadline)) is not None:
                    self.spare(errand, clock())
                    return sent
            asked.shared = True
        sent, failure = None, None
        try:
            sent = await self._sent(asked)
        except UpstreamTimeout:
            raise  # others may have more time
        except UpstreamError as error:
            failure = error
            raise
        finally:
            if asked.flight is not None:
                flights.end(url, asked.flight, sent, failure)
            elif sort[0] == "writes":
                flights.forget()
        return sent

    def spare(self, errand: Errand, moment: float) -> None:
        """
        Count a call that need not be sent as one that was, so that neither cost nor quota tells the
        caller of the reads of others.
        """
        quotas = self.governor.quotas
        if not errand.cost:
            quotas.check(errand, moment)
        quotas.count(errand, moment)
        errand.spared += 1

    async def _sent(self, asked: _Asked) -> Sent:
        ran = False
        for attempt in range(1, ATTEMPTS + 1):
            try:
                outcome = await self._try(asked)
            except UpstreamError as error:
                error.doubtful = ran
                raise
            ran = ran or outcome.ran
            if not outcome.again:
                self.budget = min(FULL, self.budget + 1)
                break
            if not await self._pause(outcome, attempt, asked.deadline):
                break
        if outcome.response is None:
            raise _given_up(outcome, ran)
        return Sent(outcome.response, ran)

    async def _place(self, asked: _Asked) -> tuple[Ledger, float]:
        """Wait for a place, if need be, and return in which ledger and when it was given."""
        deadline, moment = asked.deadline, asked.clock()
        if deadline - moment < LEAST:
            raise UpstreamTimeout(OUT_OF_TIME)
        if not self.breakers.quiet:
            self.breakers.check(asked.sort, moment)
        governor = self.governor
        if (ledger := governor.enter(asked.errand, moment)) is None:
            # Nothing is begun that could not end in time.
            latest = deadline - max(LEAST, MARGIN + 1.5 * governor.usual)
            ledger = await governor.turn(asked.errand, latest)
            asked_at, moment = moment, now()
            self.tally.waited(moment - asked_at)
        if asked.shared and asked.flight is None:
            # Not before: nobody waits in the line of somebody else.
            asked.flight = self.flights.begin(asked.request.url, asked.request)
        if asked.request.user != ledger.number:
            asked.request = replace(asked.request, user=ledger.number)
        return ledger, moment

    async def _try(self, asked: _Asked) -> TryOutcome:
        """The outcome of one try; UpstreamError where none may be made."""
        ledger, moment = await self._place(asked)
        governor, breakers, errand = self.governor, self.breakers, asked.errand
        end = asked.deadline - MARGIN
        sent = False
        probed: tuple[Breaker, ...] = ()
        try:
            if not breakers.quiet:
                probed = breakers.admit(asked.sort, moment)
            sent = True
            limits = self._limits(min(moment + asked.patience, end), asked.patience)
            reply = await asked.transport.exchange(asked.request, limits)
        except (httpx2.TransportError, TimeoutError) as error:
            outcome = unanswered(error, asked.request)
            if isinstance(error, TimeoutError) and moment + asked.patience > end:
                # The service was not given the time that it may take.
                outcome = replace(outcome, again=False, tells=False)
            ended = asked.clock()
            governor.unanswered(errand, ledger, moment, ended, sent=outcome.ran)
        except SignInFailed as error:
            breakers.forget(probed)
            if not governor.barred(errand, ledger, moment, asked.clock()):
                raise
            return TryOutcome(error=error, again=True, tells=False)
        except BaseException as error:
            # An error of ours says that the request never left, as there is no token for it.
            sent = sent and not isinstance(error, UpstreamError)
            governor.unanswered(errand, ledger, moment, asked.clock(), sent=sent)
            breakers.forget(probed)
            raise
        else:
            ended = asked.clock()
            outcome = self._judged(reply, errand, ledger, moment, ended)
        if outcome.failed or not breakers.quiet:
            self._learn(outcome, asked.sort, probed, errand.caller)
        answer = outcome.response
        name = _error(outcome).code if answer is None else answer.status
        self.tally.durations[asked.sort, name].add(ended - moment)
        if outcome.again or outcome.failed:
            self._tell(asked, name, ended - moment, answer)
        return outcome

    def _tell(self, asked: _Asked, name: int | str, seconds: float, answer: Reply | None) -> None:
        """Log a try that did not do what it was for, with the ids by which Microsoft finds it."""
        service, (kind, table) = self.governor.name, asked.sort
        untold = self._repeats.untold((name, asked.sort), now())
        if untold is None:
            return
        ids = ids_of(answer.headers) if answer is not None else {}
        fields = {"service": service, "kind": kind, "table": table, "outcome": name, **ids}
        said = "".join(f" {key}={value}" for key, value in ids.items())
        log.warning(
            "%s: %s of %s failed with %s after %.3f s%s%s",
            *(service, kind, table, name, seconds, said, suffix(untold)),
            extra={FIELDS: fields | {"seconds": round(seconds, 4), "untold": untold}},
        )

    def _learn(
        self, outcome: TryOutcome, sort: Sort, probed: tuple[Breaker, ...], caller: Hashable
    ) -> None:
        if not outcome.tells:
            self.breakers.forget(probed)
            return
        self.breakers.learn(
            sort,
            now(),
            probed,
            failed=outcome.failed,
            reached=outcome.ran or not outcome.failed,
            slow_for=caller if isinstance(outcome.error, UpstreamTimeout) else None,
        )

    def _judged(
        self, reply: Reply, errand: Errand, ledger: Ledger, began: float, moment: float
    ) -> TryOutcome:
        """The meaning of an answer for the next try, and for the calls of all others."""
        governor = self.governor
        if reply.status in NOT_LET_IN and governor.ledgers.others(ledger) and refuses_user(reply):
            governor.barred(errand, ledger, began, moment)
            return TryOutcome(reply, again=True, tells=False)
        if reply.status != 429:
            governor.leave(errand, ledger, began, moment, reply.headers)
            return judge(reply)
        after = governor.refused(errand, ledger, began, moment, reply.headers, reply.body)
        return TryOutcome(reply, again=True, after=after)

    def _limits(self, until: float, patience: float) -> Timeouts:
        usual = self.timeouts
        return Timeouts(usual.connect, patience, usual.write, usual.pool, until)

    async def _pause(self, outcome: TryOutcome, attempt: int, deadline: float) -> bool:
        """Wait before the next try; False where there shall be none."""
        if attempt == ATTEMPTS:
            return False
        if outcome.after:
            pause = self.random.uniform(outcome.after, outcome.after * 1.2)
            if now() + outcome.after > deadline - LEAST:
                return False
            await asyncio.sleep(min(pause, deadline - LEAST - now()))
            return True
        pause = self.random.uniform(0, min(CAP, BASE * 2 ** (attempt - 1)))
        if now() + pause > deadline - LEAST or self.budget < outcome.cost:
            return False
        self.budget -= outcome.cost
        await asyncio.sleep(pause)
        return True


def sender_of(
    settings: Settings,
    service: str,
    flights: Flights[Request, Sent],
    governor: type[Governor] = Governor,
    *,
    users: int = 1,
) -> Sender:
    """
    The way to a service by the settings; its limits are shared by all worker processes. `flights`
    are those of all services: a write to one shows in the other. `users`: application users.
    """
    read = settings.read_timeout
    places = max(1, settings.upstream_concurrency // settings.workers)
    return Sender(
        governor=governor(service, places, parts=settings.workers, users=users),
        shares=settings.share_reads,
        flights=flights,
        timeouts=Timeouts(settings.connect_timeout, read, read, settings.deadline),
    )


async def _landed(flight: Shared, deadline: float) -> Sent | None:
    try:
        return await flight.landed(deadline - MARGIN)
    except TimeoutError:
        raise UpstreamTimeout(OUT_OF_TIME) from None


def _given_up(outcome: TryOutcome, ran: bool) -> UpstreamError:
    error = _error(outcome)
    error.doubtful = ran
    return error


def _error(outcome: TryOutcome) -> UpstreamError:
    return outcome.error or UpstreamUnavailable("Dynamics could not answer.")
