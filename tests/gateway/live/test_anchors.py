"""A change is held against the rules that name its values alone, and no rule is passed over."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.feeds.anchors import anchors
from gateway.feeds.feed import Feed, RowChange, holding
from gateway.feeds.interests import Interests, Watcher
from gateway.model.proofs import FeedColumns
from gateway.upstream.conditions import (
    EVERYTHING,
    All,
    AnyOf,
    Choice,
    Code,
    Compare,
    Condition,
    Guid,
    In,
    Not,
    Spelled,
)

KEYS = [f"0d7c1a52-53a1-4d0e-9a51-{n:012x}" for n in (0, 10, 11)]
ROW = bytes(16)
COLUMNS = "owner", "code", "number"
told: st.SearchStrategy[Any] = st.sampled_from(
    [None, *KEYS, *map(str.upper, KEYS), "usmf", "USMF", "Straße", "STRASSE", 0, 1, 1.0, True, "1"]
)
wanted: st.SearchStrategy[Any] = st.sampled_from(
    [None, *map(Guid, KEYS), *map(UUID, KEYS), Code("usmf"), Code("USMF"), Code("straße"), "USMF",
     Choice("Status", "usmf"), 1, Decimal(1), False, "1"]
)  # fmt: skip
columns = st.sampled_from([*COLUMNS, "unknown", "unknown/owner"])
parts: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, columns, st.just("eq"), wanted),
    st.builds(In, columns, st.lists(wanted, max_size=3).map(tuple)),
)
rules: st.SearchStrategy[Condition] = st.recursive(
    parts,
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
        st.builds(Spelled, inner, st.just("text"), st.just(1)),
    ),
    max_leaves=6,
)
proofs = st.none() | st.tuples(told, told, told)


def feed() -> Feed:
    return Feed(FeedColumns("order", "orderid", COLUMNS, {}), {})


@given(st.lists(rules, max_size=8), proofs, proofs)
def test_those_who_are_concerned_are_those_whose_rules_hold_or_cannot_be_decided(
    watched: list[Condition], before: Any, after: Any
) -> None:
    interests, decides = Interests(), holding(RowChange(feed(), ROW, before, after))
    watchers = {Watcher(lambda: None): rule for rule in watched}
    for watcher, rule in watchers.items():
        interests.add(watcher, rule)

    found = set(interests.concerned(ROW, decides))

    certain = {
        each for each, rule in watchers.items() if rule == EVERYTHING or _surely(rule, decides)
    }
    possible = {each for each, rule in watchers.items() if rule == EVERYTHING or decides(rule)}
    assert certain <= found <= possible


def _surely(rule: Condition, decides: Any) -> bool:
    """True if the rule holds, or nobody can tell whichever part of it is looked at first."""
    match rule:
        case All(inner):
            return all(_surely(each, decides) for each in inner)
        case AnyOf(inner):
            return any(_surely(each, decides) for each in inner)
        case Spelled(part):
            return _surely(part, decides)
    return bool(decides(rule))


@given(st.lists(rules, max_size=8))
def test_nothing_is_left_of_those_who_have_gone(watched: list[Condition]) -> None:
    interests = Interests()
    watchers = [(Watcher(lambda: None), rule) for rule in watched]
    for watcher, rule in watchers:
        interests.add(watcher, rule)
    for watcher, rule in watchers:
        interests.remove(watcher, rule)

    assert vars(interests) == vars(Interests())


@pytest.mark.parametrize("number", [10, 1_000])
def test_a_change_is_held_against_the_rules_that_name_its_values(number: int) -> None:
    interests, asked = Interests(), []
    for n in range(number):
        owner = Compare("owner", "eq", Guid(str(UUID(int=n))))
        interests.add(Watcher(lambda: None), AnyOf((All((owner, EVERYTHING)), owner)))
    proof = (str(UUID(int=7)), None, None)
    decides = holding(RowChange(feed(), ROW, proof, proof))

    class Counting:
        values = decides.values

        def __call__(self, rule: Condition) -> bool:
            asked.append(rule)
            return decides(rule)

    assert len(set(interests.concerned(ROW, Counting()))) == 1
    assert len(asked) == 1


def test_a_rule_that_nothing_fulfils_is_never_asked() -> None:
    assert anchors(AnyOf()) == frozenset()
    assert anchors(EVERYTHING) is None
