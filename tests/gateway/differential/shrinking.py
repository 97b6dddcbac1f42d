"""A difference -> the smallest request that still shows it, and its report."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from tests.gateway.differential.comparing import Seen
from tests.gateway.differential.operations import Asked
from tests.gateway.differential.sides import Outcome, Pair
from tests.gateway.differential.upsets import Upsets

TRIALS = 250
"""Requests tried before a difference is taken as small enough."""
REMOVABLE = ("field", "inline_fragment", "fragment_spread", "argument", "directive",
             "operation_definition", "object_field")  # fmt: skip


async def shrunk(pair: Pair, found: Outcome) -> Outcome:
    """The same kind of difference with less around it."""
    left = TRIALS
    progress = True
    while progress and left > 0:
        progress = False
        for asked, upsets in _smaller(found):
            left -= 1
            smaller = await pair.ask(asked, replace(upsets, met=Counter()))
            if set(smaller.kinds) & set(found.kinds):
                found, progress = smaller, True
                break
            if left <= 0:
                break
    return found


def _smaller(found: Outcome) -> Iterator[tuple[Asked, Upsets]]:
    asked, upsets = found.asked, found.upsets
    if not upsets.none:
        yield asked, Upsets(uneven=upsets.uneven)
    if upsets.uneven:
        yield asked, replace(upsets, uneven=False)
    for fewer in (
        replace(upsets, values=0.0),
        replace(upsets, rows=0.0),
        replace(upsets, answers=0.0),
    ):
        if fewer != upsets:
            yield asked, fewer
    if asked.explain:
        yield replace(asked, explain=False), upsets
    if asked.method == "GET":
        yield replace(asked, method="POST"), upsets
    for header in asked.headers:
        headers = {n: v for n, v in asked.headers.items() if n != header}
        yield replace(asked, headers=headers), upsets
    for document in _documents(asked.document):
        yield replace(asked, document=document), upsets


def _documents(text: str) -> Iterator[str]:
    """The document without each of its parts in turn, large parts first."""
    try:
        document = parse(text, no_location=True)
    except GraphQLError:
        return
    count = _Removal(-1)
    visit(document, count)
    sizes = sorted(range(count.seen), key=lambda n: -count.sizes[n])
    for number in sizes:
        smaller = _tidied(visit(document, _Removal(number)))
        if any(isinstance(each, OperationDefinitionNode) for each in smaller.definitions):
            yield print_ast(smaller)
    yield from _unfolded(document)


class _Removal(Visitor):
    """Counts the parts that can go, and takes out the one of this number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.seen = number, 0
        self.sizes: list[int] = []

    def enter(self, node: Node, *_: Any) -> Any:
        if node.kind not in REMOVABLE:
            return None
        self.seen += 1
        self.sizes.append(len(print_ast(node)))
        return REMOVE if self.seen - 1 == self.number else None


class _Used(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[tuple[str, str]] = set()

    def enter(self, node: Node, *_: Any) -> None:
        if isinstance(node, FragmentSpreadNode):
            self.names.add(("fragment", node.name.value))

    def enter_variable(self, node: VariableNode, key: Any, parent: Any, *_: Any) -> None:
        if not isinstance(parent, VariableDefinitionNode):
            self.names.add(("variable", node.name.value))


@dataclass
class _Tidy(Visitor):
    """Takes out what nothing refers to, and selections without fields."""

    used: set[tuple[str, str]]

    def __post_init__(self) -> None:
        super().__init__()

    def leave(self, node: Node, *_: Any) -> Any:
        match node:
            case FragmentDefinitionNode():
                known = ("fragment", node.name.value) in self.used
                return None if known and node.selection_set.selections else REMOVE
            case VariableDefinitionNode():
                return None if ("variable", node.variable.name.value) in self.used else REMOVE
        inner = getattr(node, "selection_set", None)
        return REMOVE if isinstance(inner, SelectionSetNode) and not inner.selections else None


def _tidied(document: DocumentNode) -> DocumentNode:
    while True:
        used = _Used()
        visit(document, used)
        tidy = visit(document, _Tidy(used.names))
        if tidy == document:
            return document
        document = tidy


def _unfolded(document: DocumentNode) -> Iterator[str]:
    """The document with one spread written out as an inline fragment."""
    for each in document.definitions:
        if isinstance(each, FragmentDefinitionNode):
            spread, on = f"...{each.name.value}", each.type_condition.name.value
            text = print_ast(document)
            body = print_ast(each.selection_set)
            for end in ("\n", " "):
                if spread + end in text:
                    whole = text.replace(spread + end, f"... on {on} {body}{end}")
                    yield print_ast(_tidied(parse(whole, no_location=True)))


def report(found: Outcome) -> str:
    """Everything that it takes to see the difference again."""
    upsets = found.upsets
    return "\n".join(
        (
            f"=== the ways differ in {', '.join(found.kinds)} ===",
            f"Upsets(seed={upsets.seed}, values={upsets.values}, rows={upsets.rows}, "
            f"answers={upsets.answers}, uneven={upsets.uneven})  met {dict(upsets.met)}",
            f"caller {found.asked.caller}, headers {found.asked.headers}, "
            f"operation {found.asked.operation}, explain {found.asked.explain}, "
            f"{found.asked.method}",
            f"variables {found.asked.variables}",
            found.asked.document,
            *_side("reference", found.reference),
            *_side("compiled", found.compiled),
        )
    )


def _side(name: str, seen: Seen) -> Iterator[str]:
    yield f"--- {name}: {seen.status} {dict(seen.ways) or ''}"
    yield seen.body.decode("utf-8", "replace")
    yield from (f"  {read.root}{read.target}" for read in seen.reads)
    yield from (f"  log: {line}" for line in seen.log)
