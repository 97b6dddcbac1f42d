"""
Every role against every field, generated from the schema: roles that lack one permission each are
refused at exactly the fields behind which that permission's tables stand, and have all others.
"""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from starlette.applications import Starlette

from gateway.model.tables import TABLES, Back, Computed, Link, Table
from tests.gateway.proofs.requests import SCHEMA
from tests.stack import Answer, Stack, running

pytestmark = pytest.mark.anyio

PERMISSIONS = sorted({table.needs for table in TABLES.values()})
ROLES = ("all", "nothing", *(f"all but {permission}" for permission in PERMISSIONS))
READS = {
    "Product.price": {"prices"},
    "Product.availability": {"catalog"},
    "Product.orderQuantities": {"catalog"},
    "Product.promise": {"catalog"},
    "Product.priceBreaks": {"prices"},
    "Product.customerItemNumber": {"catalog"},
    "Product.texts": {"catalog"},
    "Product.pictures": {"catalog"},
    "Quote.version": set[str](),
    "SalesOrder.version": set[str](),
    "SalesOrder.language": set[str](),
    "SalesOrder.syncState": set[str](),
    "SalesOrder.amountsBasis": set[str](),
    "SalesOrder.document": set[str](),
    "SalesOrder.attachments": set[str](),
    "SalesOrderLine.attachments": set[str](),
    "SalesOrderLine.deliveredQuantity": set[str](),
    "SalesOrderLine.remainingQuantity": set[str](),
    "Invoice.total": set[str](),
    "Invoice.tax": set[str](),
    "Invoice.dueOn": set[str](),
    "Invoice.open": set[str](),
    "Invoice.settledOn": set[str](),
    "Invoice.payment": set[str](),
    "Invoice.document": set[str](),
    "PostedInvoice.document": set[str](),
    "PostedInvoice.open": set[str](),
    "PostedInvoice.payment": set[str](),
    "Transaction.open": set[str](),
    "Transaction.kind": set[str](),
    "Account.balance": {"balance"},
    "AccountAddress.isEditable": set[str](),
    "Contact.language": set[str](),
    "Category.id": set[str](),
    "Category.parentId": set[str](),
}
"""The permissions that computed members need besides their row's; a new one must be named here."""
VIA = {
    "AccountAddress": ("accounts", "addresses"),
    "ReturnOrderLine": ("returns", "lines"),
    "ShipmentLine": ("shipments", "lines"),
    "Tracking": ("shipments", "tracking"),
    "WarehouseStock": ("products", "stock"),
}
"""The paths to rows that have no list of their own."""
ALONE = {"Category"}
"""Tables that a plain list at the root answers, which `test_categories` asks for with each role."""
REACHABLE = [table for table in TABLES.values() if table.root or table.name in VIA]


def granted(role: str) -> set[str]:
    """The permissions of a role."""
    match role:
        case "all":
            return set(PERMISSIONS)
        case "nothing":
            return set()
        case _:
            return set(PERMISSIONS) - {role.removeprefix("all but ")}


def policy(folder: Path) -> str:
    file = folder / "policy.toml"
    lines = []
    for role in ROLES:
        lines.append(f'[roles."{role}"]')
        for permission in sorted(granted(role)):
            lines.append(f'[roles."{role}".{permission}]\naccess = "account"')
    file.write_text("\n".join(lines))
    return str(file)


def selection(table: Table, name: str) -> str:
    """The member with something of what is behind it."""
    type_ = SCHEMA.type_map[table.name]
    assert isinstance(type_, GraphQLObjectType)
    inner = get_named_type(type_.fields[name].type)
    if is_leaf_type(inner):
        return name
    assert isinstance(inner, GraphQLObjectType)
    if isinstance(table.members.get(name), Back):
        return f"{name}(first: 1) {{ totalCount }}"
    leaves = [n for n, field in inner.fields.items() if is_leaf_type(get_named_type(field.type))]
    return f"{name} {{ {leaves[0]} }}"


def fields(table: Table) -> list[str]:
    type_ = SCHEMA.type_map[table.name]
    assert isinstance(type_, GraphQLObjectType)
    return list(type_.fields)


def needs(table: Table, name: str) -> set[str]:
    """The permissions that reading the field takes, once there is a row."""
    match table.members.get(name):
        case Back() as back:
            return {back.child.needs}
        case Link() as link:
            return {link.target.needs}
        case Computed():
            return READS[f"{table.name}.{name}"]
        case _:
            return set()


def path(table: Table) -> tuple[str, ...]:
    return (table.root[1],) if table.root else VIA[table.name]


async def ask(stack: Stack, table: Table, *names: str) -> Answer:
    head, *rest = path(table)
    inner = f"nodes {{ {' '.join(selection(table, name) for name in names)} }}"
    for step in rest:
        inner = f"nodes {{ {step}(first: 5) {{ {inner} }} }}"
    return await stack.ask(f"{{ {head}(first: 20) {{ {inner} }} }}", as_="rep")


def values(table: Table, name: str, answer: Answer) -> list[Any]:
    """The field's value in each row of the answer."""
    rows: list[Any] = [answer.body["data"]]
    for step in path(table):
        rows = [node for row in rows for node in ((row or {}).get(step) or {"nodes": []})["nodes"]]
    return [row[name] for row in rows]


@pytest.mark.parametrize("role", ROLES)
async def test_each_field_is_for_who_holds_what_it_needs(
    small_world: Starlette, tmp_path: Path, role: str
) -> None:
    mine = granted(role)
    roles = {"customer_roles": (role,), "roles_claim": "none", "policy": policy(tmp_path)}
    async with running(small_world, **roles) as stack:
        for table in REACHABLE:
            way = {TABLES[each.name].needs for each in on_the_way(table)}
            allowed = [name for name in fields(table) if way | needs(table, name) <= mine]
            if allowed:
                answer = await ask(stack, table, *allowed)
                assert answer.codes == [], (role, table.name)
                assert all(values(table, name, answer) for name in allowed), (role, table.name)
            for name in {*fields(table)} - {*allowed}:
                answer = await ask(stack, table, name)
                found, cell = values(table, name, answer), (role, table.name, name)
                assert set(answer.codes) == {"FORBIDDEN"}, cell
                assert set(map(str, found)) == ({"None"} if way <= mine else set()), cell


def on_the_way(table: Table) -> list[Table]:
    """The tables whose rows lead to those of `table`, itself included."""
    parents = {each.root[1]: each for each in TABLES.values() if each.root}
    return [parents[path(table)[0]], table]


def test_no_field_is_left_out() -> None:
    computed = {
        f"{table.name}.{name}"
        for table in TABLES.values()
        for name, member in table.members.items()
        if isinstance(member, Computed) and not member.internal
    }

    assert computed == READS.keys()
    reachable = {table.name for table in REACHABLE} | ALONE
    assert reachable == SCHEMA.type_map.keys() & TABLES.keys()
