"""The same request on both ways: graphql-core with its loaders, and compiled plans before it."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Any

import httpx2
import msgspec
from starlette.applications import Starlette

from gateway.admission import pacing
from gateway.admission.door import Door
from gateway.admission.governor import Governor
from gateway.app import create_app
from gateway.config import parsers
from gateway.upstream.sender import Sender
from tests.gateway.differential.comparing import CRASHED, Seen, differences, listing, sharing
from tests.gateway.differential.operations import Asked
from tests.gateway.differential.upsets import Upsets
from tests.gateway.differential.wire import Dynamics, Wire
from tests.stack import EMULATOR, GATEWAY, settings

PARTNERS = parsers.partners("partner=US-001@usmf")
DAY = 86_400
LONG = 10.0
"""Seconds of a wait that nobody waits for."""
QUIET = 30.0
"""Virtual seconds after which nothing of a request is under way any more."""


class _Even(Random):
    """Draws the middle, so that pauses are alike on both sides, however many came before."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class _Door(Door):
    """
    Shut for short waits alone. Which reads were under way when a service asked to be left alone for
    long, and which came too late and are refused unsent, is a matter of timing.
    """

    def shut_for(self, seconds: float, began: float, moment: float) -> None:
        if seconds < LONG:
            super().shut_for(seconds, began, moment)


class _Log(logging.Handler):
    """The messages that one request made the gateway log; reports of bugs by their first line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.levelname} {record.getMessage().partition(chr(10))[0]}"
        # How often a service that refuses all is found shut depends on what was under way.
        if "no calls for now" not in line or line not in self.lines:
            self.lines.append(line)


@dataclass
class Side:
    """One gateway and the way to Dynamics that it has."""

    app: Starlette
    client: httpx2.AsyncClient
    wire: Wire
    tokens: Mapping[str, str]

    async def ask(self, asked: Asked, number: int) -> Seen:
        self._rest()
        self.wire.begin()
        before = Counter(self._ways)
        with _listening() as log:
            try:
                response = await self._send(asked, f"differential-{number}")
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it is what we look for
                response = httpx2.Response(CRASHED, json={"crashed": repr(error)})
            # Where a null took a branch of the answer away, reads for it may still be under way.
            await asyncio.sleep(QUIET)
        left_out = ("content-length", "date")
        headers = {n: v for n, v in response.headers.items() if n not in left_out}
        return Seen(
            response.status_code,
            headers,
            response.content,
            tuple(self.wire.reads),
            tuple(sorted(log.lines)),
            Counter(self._ways) - before,
        )

    async def _send(self, asked: Asked, id_: str) -> httpx2.Response:
        headers = {
            "Authorization": f"Bearer {self.tokens[asked.caller]}",
            "X-Request-Id": id_,
            **asked.headers,
        }
        sent: dict[str, Any] = {"query": asked.document, "variables": asked.variables}
        if asked.operation is not None:
            sent["operationName"] = asked.operation
        if asked.explain:
            sent["extensions"] = {"explain": True}
        if asked.method == "POST":
            return await self.client.post("/graphql", json=sent, headers=headers)
        text = {
            n: v if isinstance(v, str) else msgspec.json.encode(v).decode() for n, v in sent.items()
        }
        return await self.client.get("/graphql", params=text, headers=headers)

    @property
    def _ways(self) -> Counter[tuple[str, str]]:
        return getattr(getattr(self.app.state, "engine", None), "ways", None) or Counter()

    def _rest(self) -> None:
        """Forget what the requests before did to the senders: budgets, gates, breakers and luck."""
        for sender in self._senders():
            fresh = Sender(random=_Even(), governor=Governor())
            fresh.governor.ledgers.all[0].door = _Door()
            sender.random, sender.governor, sender.budget = (
                fresh.random,
                fresh.governor,
                fresh.budget,
            )
            sender.breakers = fresh.breakers

    def _senders(self) -> Iterator[Sender]:
        endpoint = next(each for each in self.app.routes if each.path == "/graphql").endpoint  # type: ignore[attr-defined]
        for service in endpoint._context.__self__._services.by_name.values():
            yield service.sender


@dataclass(frozen=True)
class Outcome:
    """The outcome of one request on both sides, and in what they differ, if in anything."""

    kinds: tuple[str, ...]
    asked: Asked
    upsets: Upsets
    reference: Seen
    compiled: Seen

    @property
    def sort(self) -> str:
        """The kinds of differences, and how the compiled side went about it."""
        ways = ", ".join(" ".join(each) for each in self.compiled.ways) or "none"
        return f"{', '.join(self.kinds)}: {ways}"


@dataclass
class Pair:
    """Both sides, in front of the same Dynamics."""

    reference: Side
    compiled: Side
    dynamics: Dynamics
    number: int = 0
    expands: bool = False
    """True if the compiled side may ask for rows inside of rows."""

    async def ask(self, asked: Asked, upsets: Upsets) -> Outcome:
        """The request on both sides, one after the other."""
        self.number += 1
        self.dynamics.begin(upsets)
        left = await self.reference.ask(asked, self.number)
        right = await self.compiled.ask(asked, self.number)
        kinds = set(differences(asked, left, right))
        more = sharing(asked) + listing(asked)
        if self.expands and len(right.reads) <= len(left.reads) + more:
            kinds.discard("calls")
        return Outcome(tuple(sorted(kinds)), asked, upsets, left, right)


@asynccontextmanager
async def both(
    emulator: Starlette, policy: str | None, *, flawed: type[Wire] = Wire, expands: bool = False
) -> AsyncIterator[Pair]:
    """
    The pair before an emulator; `flawed` is the way to Dynamics of the compiled side, which may let
    rows travel inside of one another only with `expands`: then its calls are others.
    """
    dynamics = Dynamics(emulator)
    tokens = await tokens_of(dynamics)
    async with AsyncExitStack() as stack:
        # Where a slice ends is a matter of the processor's time: reads that an error makes
        # superfluous would be asked for, or not, from run to run.
        stack.callback(setattr, pacing, "SLICE", pacing.SLICE)
        setattr(pacing, "SLICE", inf)  # noqa: B010 - it is final for everyone else
        reference = side(Wire(dynamics), tokens, policy, compiled_plans=False, expands=False)
        compiled = side(flawed(dynamics), tokens, policy, expands=expands)
        yield Pair(
            await stack.enter_async_context(reference),
            await stack.enter_async_context(compiled),
            dynamics,
            expands=expands,
        )


@asynccontextmanager
async def side(
    wire: Wire, tokens: Mapping[str, str], policy: str | None, **changes: Any
) -> AsyncIterator[Side]:
    """A gateway with these settings, and its way to Dynamics."""
    chosen = settings(partners=PARTNERS, policy=policy, **changes)
    app = create_app(chosen, transport=wire)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=GATEWAY) as client,
    ):
        yield Side(app, client, wire, tokens)


async def tokens_of(dynamics: Dynamics) -> dict[str, str]:
    """The tokens of all callers."""
    found = {}
    async with httpx2.AsyncClient(transport=Wire(dynamics), base_url=EMULATOR) as client:
        for name in ("jane", "sam", "rep", "may", "admin", "partner"):
            wanted = {"name": name, "lifetime": DAY}
            minted = await client.post("/issuer/demo/token", json=wanted)
            found[name] = minted.raise_for_status().json()["access_token"]
    return found


@contextmanager
def _listening() -> Iterator[_Log]:
    log, handler = logging.getLogger("gateway"), _Log()
    log.addHandler(handler)
    propagated, log.propagate = log.propagate, False
    try:
        yield handler
    finally:
        log.removeHandler(handler)
        log.propagate = propagated
