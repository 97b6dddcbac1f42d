"""Random filters, orders and pages give what a plain evaluation over the same rows gives."""

import operator
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cmp_to_key
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.dataverse.service import Dataverse
from emulator.declarations import standard
from emulator.exchange import DECODER, Ask
from emulator.store import Store
from tests.emulator.environment import guid
from tests.nightly import NIGHTLY

Row = dict[str, Any]
Test = Callable[[Row], bool]
BASE = "http://emulator.test/api/data/v9.2"
WORDS = ["", "a", "A", "ab", "Ab ", "b", "é", "E", "eß", "z%", "_z", "ab*", "a[b", "it's", "ÄB"]
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge,
    "lt": operator.lt, "le": operator.le,
}  # fmt: skip
FOLDED = str.maketrans({"é": "e", "É": "e", "ä": "a", "Ä": "a", "ß": "ss"})


def folded(text: str) -> str:
    return text.lower().translate(FOLDED).rstrip(" ")


def guid_key(text: str) -> bytes:
    """System.Data.SqlTypes.SqlGuid: bytes 10-15, 8-9, 6-7, 4-5, 0-3 of Guid.ToByteArray()."""
    raw = UUID(text).bytes_le
    return raw[10:16] + raw[8:10] + raw[6:8] + raw[4:6] + raw[0:4]


KEYS: dict[str, Callable[[Any], Any]] = {
    "name": folded,
    "numberofemployees": int,
    "creditlimit": Decimal,
    "lastusedincampaign": str,
    "creditonhold": int,
    "accountid": guid_key,
    "_parentaccountid_value": guid_key,
}


def make_rows() -> list[Row]:
    """Sixty accounts with nulls, equal values, awkward texts and a parent for most."""
    rows = []
    for n in range(60):
        text = WORDS[n % len(WORDS)] or None
        rows.append(
            {
                "accountid": guid(n * 7919),
                "name": f"{text or 'name'}" if n % 4 else f"{text or ''}{n % 3}",
                "numberofemployees": None if n % 5 == 0 else n % 7 - 3,
                "creditlimit": None if n % 6 == 0 else Decimal(n % 9 * 10 - 25) / 4,
                "lastusedincampaign": None if n % 7 == 0 else f"2026-0{n % 4 + 1}-01T00:00:00Z",
                "creditonhold": n % 3 == 0,
                "_parentaccountid_value": guid(n // 2 * 7919) if n % 8 else None,
            }
        )
    return rows


ROWS = make_rows()
BY_ID = {row["accountid"]: row for row in ROWS}
STORE = Store(standard())
STORE.clock = lambda: datetime(2026, 11, 22, tzinfo=UTC)
STORE.insert("accounts", ROWS)
SERVICE = Dataverse(STORE)


def parent(row: Row) -> Row:
    """A row without a parent is compared as one whose columns are all empty."""
    return BY_ID.get(row["_parentaccountid_value"] or "", dict.fromkeys(row))


def compared(column: str, op: str, value: Any) -> Test:
    key = KEYS[column]

    def test(row: Row) -> bool:
        if row[column] is None:
            return op == "ne"
        return COMPARISONS[op](key(row[column]), key(value))

    return test


def negated(op: str) -> str:
    pairs = {"eq": "ne", "gt": "le", "lt": "ge"}
    return (pairs | {other: each for each, other in pairs.items()})[op]


def literal(column: str, value: Any) -> str:
    if column == "name":
        return "'" + str(value).replace("'", "''") + "'"
    return f"{value}".lower() if isinstance(value, bool) else f"{value}"


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["a", "B", "E", "it's", "ÄB", "AB", "ESS", "é0", "q"]),
    "numberofemployees": st.integers(-4, 4),
    "creditlimit": st.sampled_from(
        [Decimal("-6.25"), Decimal("3.75"), Decimal(0), Decimal("1.001")]
    ),
    "lastusedincampaign": st.sampled_from(["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"]),
    "creditonhold": st.booleans(),
    "accountid": st.sampled_from([row["accountid"] for row in ROWS[::7]]),
    "_parentaccountid_value": st.sampled_from([row["accountid"] for row in ROWS[:20:3]]),
}
# A condition is its text, its meaning, and its meaning under `not`, which null makes a third thing.
Condition = tuple[str, Test, Test]


@st.composite
def comparisons(draw: st.DrawFn) -> Condition:
    column = draw(st.sampled_from(sorted(VALUES)))
    op = draw(st.sampled_from(sorted(COMPARISONS)))
    if column == "creditonhold":
        op = draw(st.sampled_from(["eq", "ne"]))
    value = draw(VALUES[column])
    text = f"{column} {op} {literal(column, value)}"
    return text, compared(column, op, value), compared(column, negated(op), value)


@st.composite
def along_parent(draw: st.DrawFn) -> Condition:
    text, yes, no = draw(comparisons())
    return f"parentaccountid/{text}", lambda r: yes(parent(r)), lambda r: no(parent(r))


@st.composite
def nulls(draw: st.DrawFn) -> Condition:
    column = draw(st.sampled_from(["creditlimit", "_parentaccountid_value", "numberofemployees"]))
    equal = draw(st.booleans())
    text = f"{column} {'eq' if equal else 'ne'} null"
    return text, lambda r: (r[column] is None) is equal, lambda r: (r[column] is None) is not equal


@st.composite
def matches(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(["contains", "startswith", "endswith"]))
    word = draw(st.sampled_from(["a", "B", "É", "ss", "0", "it's"]))
    methods: dict[str, Callable[[str, str], bool]] = {
        "contains": operator.contains, "startswith": str.startswith, "endswith": str.endswith,
    }  # fmt: skip

    def test(row: Row) -> bool:
        return methods[name](folded(row["name"]), folded(word))

    return f"{name}(name,{literal('name', word)})", test, lambda row: not test(row)


@st.composite
def among(draw: st.DrawFn) -> Condition:
    values = draw(st.lists(st.integers(-4, 4), min_size=1, max_size=4))
    listed = ",".join(f'"{value}"' for value in values)
    function = f"PropertyName='numberofemployees',PropertyValues=[{listed}])"

    def test(row: Row) -> bool:
        return row["numberofemployees"] in values

    return f"Microsoft.Dynamics.CRM.In({function}", test, lambda row: not test(row)


def combined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(both),
        st.lists(inner, min_size=2, max_size=4).map(either),
        inner.map(lambda one: (f"not ({one[0]})", one[2], one[1])),
    )


def both(parts: list[Condition]) -> Condition:
    return (
        "(" + " and ".join(text for text, _, _ in parts) + ")",
        lambda row: all(yes(row) for _, yes, _ in parts),
        lambda row: any(no(row) for _, _, no in parts),
    )


def either(parts: list[Condition]) -> Condition:
    return (
        "(" + " or ".join(text for text, _, _ in parts) + ")",
        lambda row: any(yes(row) for _, yes, _ in parts),
        lambda row: all(no(row) for _, _, no in parts),
    )


CONDITIONS = st.recursive(
    st.one_of(comparisons(), along_parent(), nulls(), matches(), among()), combined, max_leaves=8
)
ORDERS = st.lists(
    st.tuples(st.sampled_from(sorted(KEYS)), st.sampled_from(["", " asc", " desc"])),
    max_size=3,
    unique_by=lambda order: order[0],
)


def ask(query: str, prefer: str = "") -> Row:
    answer = SERVICE.answer(Ask("GET", "accounts", query, {"prefer": prefer}, b"", BASE))
    assert answer.status == 200, answer.body
    body: Row = DECODER.decode(answer.encoded())
    return body


def sorted_rows(rows: Iterable[Row], orders: list[tuple[str, str]]) -> list[str]:
    """Nulls come first ascending and last descending, and the key breaks every tie."""

    def rank(row: Row, column: str) -> tuple[bool, Any]:
        if column == "_parentaccountid_value":
            # A lookup sorts by the primary name of the row that it points at.
            row, column = parent(row), "name"
        value = row[column]
        return (value is not None, KEYS[column](value) if value is not None else 0)

    def compare(a: Row, b: Row) -> int:
        for column, direction in [*orders, ("accountid", "")]:
            x, y = rank(a, column), rank(b, column)
            if x != y:
                return (-1 if x < y else 1) * (-1 if direction == " desc" else 1)
        return 0

    return [row["accountid"] for row in sorted(rows, key=cmp_to_key(compare))]


def quoted(text: str) -> str:
    return text.replace("%", "%25").replace("+", "%2B").replace("&", "%26")


@settings(max_examples=2_000 if NIGHTLY else 150, deadline=None)
@given(CONDITIONS)
def test_a_filter_means_what_it_says(condition: Condition) -> None:
    text, yes, _ = condition

    body = ask(f"$select=accountid&$count=true&$filter={quoted(text)}")

    expected = {row["accountid"] for row in ROWS if yes(row)}
    assert {row["accountid"] for row in body["value"]} == expected
    assert body["@odata.count"] == len(expected)


@settings(max_examples=1_000 if NIGHTLY else 75, deadline=None)
@given(CONDITIONS, ORDERS, st.integers(1, 40))
def test_pages_are_the_sorted_rows_cut_into_pieces(
    condition: Condition, orders: list[tuple[str, str]], size: int
) -> None:
    text, yes, _ = condition
    order = ",".join(column + direction for column, direction in orders)
    query = f"$select=accountid&$filter={quoted(text)}" + (f"&$orderby={order}" if order else "")

    seen: list[str] = []
    sizes = []
    while query:
        body = ask(query, f"odata.maxpagesize={size}")
        seen += [row["accountid"] for row in body["value"]]
        sizes.append(len(body["value"]))
        query = body.get("@odata.nextLink", "").partition("?")[2]

    assert seen == sorted_rows([row for row in ROWS if yes(row)], orders)
    assert all(each == size for each in sizes[:-1])


@settings(max_examples=100 if NIGHTLY else 30, deadline=None)
@given(st.sampled_from(ROWS), st.sampled_from(["gt", "lt", "ge", "le"]))
def test_guids_compare_as_sql_server_compares_them(row: Row, op: str) -> None:
    found = ask(f"$select=accountid&$orderby=accountid&$filter=accountid {op} {row['accountid']}")

    expected = [r for r in ROWS if compared("accountid", op, row["accountid"])(r)]
    assert [each["accountid"] for each in found["value"]] == sorted_rows(expected, [])


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("ffffffff-ffff-ffff-ffff-000000000000", "00000000-0000-0000-0000-000000000001"),
        ("ffffffff-ffff-ffff-0000-000000000000", "00000000-0000-0000-0001-000000000000"),
        ("00000000-0000-ff00-0000-000000000000", "00000000-0000-0001-0000-000000000000"),
        ("00ffffff-0000-0000-0000-000000000000", "ff000000-0000-0000-0000-000000000001"),
        ("01000000-0000-0000-0000-000000000000", "00000001-0000-0000-0000-000000000000"),
    ],
)
def test_the_order_of_guid_groups(smaller: str, larger: str) -> None:
    assert guid_key(smaller) < guid_key(larger)
