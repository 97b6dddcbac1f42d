"""The cost that a gateway tells of random queries, held against what it sends for them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from starlette.applications import Starlette

from emulator.app import DATAVERSE, FINOPS
from gateway.auth import kept
from gateway.loaders import remembered_answers
from gateway.model.tables import TABLES, Back, Computed
from gateway.upstream.active_prices import SERVICE
from tests.gateway.differential.comparing import Seen, sharing
from tests.gateway.differential.operations import CALLERS, SEEN, Asked, Operations
from tests.gateway.differential.runs import Materials
from tests.gateway.differential.sides import side, tokens_of
from tests.gateway.differential.wire import Dynamics, Wire
from tests.simulation import virtual

CALM = 0.1
"""The least share of compiled queries of which prediction and cost must be the same."""
COUNTED = frozenset({"totalCount", "totalCountIsLowerBound"})
LISTS = frozenset(
    name for t in TABLES.values() for name, m in t.members.items() if isinstance(m, Back)
)
WORKED = frozenset(
    name for t in TABLES.values() for name, m in t.members.items() if isinstance(m, Computed)
)


class Counted(Wire):
    """A way to Dynamics that counts its requests, a batch as one."""

    def __init__(self, dynamics: Dynamics) -> None:
        super().__init__(dynamics)
        self.sent = self.again = 0
        """Requests, and those of them for more of what was asked before."""
        self._asked: set[tuple[str | None, ...]] = set()

    def begin(self) -> None:
        super().begin()
        self.sent = self.again = 0
        self._asked.clear()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        target = request.url.raw_path.decode()
        if target.startswith((DATAVERSE, FINOPS, SERVICE)):
            self.sent += 1
            options = request.url.params
            asked = (target.partition("?")[0], options.get("$orderby"), options.get("$select"))
            self.again += asked in self._asked or "$skiptoken" in options
            self._asked.add(asked)
        return await super().handle_async_request(request)


@dataclass
class Told:
    """The queries of a run, by how the prediction compares with the cost."""

    seed: int
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def in_vain(self) -> bool:
        """True if the run saw too few queries of which both must be the same."""
        compiled = sum(n for kind, n in self.kinds.items() if kind.startswith("compiled"))
        return self.kinds["compiled, calm"] < CALM * compiled


def run(emulator: Starlette, stuff: Materials, seed: int, requests: int) -> Told:
    """So many random queries of this seed, in virtual time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REMEMBER", "EVERY"):
            patch.setattr(kept, name, 86_400.0)
        # What is remembered of other queries costs without being sent.
        patch.setattr(remembered_answers, "KEPT", 0.0)
        return virtual.run(_run(emulator, stuff, seed, requests))


async def _run(emulator: Starlette, stuff: Materials, seed: int, requests: int) -> Told:
    dynamics, told = Dynamics(emulator), Told(seed)
    tokens, wire = await tokens_of(dynamics), Counted(dynamics)
    operations = Operations(stuff.samples, stuff.own, seed)
    # Half of the runs let rows travel inside of rows. Equal reads of one query are two in a plan.
    changes = {"show_cost": True, "share_reads": False, "expands": bool(seed % 2)}
    async with side(wire, tokens, None, **changes) as gateway:
        for caller in CALLERS:
            await gateway.ask(Asked("{ viewer { kind } }", caller=caller), 0)
        for name in SEEN:
            headers = {"X-View-As": name}
            await gateway.ask(Asked("{ viewer { kind } }", caller="admin", headers=headers), 0)
        for number in range(requests):
            asked = operations.ask()
            if not asked.explain:  # which reads more, after the answer
                _judge(told, asked, await gateway.ask(asked, number), wire)
    return told


def _judge(told: Told, asked: Asked, seen: Seen, wire: Counted) -> None:
    answer = seen.answer
    cost = answer.get("extensions", {}).get("cost")
    if cost is None or cost["predicted"] is None:
        told.kinds["not executed, or a mutation"] += 1
        return
    way = ",".join(way for way, _ in seen.ways)
    predicted, actual = cost["predicted"], cost["actual"]
    found = f"{predicted} predicted, {actual} told, {wire.sent} sent: {asked}"
    if actual != wire.sent:
        told.wrong.append(f"told is not sent: {found}")
    if way != "compiled" or "errors" in answer:
        told.kinds[f"{way} or with errors"] += 1
        return
    document = parse(asked.document)
    if not wire.again and not sharing(asked) and Answered(document).is_full(answer["data"]):
        told.kinds["compiled, calm"] += 1
        if predicted != actual:
            told.wrong.append(f"not the same: {found}")
    else:
        told.kinds["compiled, other"] += 1
        if actual > predicted + wire.again:
            told.wrong.append(f"more than predicted: {found}")


class Answered:
    """A document beside its answer."""

    def __init__(self, document: DocumentNode) -> None:
        found = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
        self._fragments = {each.name.value: each for each in found}
        self._sets = [
            d.selection_set for d in document.definitions if isinstance(d, OperationDefinitionNode)
        ]

    def is_full(self, data: dict[str, Any]) -> bool:
        """
        True if everything that is read was reached: each link and list has a row somewhere. Lists
        below others that are counted are not: where they go on, they are counted by a call.
        """
        return self._reached(self._sets, [data], lists=frozenset())

    def _reached(
        self, sets: Iterable[SelectionSetNode], places: list[Any], *, lists: frozenset[str] = LISTS
    ) -> bool:
        named: dict[str, list[FieldNode]] = {}
        for each in sets:
            for node in self._fields(each):
                named.setdefault((node.alias or node.name).value, []).append(node)
        return all(
            self._met(nodes, [place[name] for place in places if name in place], lists)
            for name, nodes in named.items()
            if any(name in place for place in places)
        )

    def _met(self, nodes: list[FieldNode], values: list[Any], lists: frozenset[str]) -> bool:
        below = [node.selection_set for node in nodes if node.selection_set]
        found = [each for value in values for each in _each(value)]
        name = nodes[0].name.value
        if not below:
            return bool(found) or name not in WORKED
        if name == "nodes" and any(isinstance(v, list) and None in v for v in values):
            return False  # ids of a type of which there may be no row
        if name in lists and any(n.name.value in COUNTED for s in below for n in self._fields(s)):
            return False
        return bool(found) and self._reached(below, found)

    def _fields(self, node: SelectionSetNode) -> Iterator[FieldNode]:
        for item in node.selections:
            match item:
                case FieldNode():
                    yield item
                case FragmentSpreadNode():
                    yield from self._fields(self._fragments[item.name.value].selection_set)
                case InlineFragmentNode():
                    yield from self._fields(item.selection_set)


def _each(value: Any) -> list[Any]:
    """The values in a value that may be a list, or null."""
    if isinstance(value, list):
        return [each for item in value for each in _each(item)]
    return [] if value is None else [value]
