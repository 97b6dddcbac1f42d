"""The answers that everybody got, held against the end state, in the manner of Jepsen."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from gateway.schema import ids
from gateway.schema.business.sales import SalesOrder
from tests.simulation.clients import Client, Intent
from tests.simulation.gateways import Fleet
from tests.simulation.virtual import run
from tests.simulation.wire import Trace, Wire
from tests.simulation.world import World

GATEWAYS = 3


@dataclass
class Verdict:
    """The number of intents that each promise was broken for; all 0 is right."""

    orders: int = 0
    doubled: int = 0
    missing: int = 0
    """Acknowledged, but not there."""
    half: int = 0
    denied: int = 0
    """Said not to be created, or refused, but there."""
    unresolved: int = 0
    misused: int = 0
    """Another input was taken under a used key."""
    digest: str = ""
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    extended: int = 0
    """Orders to which a line was added, for all that their clients were told."""

    @property
    def broken(self) -> dict[str, int]:
        names = ("doubled", "missing", "half", "denied", "unresolved", "misused")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def simulate(seed: int, orders: int, *, naive: bool = False) -> Verdict:
    """Let `orders` clients order through faults drawn from `seed`, and judge the outcome."""
    return run(_simulate(seed, orders, naive=naive))


async def _simulate(seed: int, orders: int, *, naive: bool) -> Verdict:
    loop, random = asyncio.get_running_loop(), Random(seed)  # noqa: S311 - reproducible
    trace, world = Trace(), World(loop.time)
    wire = Wire(world, random, trace, naive)
    fleet = Fleet(wire, GATEWAYS)
    intents = [
        Intent(number, tuple(random.randint(1, 9) for _ in range(random.randint(1, 3))))
        for number in range(orders)
    ]
    await asyncio.gather(*(Client(fleet, random, trace, each).run() for each in intents))
    # Whatever may still commit does so now: what was said must be right for ever.
    await asyncio.sleep(600)
    await wire.settle()
    verdict = judge(intents, world)
    verdict.digest, verdict.seconds, verdict.faults = trace.digest, loop.time(), trace.counts
    return verdict


def judge(intents: list[Intent], world: World) -> Verdict:
    """Compare what was told with the orders that exist."""
    verdict = Verdict(len(intents))
    there: dict[str, list[tuple[str, bool]]] = {}
    by_reference = {each.reference: each for each in intents}
    for reference, key, quantities in world.orders():
        intent = by_reference.get(reference)
        if intent is None:
            verdict.misused += 1
            continue
        there.setdefault(reference, []).append((key, intent.is_whole(quantities)))
    for intent in intents:
        _judge(intent, there.get(intent.reference, []), verdict)
    return verdict


def _judge(intent: Intent, found: list[tuple[str, bool]], verdict: Verdict) -> None:
    keys = {key for key, _ in found}
    acknowledged = {_key(each) for each in intent.created}
    verdict.outcomes[intent.outcome] += 1
    verdict.extended += intent.extended == "changed"
    verdict.doubled += len(found) > 1
    verdict.half += not all(whole for _, whole in found)
    verdict.missing += not acknowledged <= keys or (intent.outcome == "created" and not found)
    verdict.denied += intent.outcome in ("not created", "refused") and bool(found)
    verdict.unresolved += intent.unresolved
    verdict.misused += intent.mismatched is False


def _key(order: str) -> str:
    (key,) = ids.key(SalesOrder.__table__, order)
    return str(UUID(str(key)))
