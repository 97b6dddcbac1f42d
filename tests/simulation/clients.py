"""Those who order, as docs/partners.md tells them to: the same key until there is an answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from gateway.schema import ids
from gateway.schema.catalog import Product
from tests.simulation.gateways import Fleet, Gone
from tests.simulation.wire import Trace
from tests.simulation.world import PRODUCTS

CREATE = """mutation ($input: CreateSalesOrderInput!) {
  createSalesOrder(input: $input) {
    status replayed operation
    order { id customerReference }
    errors { code }
  }
}"""
OPERATION = "query ($id: ID!) { operation(id: $id) { status order { id } } }"
PATIENCE = 30.0
"""Seconds that a client waits for an answer."""
TRIES = 12
POLL = 10.0
RESOLVED_WITHIN = 300.0
HANGS_UP, REPEATS, DEAF = 0.05, 0.05, 0.05
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
    """Whether an operation stayed PENDING for too long."""
    mismatched: bool | None = None
    """Whether another input under the same key was refused; None if not tried."""

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
        return quantities == sorted(Decimal(quantity) for quantity in self.quantities)


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
        if self.intent.outcome == "created" and self.random.random() < REPEATS:
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
        try:
            async with asyncio.timeout(wait):
                answer = await self.fleet.ask(CREATE, self.intent.variables(**changes))
        except (Gone, TimeoutError):
            return None
        if self.random.random() < DEAF or not answer.get("data"):
            return None
        payload: dict[str, Any] | None = answer["data"]["createSalesOrder"]
        return payload

    async def _hear(self, payload: dict[str, Any] | None, *, certain: bool) -> None:
        if payload is None:
            self.intent.told.append("nothing")
        elif payload["errors"]:
            self.intent.told += [error["code"] for error in payload["errors"]]
            if certain:
                self.intent.outcome = "refused"
        elif payload["status"] == "PENDING":
            self.intent.told.append("PENDING")
            await self._follow(payload["operation"])
        else:
            self._acknowledged(payload["order"])

    def _acknowledged(self, order: dict[str, Any] | None) -> None:
        self.intent.told.append("CREATED")
        self.intent.outcome = "created"
        if order is not None:
            self.intent.created.add(order["id"])

    async def _follow(self, operation: str) -> None:
        """Ask what became of it until it is told: that must not take five minutes."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + RESOLVED_WITHIN
        while loop.time() < give_up:
            found = await self._operation(operation)
            if found is not None and found["status"] != "PENDING":
                self.trace.note("resolved", self.intent.number, found["status"])
                if found["status"] == "CREATED":
                    self._acknowledged(found["order"])
                elif self.intent.outcome == "unknown":
                    self.intent.outcome = "not created"
                return
            await asyncio.sleep(POLL)
        self.intent.unresolved = True

    async def _operation(self, operation: str) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self.fleet.ask(OPERATION, {"id": operation})
        except (Gone, TimeoutError):
            return None
        return answer["data"]["operation"] if answer.get("data") else None

    async def _misuse(self) -> None:
        """Send something else under the same key."""
        for _ in range(TRIES):
            payload = await self._ask(customerReference="something else")
            if payload is not None:
                self.intent.mismatched = [e["code"] for e in payload["errors"]] == [
                    "IDEMPOTENCY_MISMATCH"
                ]
                return


Make = Callable[[Intent], Client]
