"""The pass over a document: it agrees with writing everything out, at the cost of the text."""

import sys
from contextlib import suppress
from types import FrameType

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway.engine.execution import Engine, GraphQLRequest
from gateway.engine.limits import REGISTRY, Limits
from gateway.engine.outcome import Refused
from gateway.engine.survey import FieldNames, Name, Shape, Survey
from gateway.errors import LimitExceeded
from tests.gateway.engine.bombs import BOMBS, doubling
from tests.gateway.engine.orders import orders_schema

UNLIMITED = Limits(**dict.fromkeys(REGISTRY, 10**100))
SCHEMA = orders_schema()


def measure(source: str) -> Shape:
    document = parse(source)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return Survey(document, UNLIMITED).measure(operation.selection_set, 1)


def written_out(document: DocumentNode, node: SelectionSetNode) -> Shape:
    """The same by brute force: every spread replaced by its fragment, without memory."""
    fragments = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    shape = Shape()
    for selection in node.selections:
        if isinstance(selection, FieldNode):
            inner = Shape()
            if selection.selection_set:
                inner = written_out(document, selection.selection_set)
            name = (selection.alias or selection.name).value
            aliases = inner.aliases + bool(selection.alias)
            add(
                shape,
                Shape(inner.depth + 1, inner.fields + 1, aliases, {name: Name(1, inner.names)}),
            )
        elif isinstance(selection, FragmentSpreadNode):
            add(shape, written_out(document, fragments[selection.name.value].selection_set))
        elif isinstance(selection, InlineFragmentNode):
            add(shape, written_out(document, selection.selection_set))
    return shape


def add(shape: Shape, other: Shape) -> None:
    shape.depth = max(shape.depth, other.depth)
    shape.fields += other.fields
    shape.aliases += other.aliases
    shape.names = merged(shape.names, other.names)


def merged(left: FieldNames, right: FieldNames) -> FieldNames:
    return {
        name: Name(
            sum(side[name].times for side in (left, right) if name in side),
            merged(*(side[name].below if name in side else {} for side in (left, right))),
        )
        for name in [*left, *right]
    }


def selections(fragments: int) -> st.SearchStrategy[str]:
    """A selection set that spreads only fragments with a number from `fragments` on."""
    spreads = st.integers(fragments, 3).map("...F{}".format) if fragments < 4 else st.just("x")
    leaf = st.sampled_from(["x", "y", "a: x", "b: y"]) | spreads
    return st.recursive(
        leaf,
        lambda inner: st.builds(
            "{}{{{}}}".format,
            st.sampled_from(["x", "c: y", "...", "... on T"]),
            st.lists(inner, min_size=1, max_size=3).map(" ".join),
        ),
        max_leaves=6,
    )


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document with four fragments that spread only later ones: small, and free of cycles."""
    parts = [draw(selections(i + 1)) for i in range(4)]
    fragments = " ".join(f"fragment F{i} on T {{{part}}}" for i, part in enumerate(parts))
    return f"{{{draw(selections(0))}}} {fragments}"


@given(documents())
def test_the_pass_agrees_with_writing_every_fragment_out(source: str) -> None:
    document = parse(source)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    assert measure(source) == written_out(document, operation.selection_set)


@given(st.integers(1, 90))
def test_doubling_fragments_are_counted_exactly_and_visited_once(fragments: int) -> None:
    document = parse(doubling(fragments))
    survey = Survey(document, UNLIMITED)
    survey.take()

    assert measure(doubling(fragments)).fields == 2**fragments
    assert survey.visited <= 4 * fragments + 4


@pytest.mark.parametrize("name", BOMBS)
def test_the_pass_visits_less_than_the_text_has_characters(name: str) -> None:
    try:
        document = parse(BOMBS[name])
    except GraphQLSyntaxError:
        return  # nested beyond what the parser takes
    survey = Survey(document, Limits())
    with suppress(LimitExceeded):
        survey.take()

    assert survey.visited <= len(BOMBS[name])


def calls_of(source: str) -> int:
    """Count the Python calls that refuse or prepare a document: the same everywhere."""
    engine = Engine(SCHEMA, introspection=True)
    count = 0

    def counting(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counting)
    try:
        with suppress(Refused):
            engine.prepare(GraphQLRequest(source))
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little_whether_refused_or_not(name: str) -> None:
    assert calls_of(BOMBS[name]) < 300_000


def test_the_corpus_is_large() -> None:
    assert len(BOMBS) >= 40
