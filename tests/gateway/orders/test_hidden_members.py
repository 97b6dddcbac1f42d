"""Every way to a line stands whatever a role hides, makes the same order, and tells none of it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from strawberry.utils.str_converters import to_camel_case

from emulator.faults.actions import Cut
from gateway.resolvers.orders.line_checks import WayToLine
from gateway.resolvers.orders.user_errors import ALL, UserError
from gateway.schema import ids
from gateway.schema.vocabulary import vocabulary
from tests.gateway.orders.ordering import ERRORS, do, placed, products
from tests.gateway.orders.test_every_way import CASES, IMPOSSIBLE, WAYS, Base, Case
from tests.gateway.orders.worlds import changed, key
from tests.nightly import NIGHTLY
from tests.schema import shipped
from tests.stack import Answer, Stack, running

pytestmark = pytest.mark.anyio

shipped()
WORDS = vocabulary()
PERMISSIONS = ("account", "contacts", "orders", "catalog", "prices")
"""The permissions of all tables that ordering reads."""
HIDEABLE = [member for name in PERMISSIONS for member in sorted(WORDS[name].hideable)]
NAMED = {
    (WayToLine.IMPORT, "Product.number"),
    (WayToLine.CHANGE, "SalesOrderLine.quantity"),
}
"""The members that the input of a way names here, and so asks by."""
NAMES = {member for _, member in NAMED}
PERSONAL = ("orders", "contacts")
UPDATE = f"""mutation ($i: UpdateSalesOrderInput!) {{
  updateSalesOrder(input: $i) {{ {ERRORS} }}
}}"""
Hidden = tuple[str, ...]


def policy(folder: Path, hidden: Hidden) -> str:
    """A file in which buyers do not see these members."""
    lines = ['[roles.buyer]\nextends = "buyer"']
    for name in PERMISSIONS:
        hides = [member for member in hidden if member in WORDS[name].hideable]
        does = ["read", "create", "update"] if name == "orders" else ["read"]
        lines += [
            f"[roles.buyer.{name}]",
            f'access = "{"own" if name in PERSONAL else "account"}"',
            f"privileges = {does}",
            f"hide = {hides}",
        ]
    file = folder / "policy.toml"
    file.write_text("\n".join(lines))
    return str(file)


def one_by_one() -> Iterator[Hidden]:
    yield from ((member,) for member in HIDEABLE)


def table_by_table() -> Iterator[Hidden]:
    """All members of a table at once, but for those that a way names."""
    for table in sorted({member.partition(".")[0] for member in HIDEABLE}):
        members = [member for member in HIDEABLE if member.startswith(f"{table}.")]
        yield tuple(member for member in members if member not in NAMES)


def together() -> Iterator[Hidden]:
    """All members of all tables at once, and of every other one; those that a way names, alone."""
    tables = [*table_by_table()]
    for some in (tables, tables[::2], tables[1::2]):
        yield tuple(member for members in some for member in members)
    yield from ((member,) for member in sorted(NAMES))


def name_of(hidden: Hidden) -> str:
    tables = {member.partition(".")[0] for member in hidden}
    return hidden[0] if len(hidden) == 1 else f"{len(tables)} tables from {hidden[0]}"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def plain(changing_world: Starlette) -> AsyncIterator[Stack]:
    """A gateway whose buyers see everything."""
    async with running(changing_world) as stack:
        yield stack


@pytest.fixture(scope="module")
async def product(plain: Stack) -> dict[str, Any]:
    return next(each for each in await products(plain, 50) if each["unit"] == "ea")


def sent(way: WayToLine, order: dict[str, Any], product: dict[str, Any]) -> dict[str, Any]:
    """The input with which a way makes a line of three."""
    line = {"product": product["id"], "quantity": "3"}
    at = {"order": order["id"], "version": order["version"]}
    once = {"idempotencyKey": str(uuid4())}
    found: dict[WayToLine, dict[str, Any]] = {
        WayToLine.PREVIEW: {"lines": [line]},
        WayToLine.CREATE: {"lines": [line], **once},
        WayToLine.ADD: {**at, **once, "lines": [line]},
        WayToLine.IMPORT: {**at, **once, "csv": f"number;quantity\n{product['number']};3"},
        WayToLine.CHANGE: {**at, "line": order["lines"]["nodes"][0]["id"], "quantity": "3"},
        WayToLine.REORDER: {"order": order["id"], **once},
        WayToLine.REQUEST: {"lines": [line], **once},
    }
    return found[way]


async def go(
    stack: Stack, way: WayToLine, order: dict[str, Any], product: dict[str, Any]
) -> Answer:
    kind = f"{way.value[0].upper()}{way.value[1:]}Input"
    others = {WayToLine.PREVIEW: "complete", WayToLine.REQUEST: "request { id }"}
    shown = others.get(way, "order { id }")
    query = f"mutation ($i: {kind}!) {{ {way.value}(input: $i) {{ {shown} {ERRORS} }} }}"
    return await stack.ask(query, i=sent(way, order, product))


HEADER = (
    "_pricelevelid_value", "_transactioncurrencyid_value", "_msdyn_company_value", "shipto_line1",
    "shipto_city", "shipto_country", "msdyn_language", "_msdyn_contactperson_value",
)  # fmt: skip
LINE = (
    "quantity", "priceperunit", "ispriceoverridden", "_uomid_value", "sequencenumber",
    "shipto_country",
)  # fmt: skip


async def made(stack: Stack, id_: str) -> tuple[Any, ...]:
    """The order and its lines as Dynamics has them, in what checks and defaults decide."""
    key = ids.decode(id_)[1][0]
    (order,) = await stack.rows(
        f"salesorders?$select={','.join(HEADER)}&$filter=salesorderid eq {key}"
    )
    lines = await stack.rows(
        f"salesorderdetails?$select={','.join(LINE)}&$filter=_salesorderid_value eq {key}"
    )
    return (
        *(order[name] for name in HEADER),
        *sorted(tuple(each[name] for name in LINE) for each in lines),
    )


async def way_taken(
    plain: Stack, stack: Stack, way: WayToLine, product: dict[str, Any]
) -> tuple[Answer, tuple[Any, ...]]:
    """The answer of a way, taken from a new order, and the order that it made."""
    order = await placed(plain, lines=[{"product": product["id"], "quantity": "2"}])
    answer = await go(stack, way, order, product)
    changed_order = (answer.body["data"][way.value] or {}).get("order")
    return answer, await made(plain, changed_order["id"]) if changed_order else ()


@pytest.fixture(scope="module")
async def usual(plain: Stack, product: dict[str, Any]) -> dict[WayToLine, tuple[Any, ...]]:
    """The order that each way makes where nothing is hidden."""
    return {way: (await way_taken(plain, plain, way, product))[1] for way in WayToLine}


HIDDEN = [*together(), *((*table_by_table(), *one_by_one()) if NIGHTLY else ())]


@pytest.mark.parametrize("hidden", HIDDEN, ids=name_of)
async def test_hiding_members_breaks_no_way_to_a_line_and_changes_no_order(
    changing_world: Starlette,
    plain: Stack,
    product: dict[str, Any],
    usual: dict[WayToLine, tuple[Any, ...]],
    tmp_path: Path,
    hidden: Hidden,
) -> None:
    async with running(changing_world, policy=policy(tmp_path, hidden)) as discreet:
        for way in WayToLine:
            answer, order = await way_taken(plain, discreet, way, product)

            if (way, *hidden) in NAMED:
                assert answer.codes == ["FORBIDDEN"]
                assert answer.body["data"][way.value] is None
                continue
            assert answer.data[way.value]["errors"] == [], way
            assert order == usual[way], way
            assert bool(order) == (way not in (WayToLine.PREVIEW, WayToLine.REQUEST)), way


def codes_with_figures() -> Iterator[tuple[str, str, type[UserError]]]:
    for error in ALL:
        for cls, name in error.SHOWN_BY:
            if error.CODE != "STATUS_FORBIDS":
                yield f"{cls.__name__}.{to_camel_case(name)}", error.CODE, error


@pytest.mark.parametrize(("hidden", "code", "error"), [*codes_with_figures()])
async def test_a_refusal_tells_no_figure_that_the_role_does_not_show(
    changing_world: Starlette,
    plain: Stack,
    product: dict[str, Any],
    tmp_path: Path,
    hidden: str,
    code: str,
    error: type[UserError],
) -> None:
    lines = [{"product": product["id"], "quantity": "2"}]
    base = Base(plain, product, await placed(plain, lines=lines))
    line = {"product": product["id"], "number": None, "quantity": "9"}
    ((check, case),) = [
        (check, case) for check, cases in CASES.items() for case in cases if case.code == code
    ]
    async with running(changing_world, policy=policy(tmp_path, (hidden,))) as base.stack:
        for way, do_ in WAYS.items():
            if (way, check) in IMPOSSIBLE:
                continue
            with case.world(base):
                named = {"number": product["number"]} if way is WayToLine.IMPORT else {}
                payload = await do_(base, line | named | case.line, case)

            (told,) = payload["errors"]
            assert told["code"] == code, way
            assert told["message"] == error.WITHOUT
            assert told.get(error.FIGURE) is None
            assert not any(letter.isdecimal() for letter in told["message"])


async def on_every_way(base: Base, case: Case, line: dict[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    with case.world(base):
        for way, do_ in WAYS.items():
            found[way.value] = (await do_(base, line, case))["errors"]
    return found


async def test_a_hold_that_the_role_does_not_show_refuses_orders_and_is_not_named(
    changing_world: Starlette, plain: Stack, product: dict[str, Any], tmp_path: Path
) -> None:
    lines = [{"product": product["id"], "quantity": "2"}]
    base = Base(plain, product, await placed(plain, lines=lines))
    case = Case("", world=lambda base: base.account_is(msdyn_onholdstatus=806380002))
    hidden = policy(tmp_path, ("Account.holdStatus",))
    async with running(changing_world, policy=hidden) as base.stack:
        found = await on_every_way(base, case, {"number": product["number"], "quantity": "9"})

    assert found.pop(WayToLine.REQUEST.value) == []
    assert {(each["code"], "hold" in each["message"]) for [each] in found.values()} == {
        ("ORDERS_NOT_TAKEN", False)
    }


async def test_units_that_the_role_does_not_show_are_not_listed(
    changing_world: Starlette, plain: Stack, product: dict[str, Any], tmp_path: Path
) -> None:
    line = {"product": product["id"], "quantity": "2"}
    order = await placed(plain, lines=[line])
    hidden = policy(tmp_path, ("Unit.symbol",))
    async with running(changing_world, policy=hidden) as discreet:
        base = Base(discreet, product, order)
        with base.line_is(_uomid_value=None):
            change = {"line": base.line, "quantity": "5"}
            payload = await do(discreet, "updateSalesOrderLine", **base.at, **change)
        named = await discreet.ask(
            "mutation ($i: PreviewSalesOrderInput!) { previewSalesOrder(input: $i) { complete } }",
            i={"lines": [line | {"unit": "ea"}]},
        )

    assert [(each["code"], each["units"]) for each in payload["errors"]] == [("UNKNOWN_UNIT", [])]
    assert named.codes == ["FORBIDDEN"]


async def test_a_status_that_the_role_does_not_show_forbids_without_being_named(
    changing_world: Starlette, plain: Stack, tmp_path: Path
) -> None:
    order = await placed(plain)
    at = {"order": order["id"], "version": order["version"]}
    picked = {"msdyn_processingstatus": 192350002}
    hidden = policy(tmp_path, ("SalesOrder.status",))
    async with running(changing_world, policy=hidden) as discreet:
        with changed(plain, "salesorder", '"salesorderid" = ?', key(order["id"]), values=picked):
            at["version"] = (
                await plain.ask("query ($id: ID!) { order(id: $id) { version } }", id=order["id"])
            ).data["order"]["version"]
            answer = await discreet.ask(
                UPDATE,
                i={**at, "customerReference": "PO-2"},
            )

    (error,) = answer.data["updateSalesOrder"]["errors"]
    assert (error["code"], error["status"]) == ("STATUS_FORBIDS", None)
    assert "picked" not in error["message"]


async def test_nobody_finds_a_hidden_value_by_writing_guesses(
    changing_world: Starlette, plain: Stack, tmp_path: Path
) -> None:
    """A change that stands already is said to be done: a right guess would be told from a wrong."""
    order = await placed(plain, customerReference="PO-SECRET")
    hidden = policy(tmp_path, ("SalesOrder.customerReference",))
    async with running(changing_world, policy=hidden) as discreet:
        answers = [
            await discreet.ask(
                UPDATE,
                i={"order": order["id"], "version": "1", "customerReference": guess},
            )
            for guess in ("PO-SECRET", "PO-WRONG")
        ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"]] * 2


async def test_prices_that_the_role_does_not_show_are_in_no_preview(
    changing_world: Starlette, product: dict[str, Any], tmp_path: Path
) -> None:
    query = """mutation ($i: PreviewSalesOrderInput!) { previewSalesOrder(input: $i) {
      lines { quantity unitPrice { amount } amount { amount } } total { amount } errors { code }
    } }"""
    hidden = policy(tmp_path, ("PriceListItem.price",))
    async with running(changing_world, policy=hidden) as discreet:
        lines = [{"product": product["id"], "quantity": "3"}]
        answer = await discreet.ask(query, i={"lines": lines})

    said = answer.body["data"]["previewSalesOrder"]
    assert said["lines"] == [{"quantity": "3", "unitPrice": None, "amount": None}]
    assert said["total"] is None
    assert answer.codes == ["FORBIDDEN"] * 3


async def test_candidates_show_no_more_than_products_do(
    changing_world: Starlette, plain: Stack, tmp_path: Path
) -> None:
    query = "{ products(first: 100) { nodes { number itemNumber } } }"
    found = (await plain.ask(query)).data["products"]["nodes"]
    items = [each["itemNumber"] for each in found]
    item = next(each for each in items if items.count(each) > 1)
    hidden = policy(tmp_path, ("Product.name", "Product.number"))
    async with running(changing_world, policy=hidden) as discreet:
        answer = await discreet.ask(
            """mutation ($i: PreviewSalesOrderInput!) { previewSalesOrder(input: $i) {
              errors { code ... on ProductAmbiguous { candidates { id itemNumber name number } } }
            } }""",
            i={"lines": [{"itemNumber": item, "quantity": "1"}]},
        )

    (error,) = answer.body["data"]["previewSalesOrder"]["errors"]
    assert error["code"] == "PRODUCT_AMBIGUOUS"
    assert {each["itemNumber"] for each in error["candidates"]} == {item}
    assert {(each["name"], each["number"]) for each in error["candidates"]} == {(None, None)}
    assert set(answer.codes) == {"FORBIDDEN"}


async def test_lines_that_are_left_out_show_no_more_than_lines_do(
    changing_world: Starlette, plain: Stack, product: dict[str, Any], tmp_path: Path
) -> None:
    line = {"product": product["id"], "quantity": "2", "note": "secret"}
    order = await placed(plain, lines=[line])
    base = Base(plain, product, order)
    hidden = policy(tmp_path, ("SalesOrderLine.note", "SalesOrderLine.order"))
    async with running(changing_world, policy=hidden) as discreet:
        with base.product_is(statecode=1):
            answer = await discreet.ask(
                """mutation ($i: ReorderInput!) { reorder(input: $i) {
                  unavailable { quantity note } leftOut { line { quantity note } }
                } }""",
                i={"order": order["id"], "idempotencyKey": str(uuid4())},
            )

    said = answer.body["data"]["reorder"]
    assert said["unavailable"] == [{"quantity": "2.0", "note": None}]
    assert said["leftOut"] == [{"line": {"quantity": "2.0", "note": None}}]
    assert set(answer.codes) == {"FORBIDDEN"}


async def test_an_operation_shows_no_more_of_its_order_than_orders_do(
    changing_world: Starlette, plain: Stack, tmp_path: Path
) -> None:
    order = await placed(plain, customerReference="secret")
    at = {"order": order["id"], "version": order["version"]}
    hidden = policy(tmp_path, ("SalesOrder.customerReference", "SalesOrder.status"))
    faults = changing_world.state.faults
    async with running(changing_world, policy=hidden) as discreet:
        faults.add(Cut(), method="PATCH", set="salesorders")
        pending = await discreet.ask(
            "mutation ($i: UpdateSalesOrderInput!) { updateSalesOrder(input: $i) { operation } }",
            i={**at, "requisitionNumber": "R-7"},
        )
        faults.clear()
        answer = await discreet.ask(
            "query ($id: ID!) { operation(id: $id) { status order { customerReference } } }",
            id=pending.data["updateSalesOrder"]["operation"],
        )

    said = answer.body["data"]["operation"]
    assert said["status"] in ("PENDING", "CHANGED")
    assert said["order"] == {"customerReference": None}
    assert answer.codes == ["FORBIDDEN"]
