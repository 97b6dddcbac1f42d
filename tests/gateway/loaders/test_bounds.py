"""The bounds of a caller let the same rows through as their rule, whatever a service sends."""

from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.loaders.bounds import bounded_by
from gateway.upstream.conditions import (
    EVERYTHING,
    NOTHING,
    All,
    AnyOf,
    Code,
    Compare,
    Condition,
    In,
)
from gateway.upstream.dialects import DATAVERSE
from gateway.upstream.row_keys import Checked

COLUMNS = ("account", "contact")
MINE = UUID("0a000000-0000-0000-0000-00000000000a")
THEIRS = UUID("0b000000-0000-0000-0000-00000000000b")

values = st.sampled_from([MINE, THEIRS, "usmf", Code("usmf"), "", 1, True])
parts: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, st.sampled_from(COLUMNS), st.just("eq"), values),
    st.builds(In, st.sampled_from(COLUMNS), st.lists(values, min_size=1, max_size=3).map(tuple)),
    st.builds(
        AnyOf,
        st.lists(
            st.builds(Compare, st.sampled_from(COLUMNS), st.just("eq"), values), max_size=2
        ).map(tuple),
    ),
)
rules = st.one_of(
    st.sampled_from([EVERYTHING, NOTHING]),
    parts,
    st.lists(parts, min_size=1, max_size=3).map(lambda found: All(tuple(found))),
)
sent: st.SearchStrategy[Any] = st.sampled_from(
    [str(MINE), str(MINE).upper(), str(THEIRS), "usmf", "USMF", "", 1, 1.0, True, None, [], {}]
)


class Row(Checked):
    """A row as a plan's decoder makes it."""

    account: Any = None
    contact: Any = None


dicts = st.dictionaries(st.sampled_from(COLUMNS), sent)
structs = st.builds(Row, sent, sent)


@given(rules, st.one_of(st.lists(dicts, max_size=4), st.lists(structs, max_size=4)))
def test_the_rows_let_through_are_those_that_meet_the_rule(rule: Condition, rows: Any) -> None:
    found = bounded_by(rule, rule, DATAVERSE).meeting(rows)

    assert list(found) == [row for row in rows if rule.holds(row)]


def test_each_column_of_a_rule_has_its_say() -> None:
    rows = [{"account": str(a), "contact": str(c)} for a in (MINE, THEIRS) for c in (MINE, THEIRS)]
    rule = All((Compare("account", "eq", MINE), In("contact", (MINE, THEIRS))))
    narrow = All((Compare("account", "eq", MINE), Compare("contact", "eq", THEIRS)))

    for row in rows:
        for each in (rule, narrow):
            assert list(bounded_by(each, each, DATAVERSE).meeting([row])) == [row] * each.holds(row)


@given(rules)
def test_what_is_asked_is_the_rule(rule: Condition) -> None:
    asked = bounded_by(rule, rule, DATAVERSE).asked

    assert DATAVERSE.text(asked) == DATAVERSE.text(rule)
    assert DATAVERSE.conditions(asked) == DATAVERSE.conditions(rule)
