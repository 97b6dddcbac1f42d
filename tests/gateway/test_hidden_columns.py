"""A hidden column cannot be selected, filtered, sorted, counted or inferred. All columns."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from gateway.model.tables import TABLES, Back, Computed, Group, Link, Spec, Table
from gateway.schema import ids
from gateway.schema.vocabulary import vocabulary
from tests.schema import shipped
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

SCHEMA = shipped()
WORDS = vocabulary()
SAMPLES: dict[type, Any] = {
    str: "x",
    int: 1,
    bool: True,
    Decimal: "1",
    date: "2026-01-01",
    datetime: "2026-01-01T00:00:00Z",
}
HIDEABLE = sorted(member for words in WORDS.values() for member in words.hideable)
ROOTED = [member for member in HIDEABLE if TABLES[member.partition(".")[0]].root]


def policy(folder: Path, hidden: list[str]) -> str:
    """A file in which representatives do not see these members."""
    lines = ['[roles.representative]\nextends = "representative"']
    for permission, words in WORDS.items():
        hides = [f'"{member}"' for member in hidden if member in words.hideable]
        if hides:
            lines.append(f"[roles.representative.{permission}]\naccess = 'account'")
            lines.append(f"hide = [{', '.join(hides)}]")
    file = folder / "policy.toml"
    file.write_text("\n".join(lines))
    return str(file)


def selection(table: Table, name: str) -> str:
    """The member as it is selected."""
    member = table.members[name]
    if isinstance(member, Back):
        return f"{name} {{ nodes {{ __typename }} }}"
    if isinstance(member, Link):
        return f"{name} {{ __typename }}"
    assert isinstance(member, Spec)
    composite = {
        "Money": "amount",
        "Address": "city",
        "Price": "unit",
        "Availability": "available",
        "Promise": "on",
        "SyncState": "status",
        "DocumentLink": "url",
        "OrderQuantities": "minimum",
        "Variant": "color",
        "Balance": "currency",
        "ProductText": "language",
        "Picture": "version",
        "Attachment": "name",
        "PriceBreak": "quantity",
    }
    (type_,) = getattr(member.type, "__args__", None) or (member.type,)
    below = composite.get(getattr(type_, "__name__", ""), "")
    return f"{name} {{ {below} }}" if below else name


def split(member: str) -> tuple[Table, str]:
    name, _, field = member.partition(".")
    return TABLES[name], field


def sample(member: Any) -> Any:
    """Some value of the member's type."""
    if isinstance(member, Link):
        return ids.encode(member.target, (UUID(int=1),))
    type_ = member.scalar[1]
    if issubclass(type_, Enum):
        return next(iter(type_)).name
    return SAMPLES[type_]


def uses(table: Table, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Lists that filter or sort by the member, with their variables."""
    found: list[tuple[str, dict[str, Any]]] = []
    member = table.members[name]
    assert table.root
    if name in table.filterable:
        by = {name: {"eq": sample(member)}}
        query = f"query ($f: {table.name}Filter) {{ {table.root[1]}(filter: $f) {{ totalCount }} }}"
        found += [(query, {"f": sent}) for sent in (by, {"not": by}, {"or": [by]}, {"and": [by]})]
    if not isinstance(member, Back) and member.name in table.sortable:
        query = (
            f"query ($o: [{table.name}Order!]) {{ {table.root[1]}(orderBy: $o) "
            "{ totalCount pageInfo { endCursor } nodes { __typename } } }"
        )
        found.append((query, {"o": [{"field": member.name.upper()}]}))
    return found


async def told_hidden(stack: Stack) -> list[str]:
    """The members that the gateway names as hidden from a representative."""
    answer = await stack.ask("{ viewer { hidden } }", as_="rep")
    found: list[str] = answer.data["viewer"]["hidden"]
    return found


@pytest.mark.parametrize("table", [t for t in TABLES.values() if t.root], ids=lambda t: t.name)
async def test_every_column_can_be_hidden(
    small_world: Starlette, tmp_path: Path, table: Table
) -> None:
    names = [name for found, name in map(split, ROOTED) if found is table]
    hidden = [f"{table.name}.{name}" for name in names]
    assert names
    async with running(small_world, policy=policy(tmp_path, hidden), customer_roles=()) as stack:
        assert {*hidden} <= {*await told_hidden(stack)}
        for name in names:
            assert table.root
            selected = f"{{ {table.root[1]}(first: 2) {{ nodes {{ {selection(table, name)} }} }} }}"
            answer = await stack.ask(selected, as_="rep")
            rows = answer.body["data"][table.root[1]]["nodes"]
            assert rows
            assert all(set(row.values()) == {None} for row in rows), name
            assert answer.codes == ["FORBIDDEN"] * len(rows), name
            for query, variables in uses(table, name):
                refused = await stack.ask(query, as_="rep", **variables)
                assert refused.codes == ["FORBIDDEN"], (name, variables)
                assert refused.body["data"] == {table.root[1]: None}


@pytest.fixture
async def discreet(small_world: Starlette, tmp_path: Path) -> Any:
    """Representatives who see no totals, dates, customers and quantities."""
    hidden = [
        "SalesOrder.total",
        "SalesOrder.placedAt",
        "SalesOrder.account",
        "SalesOrderLine.quantity",
        "Invoice.order",
        "Account.invoices",
    ]
    async with running(small_world, policy=policy(tmp_path, hidden), customer_roles=()) as stack:
        yield stack


async def test_a_hidden_column_is_refused_alone_and_not_even_asked_for_upstream(
    discreet: Stack,
) -> None:
    query = "{ orders(first: 3) { nodes { number total { amount } status } } }"
    await discreet.ask("{ viewer { kind } }", as_="rep")
    discreet.emulator.state.log.clear()

    answer = await discreet.ask(query, as_="rep")

    rows = answer.body["data"]["orders"]["nodes"]
    assert len(rows) == 3
    assert all(row["number"] and row["status"] and row["total"] is None for row in rows)
    assert {error["path"][-1] for error in answer.body["errors"]} == {"total"}
    (call,) = discreet.emulator.state.log.calls()
    assert "totalamount" not in call.query
    assert "createdon" not in call.query, "the default order would tell it"


async def test_rows_inside_of_a_row_cannot_be_sorted_by_a_hidden_column(discreet: Stack) -> None:
    lines = "lines(orderBy: [{ field: %s, direction: DESC }]) { nodes { sequence } }"
    query = f"{{ orders(first: 2) {{ nodes {{ {lines} }} }} }}"

    assert set((await discreet.ask(query % "QUANTITY", as_="rep")).codes) == {"FORBIDDEN"}
    assert not (await discreet.ask(query % "SEQUENCE", as_="rep")).codes


async def test_what_is_worked_out_from_a_hidden_column_is_hidden_too(discreet: Stack) -> None:
    query = "{ orderLines(first: 2) { nodes { sequence remainingQuantity deliveredQuantity } } }"

    answer = await discreet.ask(query, as_="rep")

    assert {error["path"][-1] for error in answer.body["errors"]} == {"remainingQuantity"}


async def test_the_far_end_of_a_hidden_link_is_hidden_too(discreet: Stack) -> None:
    for query in (
        "{ orders(first: 1) { nodes { invoices { totalCount } } } }",
        "{ accounts(first: 1) { nodes { orders { totalCount } } } }",
        "{ accounts(first: 1) { nodes { invoices { totalCount } } } }",
    ):
        assert (await discreet.ask(query, as_="rep")).codes == ["FORBIDDEN"], query


async def test_the_viewer_is_told_all_that_is_hidden_and_nothing_else(
    discreet: Stack, stack: Stack
) -> None:
    """So that front ends hide what they keep themselves, and do not ask in vain."""
    told = await told_hidden(discreet)

    assert told == sorted(told)
    assert {
        "SalesOrder.total",
        "SalesOrder.invoices",
        "SalesOrderLine.quantity",
        "SalesOrderLine.remainingQuantity",
        "Account.orders",
    } <= {*told}
    for member in told:
        table, name = split(member)
        if table.root:
            query = f"{{ {table.root[1]}(first: 1) {{ nodes {{ {selection(table, name)} }} }} }}"
            assert (await discreet.ask(query, as_="rep")).codes == ["FORBIDDEN"], member
    assert await told_hidden(stack) == []


async def test_a_cursor_over_a_hidden_column_is_no_cursor(discreet: Stack, stack: Stack) -> None:
    page = "query ($c: String) { orders(first: 2, after: $c) { pageInfo { endCursor } } }"
    cursor = (await stack.ask(page, as_="rep")).data["orders"]["pageInfo"]["endCursor"]

    assert (await discreet.ask(page, as_="rep", c=cursor)).codes == ["INVALID_CURSOR"]


async def test_others_see_it_as_before(discreet: Stack) -> None:
    query = "{ orders(first: 1) { nodes { total { amount } placedAt account { number } } } }"

    assert (await discreet.ask(query, as_="admin")).data["orders"]["nodes"][0]["placedAt"]


def test_nothing_is_left_out() -> None:
    """A member that cannot be hidden is a key, or never null."""
    fixed = {member for words in WORDS.values() for member in words.fixed}

    for member in fixed:
        table, name = split(member)
        spec = table.members[name]
        assert isinstance(spec, Spec)
        assert not spec.optional or not table.key.keys().isdisjoint(spec.paths)
    kinds = {type(TABLES[m.partition(".")[0]].members[m.partition(".")[2]]) for m in HIDEABLE}
    assert {Back, Computed, Group, Link} <= kinds


PREVIEW = """mutation ($number: String!) {
  previewSalesOrder(input: {lines: [{number: $number, quantity: 1}]}) {
    complete total { amount }
    lines { quantity unitPrice { amount } amount { amount } availability { inStock } }
    errors { code }
  }
}"""
PRICED = {("lines", "unitPrice"), ("lines", "amount"), ("total",)}
HELD_BACK = {
    "Product.price": PRICED,
    "Product.availability": {("lines", "availability")},
    "WarehouseStock.available": {("lines", "availability")},
}


@pytest.mark.parametrize("member", HELD_BACK)
async def test_nobody_learns_by_a_preview_what_the_product_would_not_say(
    small_world: Starlette, stack: Stack, tmp_path: Path, member: str
) -> None:
    query = "{ products(first: 20) { nodes { number price { unit } } } }"
    found = (await stack.ask(query, as_="rep")).data["products"]["nodes"]
    number = next(each["number"] for each in found if each["price"])
    hidden = policy(tmp_path, [member])
    async with running(small_world, policy=hidden, customer_roles=()) as discreet:
        answer = await discreet.ask(PREVIEW, as_="rep", number=number)

    said = answer.body["data"]["previewSalesOrder"]
    refused = {
        tuple(step for step in error["path"][1:] if isinstance(step, str))
        for error in answer.body["errors"]
    }
    assert set(answer.codes) == {"FORBIDDEN"}
    assert refused == HELD_BACK[member]
    assert said["lines"][0]["quantity"] == "1", "the rest of the answer stands"
    assert (said["total"] is None) == (member == "Product.price")


async def test_a_name_that_is_hidden_is_not_told_of_the_caller_either(
    small_world: Starlette, tmp_path: Path
) -> None:
    hidden = policy(tmp_path, ["Contact.name"])
    async with running(small_world, policy=hidden, customer_roles=()) as discreet:
        answer = await discreet.ask("{ viewer { kind name } }", as_="rep")

    assert answer.body["data"]["viewer"] == {"kind": "customer", "name": None}
    assert answer.codes == ["FORBIDDEN"]


async def test_staff_choose_an_account_whatever_of_it_is_hidden(
    small_world: Starlette, stack: Stack, tmp_path: Path
) -> None:
    query = "query ($a: ID) { orders(account: $a) { totalCount } }"
    (found,) = (
        await stack.ask(
            '{ accounts(filter: { number: { eq: "US-001" } }) { nodes { id } } }', as_="admin"
        )
    ).data["accounts"]["nodes"]
    file = tmp_path / "policy.toml"
    file.write_text(
        '[roles.administrator]\nkind = "staff"\nextends = "administrator"\n'
        '[roles.administrator.account]\naccess = "all"\n'
        'hide = ["Account.number", "Account.company"]\n'
    )
    async with running(small_world, policy=str(file)) as discreet:
        answer = await discreet.ask(query, as_="admin", a=found["id"])

    usual = await stack.ask(query, as_="admin", a=found["id"])
    assert answer.data == usual.data
