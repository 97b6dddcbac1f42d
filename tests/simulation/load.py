"""
Many callers on a limited or slow service, in virtual time: the real sender and governor below, no
GraphQL above. Half an hour of it takes seconds.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import httpx2
import msgspec

from emulator.clock import Clock
from emulator.errors import Refusal
from emulator.faults.protection import Limits, Protection, User
from gateway.admission.errands import Errand, Lane
from gateway.admission.governor import Governor
from gateway.admission.user_ledger import Ledger
from gateway.client.exchange import Reply, Request, Timeouts
from gateway.errors import UpstreamError, UpstreamTimeout
from gateway.upstream.breaker import Sort
from gateway.upstream.sender import Sender, now

START = datetime(2026, 11, 23, tzinfo=UTC)
DEADLINE, PATIENCE = 10.0, 8.0
WRITE_DEADLINE = 125.0


@dataclass
class Dynamics:
    """
    A service that takes its time, and refuses what goes beyond its limits. Who hangs up does not
    make it stop.
    """

    random: Random
    seconds: Callable[[Random, Request], float]
    """Seconds that a request takes."""
    limits: Limits | None = None
    tells: bool = True
    """True if its answers say what is left of the limits, as those of Dataverse do."""
    noise: float = 0.0
    """The share of requests that are answered by a 429 for no reason."""
    running: int = 0
    peak: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    served_at: list[float] = field(default_factory=list)
    spent: Sequence[str] = ()
    """The application users whose limits others have used up, and go on using."""
    _protection: Protection | None = None
    _work: set[asyncio.Task[Reply]] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.limits is not None:
            clock = Clock(lambda: START + timedelta(seconds=now()))
            self._protection = Protection(self.limits, clock)

    async def exchange(self, request: Request, timeouts: Timeouts) -> Reply:
        work = asyncio.create_task(self._answer(request))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        try:
            async with asyncio.timeout_at(min(timeouts.until, now() + timeouts.read)):
                return await asyncio.shield(work)
        except TimeoutError:
            if now() < timeouts.until:
                raise httpx2.ReadTimeout("nothing came") from None
            raise

    async def aclose(self) -> None:
        """Nothing is connected."""

    async def _answer(self, request: Request) -> Reply:
        reply = await self._worked(request)
        self.answers[reply.status] += 1
        if reply.status == 200:
            self.served_at.append(now())
        return reply

    async def _worked(self, request: Request) -> Reply:
        if self.random.random() < self.noise:
            return Reply(429, {"retry-after": "3"}, b"")
        protection, user = self._protection, ("dataverse", str(request.user))
        if str(request.user) in self.spent:
            body = b'{"error": {"code": "0x80072322"}}'
            return Reply(429, {"retry-after": "300"}, body)
        try:
            with protection.admitted(user) if protection else nullcontext():
                self.running += 1
                self.peak = max(self.peak, self.running)
                try:
                    await asyncio.sleep(self.seconds(self.random, request))
                finally:
                    self.running -= 1
        except Refusal as refusal:
            body = msgspec.json.encode({"error": {"code": refusal.code, "message": str(refusal)}})
            headers = {name.lower(): value for name, value in refusal.headers.items()}
            return Reply(429, headers | self._told(user), body)
        return Reply(200, self._told(user), b"{}")

    def _told(self, user: User) -> dict[str, str]:
        return self._protection.headers(user) if self._protection and self.tells else {}


_numbers = count()


@dataclass
class Caller:
    """Asks again and again, one operation of a few calls after the other."""

    name: Hashable
    account: Hashable
    pause: Callable[[Random], float]
    """Seconds from one operation to the next."""
    calls: int = 2
    lane: Lane = Lane.PEOPLE
    table: str = "salesorders"
    fresh: bool = False
    """True if the next operation begins when it is due, and not when the one before has ended."""
    leaves_after: float | None = None
    """Seconds after which it gives an operation up, if it does."""
    took: list[float] = field(default_factory=list)
    """Seconds of operations that were answered."""
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """The share of operations that were answered."""
        return len(self.took) / max(1, self.outcomes.total())

    def quantile(self, share: float) -> float:
        took = sorted(self.took)
        return took[min(len(took) - 1, int(share * len(took)))] if took else 0.0


async def drive(
    senders: list[Sender], service: Dynamics, callers: list[Caller], seconds: float, random: Random
) -> None:
    """Let the callers ask for so long, each operation at any one of the processes."""
    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(_ask(senders, service, caller, seconds, random))


async def _ask(
    senders: list[Sender], service: Dynamics, caller: Caller, until: float, random: Random
) -> None:
    await asyncio.sleep(random.uniform(0, caller.pause(random)))
    under_way: set[asyncio.Task[None]] = set()
    while now() < until:
        operation = asyncio.create_task(_operation(random.choice(senders), service, caller))
        if caller.leaves_after is not None:
            asyncio.get_running_loop().call_later(caller.leaves_after, operation.cancel)
        if caller.fresh:
            under_way.add(operation)
            operation.add_done_callback(under_way.discard)
        else:
            await asyncio.wait([operation])
        await asyncio.sleep(caller.pause(random))
    if under_way:
        await asyncio.wait(under_way)


async def _operation(sender: Sender, service: Dynamics, caller: Caller) -> None:
    began = now()
    writes = caller.lane is Lane.WRITES
    deadline = began + (WRITE_DEADLINE if writes else DEADLINE)
    errand = Errand(caller.lane, caller.account, caller.name)
    sort: Sort = "writes" if writes else "reads", caller.table
    try:
        for _ in range(caller.calls):
            # Each asks for something else, as equal reads would be one.
            url = f"https://org.example/{caller.table}?{next(_numbers)}"
            request = Request("POST" if writes else "GET", url)
            sent = await sender.send(service, request, deadline, PATIENCE, now, errand, sort)
            if sent.response.status != 200:
                caller.outcomes[str(sent.response.status)] += 1
                return
    except UpstreamError as error:
        caller.outcomes[error.code + (" doubtful" if error.doubtful else "")] += 1
        return
    caller.outcomes["ok"] += 1
    caller.took.append(now() - began)


class Naive(Governor):
    """
    First come, first served, and stop for everybody for as long as any 429 says, as many gateways
    do. It must fail wherever the real one holds.
    """

    def __init__(self, places: int = 40) -> None:
        super().__init__(places=places)
        self._places = asyncio.Semaphore(places)
        self._opens = 0.0

    def enter(self, errand: Errand, moment: float) -> Ledger | None:
        return None

    async def turn(self, errand: Errand, until: float) -> Ledger:
        try:
            async with asyncio.timeout_at(until):
                await asyncio.sleep(max(0.0, self._opens - now()))
                await self._places.acquire()
        except TimeoutError:
            raise UpstreamTimeout("too late") from None
        return self.ledgers.all[0]

    def leave(
        self,
        errand: Errand,
        ledger: Ledger,
        began: float,
        moment: float,
        headers: Mapping[str, str],
    ) -> None:
        self._places.release()

    def refused(
        self,
        errand: Errand,
        ledger: Ledger,
        began: float,
        moment: float,
        headers: Mapping[str, str],
        body: bytes,
    ) -> float:
        self._places.release()
        after = float(headers["retry-after"])
        self._opens = max(self._opens, moment + after)
        return after

    def unanswered(
        self, errand: Errand, ledger: Ledger, began: float, moment: float, *, sent: bool
    ) -> None:
        self._places.release()
