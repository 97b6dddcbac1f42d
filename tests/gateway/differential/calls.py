"""
The calls of two gateways to Dynamics, made comparable: by URL, or by the keys inside of the URLs.

`aiodataloader` merges the loads of one loader that fall into the same tick of the loop. Where two
places of an operation share a loader, whether they travel in one call or in two depends on timing
and is no promise of either way, nor is whether a call asks for columns of one place by the keys of
another. All keys and all columns that were asked for are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from urllib.parse import unquote

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)

from emulator.odata.parser import parse_filter
from emulator.odata.syntax import And, Call, Compare, Kind, Literal, Or, Path
from gateway.model.tables import TABLES, Back, Computed, Link
from tests.gateway.differential.wire import Read
from tests.gateway.proofs.requests import SCHEMA

MOST = 3_000
"""Conjunctions of one filter that are told apart; a larger part of it stays whole."""
Conjunction = frozenset[str]
Wanted = tuple[str, str, Conjunction]
"""A collection, an order, and the conditions that a row must meet all together."""


def asked(reads: Iterable[Read]) -> dict[Wanted, frozenset[str]]:
    """The columns asked for of the rows behind each alternative of each filter, over all reads."""
    found: dict[Wanted, frozenset[str]] = {}
    for read in reads:
        pairs = (pair.partition("=") for pair in read.query.split("&"))
        options = {unquote(name): unquote(value) for name, _, value in pairs}
        if "$skiptoken" in options:
            continue  # the next page of a read that is here already
        columns = frozenset((options.get("$select", ""), options.get("$expand", "")))
        columns = frozenset(c for text in columns for c in text.replace("(", ",").split(",") if c)
        for alternative in _alternatives(
            parse_filter(options["$filter"]) if "$filter" in options else None
        ):
            wanted = read.collection, options.get("$orderby", ""), alternative
            found[wanted] = found.get(wanted, frozenset()) | columns
    return found


def columns(wanted: Mapping[Wanted, frozenset[str]]) -> set[tuple[str, str]]:
    """The columns asked for of each collection."""
    return {(each[0], name) for each, names in wanted.items() for name in names}


def _alternatives(node: object) -> list[Conjunction]:
    """The filter as alternatives, each a set of conditions."""
    match node:
        case None:
            return [frozenset()]
        case Or(parts):
            return list(dict.fromkeys(c for part in parts for c in _alternatives(part)))
        case And(parts):
            inner = [_alternatives(part) for part in parts]
            if prod(map(len, inner)) > MOST:
                return [frozenset({repr(node)})]
            return [frozenset().union(*some) for some in product(*inner)]
        case Call("Microsoft.Dynamics.CRM.In", _, named):
            column, values = named["PropertyName"], named["PropertyValues"]
            assert isinstance(column, Literal)
            assert isinstance(values, Literal)
            assert isinstance(values.value, tuple)
            return [_equal(str(column.value), value) for value in values.value]
        case Compare("eq", Path(segments), Literal() as value) if value.kind is not Kind.NULL:
            return [_equal("/".join(segments), value)]
    return [frozenset({repr(node)})]


def _equal(column: str, value: Literal) -> Conjunction:
    name = column[1:].removesuffix("_value") if column.endswith("_value") else column
    return frozenset({f"{name} = {str(value.value).casefold()}"})


def places(document: DocumentNode, operation: OperationDefinitionNode) -> Counter[object]:
    """Count the places of an operation that use each loader."""
    survey = Survey(document)
    survey.selections(operation.selection_set, "Query", ())
    return Counter(loader for loader, _ in survey.found)


@dataclass
class Survey:
    """One walk through an operation."""

    document: DocumentNode
    found: set[tuple[object, tuple[str, ...]]] = field(default_factory=set)
    fields: Counter[str] = field(default_factory=Counter)

    def selections(self, node: SelectionSetNode, type_: str, path: tuple[str, ...]) -> None:
        for item in node.selections:
            match item:
                case FieldNode():
                    self._field(item, type_, path)
                case FragmentSpreadNode():
                    for fragment in self._fragments(item.name.value):
                        self.selections(fragment.selection_set, self._on(fragment, type_), path)
                case InlineFragmentNode():
                    self.selections(item.selection_set, self._on(item, type_), path)

    def _on(self, fragment: FragmentDefinitionNode | InlineFragmentNode, type_: str) -> str:
        """The type below a fragment; one on Node says nothing new."""
        name = fragment.type_condition.name.value if fragment.type_condition else type_
        return type_ if name == "Node" else name

    def _field(self, node: FieldNode, type_: str, path: tuple[str, ...]) -> None:
        declared = getattr(SCHEMA.type_map.get(type_), "fields", {}).get(node.name.value)
        if declared is None:
            return
        self.fields[f"{type_}.{node.name.value}"] += 1
        here = (*path, type_, (node.alias or node.name).value)
        self.found.update((loader, here) for loader in _loaders(type_, node))
        inner = get_named_type(declared.type)
        if node.selection_set and is_composite_type(inner):
            self.selections(node.selection_set, inner.name, here)

    def _fragments(self, name: str) -> Iterator[FragmentDefinitionNode]:
        """The fragment of this name; none in a document that is not valid."""
        for each in self.document.definitions:
            if isinstance(each, FragmentDefinitionNode) and each.name.value == name:
                yield each


def _loaders(type_: str, node: FieldNode) -> Iterator[object]:
    name = node.name.value
    if type_ in TABLES:
        match TABLES[type_].members.get(name):
            case Link() as link:
                yield "one", link.target.name, link.target_paths
            case Back() as back:
                yield "many", back.child.name, back.link.name
            case Computed():
                yield "matching", type_
    elif type_ == "Query" and any(
        each.name.value in ("id", "ids", "account") for each in node.arguments or ()
    ):
        # Rows by ids that the caller sent; the account of a list is one of them.
        yield "node"
    elif type_ == "Viewer" and name == "contact":
        yield "node"
