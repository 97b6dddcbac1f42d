"""A run: many random requests on both sides, under random misfortune, until something differs."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from random import Random

import pytest
from starlette.applications import Starlette

from gateway.auth import kept
from tests.gateway.differential.operations import CALLERS, SEEN, Asked, Operations
from tests.gateway.differential.shrinking import shrunk
from tests.gateway.differential.sides import Outcome, Pair, both
from tests.gateway.differential.upsets import Upsets
from tests.gateway.differential.wire import Wire
from tests.gateway.proofs.requests import ROOTED, Samples, sampled
from tests.gateway.test_hidden_columns import HIDEABLE, policy
from tests.simulation import virtual
from tests.stack import Stack

ASKS = 3
"""The number of times a document is asked: by others, with other values and misfortunes."""
HIDDEN = 12
"""Members that the run's policy hides from representatives."""
MOST = 20
"""Sorts of differences after which a run ends."""
ANSWERED, COMPILED = 0.4, 0.5
"""
Least shares: of requests without misfortune that are answered without errors, and of those that a
plan answered alone.
"""
KINDS = 25
"""Least kinds of misfortune that a run of some hundred requests meets."""


@dataclass
class Materials:
    """Values, ids and cursors to ask for, and the ids that each caller can see."""

    samples: Samples = field(default_factory=Samples)
    own: dict[str, dict[str, list[str]]] = field(default_factory=dict)


@dataclass
class Tally:
    """The record of a run, for checks that it was not in vain."""

    seed: int
    asked: int = 0
    clean: int = 0
    """Of them, without misfortune."""
    answered: int = 0
    """Of the clean ones, with data and without errors."""
    compiled: int = 0
    """Of those that were answered, by a plan alone."""
    codes: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    ways: Counter[tuple[str, str]] = field(default_factory=Counter)
    sorts: Counter[str] = field(default_factory=Counter)
    """The traits that differed, and the way of the compiled side."""
    differences: list[Outcome] = field(default_factory=list)
    """The first of each sort, shrunk."""

    def add(self, other: "Tally") -> None:
        """Take in what another run met."""
        for each in fields(self):
            if each.name != "seed":
                mine, more = getattr(self, each.name), getattr(other, each.name)
                setattr(self, each.name, mine + more)

    def vain(self) -> list[str]:
        """The things that the run should have met and did not."""
        short = {
            "answers": self.answered < ANSWERED * self.clean,
            "plans": self.compiled < COMPILED * self.answered,
            "ways": {way for way, _ in self.ways} != {"compiled", "core", "fallback"},
            "misfortunes": len(self.met) < KINDS,
            "errors": len(self.codes) < 5,
        }
        return [name for name, missing in short.items() if missing]


def materials(emulator: Starlette) -> Materials:
    """The materials that there are to ask for in a world."""
    return virtual.run(_materials(emulator))


def run(
    emulator: Starlette,
    stuff: Materials,
    seed: int,
    requests: int,
    folder: Path,
    *,
    flawed: type[Wire] = Wire,
    most: int = MOST,
    expands: bool = False,
) -> Tally:
    """
    So many requests of this seed, in virtual time; `folder` is for the policy. With `expands` rows
    travel inside of one another, and nothing is upset: what is upset depends on the URL.
    """
    hidden = Random(seed).sample(HIDEABLE, HIDDEN)  # noqa: S311 - the same each time
    with pytest.MonkeyPatch.context() as patch:
        # Callers are looked up once, so that no minute ends between the two sides.
        for name in ("REMEMBER", "EVERY"):
            patch.setattr(kept, name, 86_400.0)
        return virtual.run(
            _run(emulator, stuff, seed, requests, policy(folder, hidden), flawed, most, expands)
        )


async def _run(
    emulator: Starlette,
    stuff: Materials,
    seed: int,
    requests: int,
    policy_: str,
    flawed: type[Wire],
    most: int,
    expands: bool,
) -> Tally:
    tally = Tally(seed)
    operations = Operations(stuff.samples, stuff.own, seed)
    async with both(emulator, policy_, flawed=flawed, expands=expands) as pair:
        await _introduced(pair)
        while tally.asked < requests and len(tally.differences) < most:
            asked = operations.ask()
            for _ in range(ASKS):
                upsets = Upsets() if expands else misfortune(operations.random)
                upsets = replace(upsets, told=asked.explain)
                seen = await pair.ask(asked, upsets)
                _count(tally, seen)
                if seen.kinds:
                    tally.sorts[seen.sort] += 1
                    if tally.sorts[seen.sort] == 1:
                        tally.differences.append(await shrunk(pair, seen))
                    break
                asked = operations.again(asked)
    return tally


def misfortune(random: Random) -> Upsets:
    """Draw the misfortunes of one request; with nearly half of them, nothing goes wrong."""
    seed, uneven = random.getrandbits(40), random.random() < 0.15
    share = random.choice((0.003, 0.02, 0.1))
    kinds = {
        "none": (45, Upsets()),
        "values": (30, Upsets(values=share)),
        "rows": (8, Upsets(rows=random.choice((0.05, 0.3)))),
        "answers": (13, Upsets(answers=random.choice((0.15, 0.5)))),
        "all": (4, Upsets(values=share, rows=0.05, answers=0.1)),
    }
    weights = [weight for weight, _ in kinds.values()]
    chosen = random.choices([upsets for _, upsets in kinds.values()], weights)[0]
    return replace(chosen, seed=seed, uneven=uneven, met=Counter())


def _count(tally: Tally, seen: Outcome) -> None:
    tally.asked += 1
    tally.met += seen.upsets.met
    tally.ways += seen.compiled.ways
    body = seen.reference.answer
    errors = body.get("errors", [])
    tally.codes.update(error["extensions"]["code"] for error in errors)
    if seen.upsets.none:
        tally.clean += 1
        answered = bool(body.get("data")) and not errors
        tally.answered += answered
        tally.compiled += answered and set(seen.compiled.ways) == {("compiled", "")}


async def _introduced(pair: Pair) -> None:
    """Let both gateways look up everybody who asks, and everybody as whom staff look."""
    for caller in CALLERS:
        await pair.ask(Asked("{ viewer { kind } }", caller=caller), Upsets())
    for name in SEEN:
        asked = Asked("{ viewer { kind } }", caller="admin", headers={"X-View-As": name})
        await pair.ask(asked, Upsets())


async def _materials(emulator: Starlette) -> Materials:
    async with both(emulator, None) as pair:
        side = pair.reference
        stack = Stack(emulator, side.client, side.client, tokens=dict(side.tokens))
        own = {caller: {n: i async for n, i in _own(stack, caller)} for caller in CALLERS}
        return Materials(await sampled(stack), own)


async def _own(stack: Stack, caller: str) -> AsyncIterator[tuple[str, list[str]]]:
    """The ids that a caller can see, table by table."""
    for table in ROOTED:
        assert table.root
        query = f"{{ {table.root[1]}(first: 40) {{ nodes {{ id }} }} }}"
        body = (await stack.ask(query, as_=caller)).body
        page = (body.get("data") or {}).get(table.root[1]) or {"nodes": []}
        yield table.name, [row["id"] for row in page["nodes"]]
