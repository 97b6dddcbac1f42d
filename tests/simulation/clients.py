"""Those who order, as docs/partners.md tells them to: the same key until there is an answer."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from gateway.schema import ids
from gateway.schema.business.catalog import Product
from gateway.upstream.breaker import OPEN, SPREAD
from tests.simulation.gateways import Fleet, Gone
from tests.simulation.wire import OUTAGE_LASTS, Trace
from tests.simulation.world import PRODUCTS

CREATE = """mutation ($input: CreateSalesOrderInput!) {
  createSalesOrder(input: $input) {
    status replayed operation
    order { id customerReference }
    errors { code }
  }
}"""
VERSION = "query ($id: ID!) { order(id: $id) { version } }"
ADD = """mutation ($input: AddSalesOrderLinesInput!) {
  addSalesOrderLines(input: $input) { status operation errors { code } }
}"""
OPERATION = "query ($id: ID!) { operation(id: $id) { status order { id } } }"
PATIENCE = 30.0
"""Seconds that a client waits for an answer."""
TRIES = 12
POLL = 10.0
RESOLVED_WITHIN = 300.0 + OUTAGE_LASTS + OPEN * (1 + SPREAD)
"""Seconds: five minutes in which Dynamics can be asked, an outage and the breaker behind it."""
HANGS_UP, REPEATS, DEAF = 0.05, 0.05, 0.05
EXTENDS = 0.3
"""The share of those who add a line to their order."""
EVERY = 1.0
"""Seconds from one order to the next, over all clients."""


@dataclass
class Intent:
    """One order that somebody wants, and what that somebody was told."""

    number: int
    quantities: tuple[int, ...]
    outcome: str = "unknown"
    """`created`, `not created`, `refused`, or `unknown` where the client gave up."""
    told: list[str] = field(default_factory=list)
    created: set[str] = field(default_factory=set)
    """Ids of orders that were acknowledged."""
    unresolved: bool = False
    """True if an operation stayed PENDING for too long."""
    extra: int | None = None
    """The quantity of the line that was added, or tried to be."""
    extended: str = "unknown"
    """The outcome that was told of that line: `changed`, `not changed`, or `unknown`."""
    mismatched: bool | None = None
    """True if another input under the same key was refused; None if not tried."""

    @property
    def reference(self) -> str:
        return f"R{self.number}"

    def variables(self, **changes: Any) -> dict[str, Any]:
        lines = [
            {"product": ids.encode(Product.__table__, (PRODUCTS[n],)), "quantity": str(quantity)}
            for n, quantity in enumerate(self.quantities)
        ]
        key = f"key-{self.number}"
        sent = {"idempotencyKey": key, "customerReference": self.reference, "lines": lines}
        return {"input": sent | changes}

    def is_whole(self, quantities: list[Decimal]) -> bool:
        """True if these are its lines: all of them, once, and the added one if that is known."""
        before = list(self.quantities)
        after = before if self.extra is None else [*before, self.extra]
        right = {"changed": [after], "not changed": [before], "unknown": [before, after]}
        return quantities in [sorted(map(Decimal, each)) for each in right[self.extended]]


@dataclass
class Client:
    """Carries one intent out."""

    fleet: Fleet
    random: Random
    trace: Trace
    intent: Intent

    async def run(self) -> None:
        await asyncio.sleep(self.intent.number * EVERY)
        for number in range(TRIES):
            await self._try(certain=number == 0)
            if self.intent.outcome != "unknown":
                break
            await asyncio.sleep(self.random.uniform(0, min(60, 2**number)))
        self.trace.note("client", self.intent.number, self.intent.outcome)
        if self.intent.outcome != "created":
            return
        if self.intent.created and self.random.random() < EXTENDS:
            await self._extend(next(iter(self.intent.created)))
        if self.random.random() < REPEATS:
            await self._misuse()

    async def _try(self, *, certain: bool) -> None:
        """One try; `certain` if no other try went unanswered before."""
        if self.random.random() < REPEATS:
            # The network, or an impatient user, sends it to two processes at once.
            answers = await asyncio.gather(self._ask(), self._ask())
            for answer in answers:
                await self._hear(answer, certain=False)
        else:
            await self._hear(await self._ask(), certain=certain)

    async def _ask(self, **changes: Any) -> dict[str, Any] | None:
        """The payload; None where nothing was heard."""
        wait = self.random.uniform(0, 1) if self.random.random() < HANGS_UP else PATIENCE
        return await self._heard(CREATE, self.intent.variables(**changes), wait)

    async def _heard(
        self, query: str, variables: dict[str, Any], wait: float = PATIENCE
    ) -> dict[str, Any] | None:
        """Return the value of the one field of `query`; None where nothing of it was heard."""
        try:
            async with asyncio.timeout(wait):
                answer = await self.fleet.ask(query, variables)
        except (Gone, TimeoutError):
            return None
        if self.random.random() < DEAF or not answer.get("data"):
            return None
        (found,) = answer["data"].values()
        return found  # type: ignore[no-any-return]

    async def _hear(self, payload: dict[str, Any] | None, *, certain: bool) -> None:
        if payload is None:
            self.intent.told.append("nothing")
        elif payload["errors"]:
            self.intent.told += [error["code"] for error in payload["errors"]]
            if certain:
                self.intent.outcome = "refused"
        elif payload["status"] == "PENDING":
            self.intent.told.append("PENDING")
            await self._resolved(payload["operation"])
        else:
            self._acknowledged(payload["order"])

    def _acknowledged(self, order: dict[str, Any] | None) -> None:
        self.intent.told.append("CREATED")
        self.intent.outcome = "created"
        if order is not None:
            self.intent.created.add(order["id"])

    async def _resolved(self, operation: str) -> None:
        found = await self._followed(operation)
        if found is None:
            self.intent.unresolved = True
        elif found["status"] == "CREATED":
            self._acknowledged(found["order"])
        elif self.intent.outcome == "unknown":
            self.intent.outcome = "not created"

    async def _followed(self, operation: str) -> dict[str, Any] | None:
        """Ask what became of it until it is told; None if that takes longer than is promised."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + RESOLVED_WITHIN
        while loop.time() < give_up:
            found = await self._heard(OPERATION, {"id": operation})
            if found is not None and found["status"] != "PENDING":
                self.trace.note("resolved", self.intent.number, found["status"])
                return found
            await asyncio.sleep(POLL)
        return None

    async def _extend(self, order: str) -> None:
        """Add one line, with one key, until it is said what became of it."""
        self.intent.extra = self.random.randint(1, 9)
        for number in range(TRIES):
            seen = await self._heard(VERSION, {"id": order})
            if seen is not None:
                await self._add(order, seen["version"])
            if self.intent.extended != "unknown":
                break
            await asyncio.sleep(self.random.uniform(0, min(60, 2**number)))
        self.trace.note("extended", self.intent.number, self.intent.extended)

    async def _add(self, order: str, version: str) -> None:
        line = {"number": "P3", "quantity": str(self.intent.extra)}
        named = {"order": order, "version": version, "idempotencyKey": "extra"}
        asks = [self._heard(ADD, {"input": named | {"lines": [line]}})]
        if self.random.random() < REPEATS:
            asks.append(self._heard(ADD, {"input": named | {"lines": [line]}}))
        for payload in await asyncio.gather(*asks):
            if payload is not None and payload["status"] == "PENDING":
                payload = await self._followed(payload["operation"])
                self.intent.unresolved |= payload is None
            if payload is not None and payload["status"] == "CHANGED":
                self.intent.extended = "changed"
            elif payload is not None and payload["status"] == "NOT_CHANGED":
                self.trace.note("not changed", self.intent.number)

    async def _misuse(self) -> None:
        """Send something else under the same key."""
        for _ in range(TRIES):
            payload = await self._ask(customerReference="something else")
            if payload is not None:
                self.intent.mismatched = [e["code"] for e in payload["errors"]] == [
                    "IDEMPOTENCY_MISMATCH"
                ]
                return
