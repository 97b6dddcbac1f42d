"""Conditions become OData text that an independent parser reads back as the same values."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.odata.parser import parse_filter
from emulator.odata.syntax import Call, Compare, Literal, Node, Or
from gateway.errors import InvalidInput
from gateway.upstream import conditions, odata
from gateway.upstream.conditions import EVERYTHING, NOTHING, Like
from gateway.upstream.dialects import DATAVERSE, FINOPS
from gateway.upstream.odata import ODataQuery, Order

ID = UUID("0F8FAD5B-D9CB-469F-A165-70867728950E")
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def filter_of(dialect: odata.Dialect, condition: conditions.Condition) -> str:
    """The `$filter` as the service receives it, after the URL was taken apart."""
    url = dialect.url(ODataQuery("things", ("name",), condition))
    return parse_qs(urlsplit(url).query, strict_parsing=True)["$filter"][0]


def _values(node: Node) -> Iterator[str]:
    """The values that a list or an equality names."""
    if isinstance(node, Call):
        listed = node.named["PropertyValues"]
        assert isinstance(listed, Literal)
        assert isinstance(listed.value, tuple)
        yield from (str(each.value) for each in listed.value)
    else:
        assert isinstance(node, Compare)
        assert isinstance(node.right, Literal)
        yield str(node.right.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ID, "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ("O'Neill", "'O''Neill'"),
        (None, "null"),
        (True, "true"),
        (-3, "-3"),
        (Decimal("1E+3"), "1000"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_values_are_spelled_as_their_type_demands(value: conditions.Value, text: str) -> None:
    assert DATAVERSE.text(conditions.Compare("x", "eq", value)) == f"x eq {text}"


@given(texts)
@example("' or accountid ne null or name eq '")
@example("%27&$top=1#+;)")
def test_whatever_a_caller_sends_stays_one_literal(text: str) -> None:
    parsed = parse_filter(filter_of(DATAVERSE, conditions.Compare("name", "eq", text)))

    assert isinstance(parsed, Compare)
    assert isinstance(parsed.right, Literal)
    assert parsed.right.value == text


@given(texts)
@example("100%_[a-z]'")
def test_wildcards_of_dataverse_are_searched_for_literally(text: str) -> None:
    parsed = parse_filter(filter_of(DATAVERSE, Like("name", "contains", text)))

    assert isinstance(parsed, Call)
    argument = parsed.args[1]
    assert isinstance(argument, Literal)
    assert _unescaped(str(argument.value)) == text


@given(st.lists(texts, min_size=2, unique=True))
@example(['a"b\\', "5'-PIPE", "M[8]", "{x}", "two\nlines", "plain"])
@example(["5'-PIPE", "it's"])
def test_listed_values_come_back_as_they_were_sent(values: list[str]) -> None:
    parsed = parse_filter(filter_of(DATAVERSE, conditions.one_of("name", values)))

    parts = parsed.parts if isinstance(parsed, Or) else (parsed,)
    assert Counter(found for part in parts for found in _values(part)) == Counter(values)


@pytest.mark.parametrize(
    ("column", "name"),
    [("_acme_ownerid_value", "acme_ownerid"), ("acme_value", "acme_value"), ("_odd", "_odd")],
)
def test_a_list_names_a_column_by_its_logical_name(column: str, name: str) -> None:
    text = DATAVERSE.text(conditions.one_of(column, ["a", "b"]))

    assert text.startswith(f"Microsoft.Dynamics.CRM.In(PropertyName='{name}',")


@pytest.mark.parametrize("mark", ["'", "[", "]", '"', "\\", "{", "}", "\n"])
def test_what_a_reader_of_lists_could_take_for_its_own_stands_in_no_list(mark: str) -> None:
    text = DATAVERSE.text(conditions.one_of("name", ["plain", f"odd{mark}"]))

    assert text.startswith("(Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[")
    assert text.partition("]")[0].endswith('["plain"')
    assert DATAVERSE.conditions(conditions.one_of("name", ["plain", f"odd{mark}"])) == 2


@pytest.mark.parametrize(
    "value",
    [
        Decimal("1E50000000"),
        Decimal("-1E50000000"),
        Decimal("1E-50000000"),
        Decimal("NaN"),
        Decimal("Infinity"),
        10**30,
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    ],
    ids=str,
)
def test_what_no_service_can_hold_is_refused_at_once(value: conditions.Value) -> None:
    with pytest.raises(InvalidInput):
        DATAVERSE.literal(value)


def test_the_last_day_there_is_cannot_be_compared_with_in_finops() -> None:
    with pytest.raises(InvalidInput):
        FINOPS.text(conditions.Compare("DeliveryDate", "le", date.max))


def test_a_moment_without_a_zone_is_taken_as_utc() -> None:
    assert DATAVERSE.literal(datetime(2026, 1, 2, 3)) == "2026-01-02T03:00:00Z"


def test_finops_says_yes_and_no() -> None:
    text = FINOPS.text(conditions.Compare("IsActive", "eq", True))

    assert text == "IsActive eq Microsoft.Dynamics.DataEntities.NoYes'Yes'"


def test_dataverse_counts_a_list_as_one_condition_but_not_behind_a_path() -> None:
    values = ["a", "b", "c"]

    assert DATAVERSE.conditions(conditions.one_of("name", values)) == 1
    assert DATAVERSE.conditions(conditions.one_of("order/name", values)) == 3


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (conditions.Compare("n", "eq", "M8*40"), "(n ge 'M8*40' and n le 'M8*40')"),
        (conditions.Compare("n", "ne", "M8*40"), "(n lt 'M8*40' or n gt 'M8*40')"),
        (conditions.Compare("n", "gt", "M8*40"), "n gt 'M8*40'"),
        (conditions.In("n", ("a", "*")), "(n eq 'a' or (n ge '*' and n le '*'))"),
    ],
)
def test_a_star_in_a_value_of_finops_is_no_wildcard(
    condition: conditions.Condition, text: str
) -> None:
    assert FINOPS.text(condition) == text


def test_a_part_of_a_text_with_a_star_cannot_be_asked_for_in_finops() -> None:
    with pytest.raises(InvalidInput):
        FINOPS.text(Like("n", "contains", "*"))


def test_compound_conditions_are_parenthesised() -> None:
    mine = conditions.Compare("owner", "eq", ID)
    theirs = conditions.AnyOf((conditions.Compare("a", "eq", 1), conditions.Compare("b", "eq", 2)))

    assert (
        DATAVERSE.text(conditions.both(mine, theirs)) == f"(owner eq {ID} and (a eq 1 or b eq 2))"
    )


def test_a_day_in_finops_is_all_its_instants() -> None:
    text = FINOPS.text(conditions.Compare("DeliveryDate", "eq", date(2026, 2, 28)))

    assert text == (
        "(DeliveryDate ge 2026-02-28T00:00:00Z and DeliveryDate lt 2026-03-01T00:00:00Z)"
    )


def test_composite_keys_are_grouped_by_their_leading_columns() -> None:
    condition = conditions.keyed(("area", "id"), [("usmf", "1"), ("usmf", "2"), ("demf", "1")])

    assert FINOPS.text(condition) == (
        "((area eq 'usmf' and (id eq '1' or id eq '2')) or (area eq 'demf' and id eq '1'))"
    )


def test_paths_travel_as_expands() -> None:
    paths = ("name", "order/number", "order/company/code", "unit/symbol")

    assert DATAVERSE.url(ODataQuery("lines", paths)) == (
        "lines?$select=name&$expand=order($select=number;$expand=company($select=code)),"
        "unit($select=symbol)"
    )


def test_order_and_size_are_sent() -> None:
    query = ODataQuery("orders", ("name",), order=(Order("createdon", True), Order("id")), top=5)

    assert DATAVERSE.url(query).endswith("&$orderby=createdon%20desc,id&$top=5")


def test_no_values_mean_no_rows() -> None:
    assert conditions.one_of("x", []) == NOTHING
    assert conditions.both(EVERYTHING, NOTHING) == NOTHING


@pytest.mark.parametrize(
    ("found", "wanted", "held"),
    [
        ("0F8FAD5B-D9CB-469F-A165-70867728950E", ID, True),
        ("c1", "C1", False),
        ("USMF", conditions.Code("usmf"), True),
        ("USMF2", conditions.Code("usmf"), False),
        ("C1 ", "C1", False),
        (None, "C1", False),
    ],
)
def test_rows_are_checked_exactly(found: object, wanted: conditions.Value, held: bool) -> None:
    assert conditions.Compare("a/b", "eq", wanted).holds({"a": {"b": found}}) is held


def _unescaped(pattern: str) -> str:
    for character in "%_[":
        pattern = pattern.replace(f"[{character}]", f"\0{ord(character)}\0")
    for character in "%_[":
        pattern = pattern.replace(f"\0{ord(character)}\0", character)
    return pattern
