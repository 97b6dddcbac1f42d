"""A text is as long as this environment keeps it, or is refused at its place before it is sent."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from strawberry.utils.str_converters import to_camel_case

from gateway.resolvers.orders.input_rules import OF_ADDRESS, OF_QUOTES, TEXTS
from gateway.resolvers.orders.inputs import LENGTHS, AddressInput
from gateway.resolvers.orders.line_checks import WayToLine
from tests.gateway.orders.ordering import do, placed, preview, products
from tests.gateway.orders.worlds import changed, key
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio
SHORT = 7
OF_ORDER = [column for table, column in TEXTS.values() if table == "salesorder"]
COLUMNS = f"""
[salesorder.columns]
"string {SHORT}" = "{" ".join(OF_ORDER)}"

[salesorderdetail.columns]
"string {SHORT}" = "msdyn_linedescription"
"""
ASKED = OF_QUOTES | {"message": TEXTS["message"]}
HEADER = ("customer_reference", "requisition_number")
REQUEST = """mutation ($input: RequestQuoteInput!) {
  requestQuote(input: $input) { errors { code message path } } }"""
FITTING = {"street": "Main", "city": "Delft", "country": "NL"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def short_columns(tmp_path_factory: pytest.TempPathFactory) -> Starlette:
    path = tmp_path_factory.mktemp("world") / "short.toml"
    path.write_text(COLUMNS)
    return emulator(metadata=(path,))


@pytest.fixture(scope="module")
async def short_quotes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """An environment whose orders keep long texts, and whose quotes do not."""
    path = tmp_path_factory.mktemp("world") / "quotes.toml"
    columns: dict[str, list[str]] = {}
    for table, column in ASKED.values():
        columns.setdefault(table, []).append(column)
    path.write_text(
        "".join(
            f'[{table}.columns]\n"string {SHORT}" = "{" ".join(names)}"\n'
            for table, names in columns.items()
        )
    )
    async with running(emulator(metadata=(path,))) as stack:
        yield stack


@pytest.fixture(scope="module")
async def short(short_columns: Starlette) -> AsyncIterator[Stack]:
    async with running(short_columns) as stack:
        yield stack


async def base(stack: Stack) -> dict[str, Any]:
    """An order that fits, sent to an address that does."""
    (product,) = await products(stack, 1)
    order = await placed(
        stack,
        lines=[{"product": product["id"], "quantity": "2"}],
        shipTo=FITTING,
    )
    return order | {"product": product}


def new_line(order: dict[str, Any], note: str) -> dict[str, Any]:
    return {"product": order["product"]["id"], "quantity": "1", "note": note}


async def _create(stack: Stack, order: dict[str, Any], note: str) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "lines": [new_line(order, note)],
        "shipTo": FITTING,
        "idempotencyKey": str(uuid4()),
    }
    return await do(stack, "createSalesOrder", **sent)


async def _preview(stack: Stack, order: dict[str, Any], note: str) -> dict[str, Any]:
    return await preview(stack, lines=[new_line(order, note)], shipTo=FITTING)


async def _add(stack: Stack, order: dict[str, Any], note: str) -> dict[str, Any]:
    sent: dict[str, Any] = {"lines": [new_line(order, note)], "idempotencyKey": str(uuid4())}
    at = {"order": order["id"], "version": order["version"]}
    return await do(stack, "addSalesOrderLines", **at, **sent)


async def _import(stack: Stack, order: dict[str, Any], note: str) -> dict[str, Any]:
    csv = f"number,quantity,note\n{order['product']['number']},1,{note}"
    at = {"order": order["id"], "version": order["version"]}
    return await do(stack, "importSalesOrderLines", **at, idempotencyKey=str(uuid4()), csv=csv)


async def _change(stack: Stack, order: dict[str, Any], note: str) -> dict[str, Any]:
    at = {"order": order["id"], "version": order["version"]}
    line = order["lines"]["nodes"][0]["id"]
    return await do(stack, "updateSalesOrderLine", **at, line=line, note=note)


async def _reorder(stack: Stack, order: dict[str, Any], note: str) -> dict[str, Any]:
    line = key(order["lines"]["nodes"][0]["id"])
    values = {"msdyn_linedescription": note}
    with changed(stack, "salesorderdetail", '"salesorderdetailid" = ?', line, values=values):
        return await do(stack, "reorder", order=order["id"], idempotencyKey=str(uuid4()))


async def _request(stack: Stack, order: dict[str, Any], note: str) -> dict[str, Any]:
    line = new_line(order, note)
    return await asked(stack, lines=[line], shipTo=FITTING, idempotencyKey=str(uuid4()))


async def asked(stack: Stack, **sent: Any) -> dict[str, Any]:
    """The payload of asking for a quote."""
    payload: dict[str, Any] = (await stack.ask(REQUEST, input=sent)).data["requestQuote"]
    return payload


WAYS: dict[WayToLine, Callable[[Stack, dict[str, Any], str], Awaitable[dict[str, Any]]]] = {
    WayToLine.CREATE: _create,
    WayToLine.PREVIEW: _preview,
    WayToLine.ADD: _add,
    WayToLine.IMPORT: _import,
    WayToLine.CHANGE: _change,
    WayToLine.REORDER: _reorder,
    WayToLine.REQUEST: _request,
}


def test_every_way_to_a_line_and_every_text_is_tried() -> None:
    assert WAYS.keys() == {*WayToLine}
    assert TEXTS.keys() == LENGTHS.keys() == {*HEADER, "note", "message", *OF_ADDRESS}
    assert {*OF_ADDRESS} == {*AddressInput.__annotations__}


@pytest.mark.parametrize("way", WayToLine)
async def test_no_way_to_a_line_takes_a_note_that_this_environment_cannot_keep(
    short: Stack, way: WayToLine
) -> None:
    order = await base(short)

    payload = await WAYS[way](short, order, "x" * (SHORT + 1))

    (error,) = payload["errors"]
    assert error["code"] == "INVALID_INPUT"
    assert error["message"] == f"note may have at most {SHORT} characters."


@pytest.mark.parametrize("name", ["createSalesOrder", "previewSalesOrder", "updateSalesOrder"])
@pytest.mark.parametrize("text", [*HEADER, *OF_ADDRESS])
async def test_a_text_that_is_too_long_here_is_refused_at_its_place(
    short: Stack, name: str, text: str
) -> None:
    order = await base(short)
    long, member = "\N{GRINNING FACE}" * (SHORT // 2 + 1), to_camel_case(text)
    sent = {member: long} if text in HEADER else {"shipTo": FITTING | {member: long}}

    if name == "updateSalesOrder":
        payload = await do(short, name, order=order["id"], version=order["version"], **sent)
    else:
        lines = [{"product": order["product"]["id"], "quantity": "1"}]
        whole: dict[str, Any] = {"lines": lines, "shipTo": FITTING, **sent}
        payload = (
            await preview(short, **whole)
            if name == "previewSalesOrder"
            else await do(short, name, idempotencyKey=str(uuid4()), **whole)
        )

    (error,) = payload["errors"]
    assert error["code"] == "INVALID_INPUT"
    assert error["path"] == ["input", *(["shipTo"] if text in OF_ADDRESS else []), member]


@pytest.mark.parametrize("text", ASKED)
async def test_a_text_that_a_quote_alone_cannot_keep_is_refused_where_one_is_asked_for(
    short_quotes: Stack, text: str
) -> None:
    order = await base(short_quotes)
    member = to_camel_case(text)
    long = {member: "x" * (SHORT + 1)}
    line = {"product": order["product"]["id"], "quantity": "1"} | (long if text == "note" else {})
    sent: dict[str, Any] = {
        "lines": [line],
        "shipTo": FITTING | (long if text in OF_ADDRESS else {}),
    }
    sent |= long if text in HEADER else {}
    message = long if text == "message" else {}

    (error,) = (await asked(short_quotes, idempotencyKey=str(uuid4()), **sent, **message))["errors"]
    ordered = await preview(short_quotes, **sent)

    assert error["code"] == "INVALID_INPUT"
    assert error["message"] == f"{member} may have at most {SHORT} characters."
    assert ordered["errors"] == []


async def test_an_address_of_the_account_that_an_order_cannot_keep_is_a_typed_error(
    short: Stack,
) -> None:
    (product,) = await products(short, 1)
    sent: dict[str, Any] = {"lines": [{"product": product["id"], "quantity": "1"}]}

    payload = await do(short, "createSalesOrder", idempotencyKey=str(uuid4()), **sent)

    (error,) = payload["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input"])
    assert f"at most {SHORT} characters" in error["message"]


async def test_a_column_that_was_made_longer_keeps_no_more_than_the_erp(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("world") / "long.toml"
    path.write_text('[salesorder.columns]\n"string 400" = "msdyn_customersorderreference"\n')

    async with running(emulator(metadata=(path,))) as stack:
        (product,) = await products(stack, 1)
        lines = [{"product": product["id"], "quantity": "1"}]
        found = await preview(stack, lines=lines, customerReference="x" * 61)

    assert [error["path"] for error in found["errors"]] == [["input", "customerReference"]]
