"""Previews, orders like an earlier one, lines from CSV, and why an order cannot be placed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from gateway.config.parsers import partners
from gateway.resolvers.orders.import_lines import parse
from tests.gateway.orders.ordering import ERRORS, codes, do, new_order, placed, preview, products
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

REORDER = f"""mutation ($input: ReorderInput!) {{
  reorder(input: $input) {{
    status replayed operation unavailable {{ id product {{ number }} }}
    order {{
      id customerReference
      lines {{ nodes {{ quantity product {{ id }} unitPrice {{ amount }} }} }}
    }}
    {ERRORS}
  }}
}}"""


@asynccontextmanager
async def customer(world: Starlette, number: str, **changes: Any) -> AsyncIterator[Stack]:
    """A gateway at which the partner orders for the customer with this number."""
    async with running(world, partners=partners(f"partner={number}@usmf"), **changes) as stack:
        yield stack


@asynccontextmanager
async def retired(stack: Stack, product: dict[str, Any]) -> AsyncIterator[None]:
    """A time in which a product is not sold."""
    store = stack.emulator.state.store
    table = store.catalog.named("product")
    row = store.find(table, "msdyn_productnumber = ?", [product["number"]])
    with store.transaction("load") as tx:
        gone = tx.update(table, row, {"statecode": 1})
    yield
    with store.transaction("load") as tx:
        tx.update(table, gone, {"statecode": 0})


async def reorder(stack: Stack, **sent: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await stack.ask(REORDER, input=sent)).data["reorder"]
    return payload


async def test_a_preview_tells_prices_and_stock_and_writes_nothing(writable: Stack) -> None:
    first, second = await products(writable)
    lines = [
        {"number": first["number"], "quantity": "3"},
        {"itemNumber": second["itemNumber"], "quantity": "2", "unit": second["unit"]},
    ]
    writable.emulator.state.log.clear()

    found = await preview(writable, lines=lines)

    assert found["errors"] == []
    prices = [float(each["price"]["unitPrice"]["amount"]) for each in (first, second)]
    assert [float(line["unitPrice"]["amount"]) for line in found["lines"]] == prices
    assert float(found["total"]["amount"]) == pytest.approx(3 * prices[0] + 2 * prices[1])
    assert (found["complete"], found["basis"]) == (True, "ESTIMATED")
    assert found["lines"][0]["availability"] is not None
    assert {entry.method for entry in writable.emulator.state.log.calls()} == {"GET"}


async def test_a_preview_makes_the_checks_of_an_order(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    lines = [
        {"product": product["id"], "quantity": "1", "unit": "furlong"},
        {"number": "nothing", "quantity": "1"},
    ]

    found = await preview(writable, lines=lines)

    assert [error["code"] for error in found["errors"]] == ["UNKNOWN_UNIT", "PRODUCT_NOT_FOUND"]
    assert (found["lines"], found["total"]) == ([], None)


async def test_an_account_on_hold_orders_nothing(changing_world: Starlette) -> None:
    async with customer(changing_world, "US-007") as stack:
        sent = await new_order(stack)
        payload = await do(stack, "createSalesOrder", as_="partner", **sent)

    assert codes(payload) == ["ACCOUNT_ON_HOLD"]


async def test_a_mandatory_credit_limit_is_not_passed(changing_world: Starlette) -> None:
    async with customer(changing_world, "US-008") as stack:
        (product,) = await products(stack, 1, as_="partner")
        found = await preview(
            stack, as_="partner", lines=[{"product": product["id"], "quantity": "9999"}]
        )

    (error,) = found["errors"]
    assert error["code"] == "CREDIT_LIMIT_EXCEEDED"
    assert float(error["limit"]["amount"]) == 1000


@asynccontextmanager
async def buying_account(stack: Stack, **columns: int) -> AsyncIterator[None]:
    """A time in which Jane's account has these columns."""
    store = stack.emulator.state.store
    table = store.catalog.named("account")
    row = store.find(table, "accountnumber = ?", ["US-001"])
    with store.transaction("load") as tx:
        changed = tx.update(table, row, columns)
    yield
    with store.transaction("load") as tx:
        tx.update(table, changed, {name: row[name] for name in columns})


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"msdyn_onholdstatus": 806380002}, "ACCOUNT_ON_HOLD"),
        ({"msdyn_creditlimitismandatory": 1, "creditlimit": 0}, "CREDIT_LIMIT_EXCEEDED"),
    ],
)
async def test_an_order_does_not_grow_past_what_a_new_one_could_be(
    writable: Stack, columns: dict[str, int], code: str
) -> None:
    order = await placed(writable)
    at = {"order": order["id"], "version": order["version"]}
    line = order["lines"]["nodes"][0]
    lines = [{"product": line["product"]["id"], "quantity": "1"}]

    async with buying_account(writable, **columns):
        more = await do(writable, "addSalesOrderLines", **at, idempotencyKey="k", lines=lines)
        larger = await do(writable, "updateSalesOrderLine", **at, line=line["id"], quantity="9")
        smaller = await do(writable, "updateSalesOrderLine", **at, line=line["id"], quantity="1")

    assert codes(more) == codes(larger) == [code]
    assert smaller["errors"] == []


@pytest.mark.parametrize(
    ("unpriced", "sent"), [("omit", None), ("zero", 0), ("refuse", "PRICE_UNKNOWN")]
)
async def test_what_is_sent_without_a_price_is_a_setting(
    changing_world: Starlette, unpriced: str, sent: Any
) -> None:
    async with running(changing_world, unpriced=unpriced) as stack:
        (product,) = await products(stack, 1)
        store = changing_world.state.store
        unit = store.find(store.catalog.named("uom"), "msdyn_symbol <> ?", [product["unit"]])
        symbol = unit["msdyn_symbol"]
        line = {"product": product["id"], "quantity": "1", "unit": symbol}
        payload = await do(stack, "createSalesOrder", **await new_order(stack, lines=[line]))

    if isinstance(sent, str):
        assert codes(payload) == [sent]
    else:
        (written,) = payload["order"]["lines"]["nodes"]
        assert written["unit"] == symbol
        price = written["unitPrice"]
        assert (price and float(price["amount"])) == sent


async def test_an_order_is_placed_again(writable: Stack) -> None:
    old = await placed(writable)
    again = {"idempotencyKey": str(uuid4()), "order": old["id"], "customerReference": "again"}

    first = await reorder(writable, **again)
    second = await reorder(writable, **again)

    assert (first["status"], first["errors"], first["unavailable"]) == ("CREATED", [], [])
    assert first["order"]["id"] != old["id"]
    assert [(line["product"]["id"], line["quantity"]) for line in lines(first)] == [
        (line["product"]["id"], line["quantity"]) for line in old["lines"]["nodes"]
    ]
    assert second == first | {"replayed": True}


async def test_what_can_no_longer_be_bought_is_reported(writable: Stack) -> None:
    old = await placed(writable)
    gone, kept = (line["product"] for line in old["lines"]["nodes"])
    again = {"idempotencyKey": str(uuid4()), "order": old["id"]}

    async with retired(writable, gone):
        refused = await reorder(writable, **again)
        partly = await reorder(writable, **again, skipUnavailable=True)

    assert codes(refused) == ["PRODUCT_NOT_SELLABLE"]
    assert refused["errors"][0]["path"] == ["input", "order", "lines", "0"]
    for payload in (refused, partly):
        assert [line["product"]["number"] for line in payload["unavailable"]] == [gone["number"]]
    assert [line["product"]["id"] for line in lines(partly)] == [kept["id"]]


async def test_lines_come_from_a_spreadsheet_once(writable: Stack) -> None:
    order = await placed(writable)
    first, second = await products(writable)
    text = (
        "number;itemNumber;quantity;unit;requestedShippingDate;note\n"
        f'{first["number"]};;3;{first["unit"]};2026-12-31;"a; b"\n'
        f";{second['itemNumber']};4;;;\n"
    )
    sent = {"order": order["id"], "version": order["version"], "idempotencyKey": "i", "csv": text}

    payload = await do(writable, "importSalesOrderLines", **sent)
    again = await do(writable, "importSalesOrderLines", **sent)

    assert payload["errors"] == []
    added = payload["order"]["lines"]["nodes"][2:]
    assert [(float(line["quantity"]), line["note"]) for line in added] == [(3, "a; b"), (4, None)]
    assert again == payload | {"replayed": True}


async def test_each_wrong_row_is_named_and_none_is_written(writable: Stack) -> None:
    order = await placed(writable)
    (product,) = await products(writable, 1)
    text = f"number,quantity\n{product['number']},1\nnothing,1\n,2\n{product['number']},0"
    sent = {"order": order["id"], "version": order["version"], "idempotencyKey": "i"}

    unreadable = await do(writable, "importSalesOrderLines", **sent, csv=text)
    unknown = await do(
        writable, "importSalesOrderLines", **sent, csv="\n".join(text.splitlines()[:3])
    )
    still = await do(writable, "updateSalesOrder", order=order["id"], version=order["version"],
                     requisitionNumber="R")  # fmt: skip

    assert [error["path"][:3] for error in unreadable["errors"]] == [
        ["input", "csv", "3"],
        ["input", "csv", "4"],
    ]
    assert [error["path"] for error in unknown["errors"]] == [["input", "csv", "2"]]
    assert len(still["order"]["lines"]["nodes"]) == 2


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ["input", "csv"]),
        ("number\nA", ["input", "csv", "0"]),
        ("number,quantity,colour\nA,1,red", ["input", "csv", "0"]),
        ("number,quantity", ["input", "csv"]),
        ("number,quantity\nA,many", ["input", "csv", "1", "quantity"]),
        ("number,quantity\nA,1,2", ["input", "csv", "1"]),
        (
            "number,quantity,requestedShippingDate\nA,1,31.12.2026",
            ["input", "csv", "1", "requestedShippingDate"],
        ),
        ('number,quantity\n"A,1', ["input", "csv", "1"]),
        ("number,quantity\n\nA," + "x" * 200_000, ["input", "csv", "2"]),
        ("number,quantity\nA,1,250", ["input", "csv", "1"]),
        ("number;quantity\nA;1.250", ["input", "csv", "1", "quantity"]),
        ("number,quantity\n\ufffdA,1", ["input", "csv", "1"]),
        ("number,quantity\nA\0,1", ["input", "csv", "1"]),
        ("number,quantity,quantity\nA,1,2", ["input", "csv", "0"]),
        ("number,quantity\n\n,\nB,many", ["input", "csv", "3", "quantity"]),
        ("number,quantity\nA,=1+1", ["input", "csv", "1", "quantity"]),
        ("number,quantity\nA,1_000", ["input", "csv", "1", "quantity"]),
        ("number,quantity\nA,\uff11", ["input", "csv", "1", "quantity"]),
        ("number,quantity\n" + "A,1\n" * 501, ["input", "csv"]),
    ],
)
def test_what_is_no_list_of_lines_is_said_where(text: str, path: list[str]) -> None:
    lines_, errors = parse(text)

    assert [error.path for error in errors] == [path]
    assert lines_ == {}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffnumber,quantity\r\nA,2\r\nB,3\r\n",
        '\ufeff"number","quantity"\r\n"A","2"\r\n"B","3"\r\n',
        "quantity;number\n2;A\n;\n\n3;B\n;;\n",
        "number\tquantity\nA\t2\nB\t3",
        "Number,QUANTITY\nA,2\nB,3",
        "sep=;\nnumber;quantity;;\nA;2;;\nB;3,0;;\n",
        "\n;;\nOrder of May;;\nAantal;Artikelnummer;\n2;A;\n3;B;\n",
        "A;2\nB;3",
        " number , quantity \n A , 2 \n B , 3.0 ",
    ],
)
def test_lists_as_spreadsheets_write_them_are_read(text: str) -> None:
    found, errors = parse(text)

    assert errors == []
    assert [f"{line.number} {line.quantity:.0f}" for line in found.values()] == ["A 2", "B 3"]


async def test_the_same_lines_in_another_spelling_are_added_once(writable: Stack) -> None:
    order = await placed(writable)
    first, second = await products(writable)
    number, other = first["number"], second["number"]
    sent = {"order": order["id"], "version": order["version"], "idempotencyKey": "i"}
    said = f"number,quantity,note\n{number},3.0,blue\n{other},1200,\n"
    again = f"\ufeffsep=;\r\nOpmerking;Artikelnr.;Aantal;\r\n\r\nblue;{number};3;\r\n"

    payload = await do(writable, "importSalesOrderLines", **sent, csv=said)
    replay = await do(
        writable, "importSalesOrderLines", **sent, csv=f"{again};{other};1.200,00;\r\n;;;\r\n"
    )

    assert payload["errors"] == []
    assert replay == payload | {"replayed": True}


def test_a_cell_keeps_what_is_quoted_in_it() -> None:
    found, errors = parse('number,quantity,note\nA,1,"say ""hi"",\nplease; =1+1"\n')

    assert errors == []
    assert found[1].note == 'say "hi",\nplease; =1+1'


def lines(payload: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = payload["order"]["lines"]["nodes"]
    return found


async def test_keys_are_folded_as_dynamics_folds_them(writable: Stack) -> None:
    """Without regard to case and to blanks behind; nothing else is one and the same."""
    first, second = await products(writable)
    order = await placed(writable)
    sent = {
        "order": order["id"],
        "version": order["version"],
        "idempotencyKey": "folded",
        "lines": [
            {
                "number": f"{first['number'].lower()} ",
                "quantity": "1",
                "unit": first["unit"].upper() + "  ",
            },
            {"itemNumber": f"{second['itemNumber']} ", "quantity": "1"},
        ],
    }

    added = await do(writable, "addSalesOrderLines", **sent)
    again = await do(writable, "addSalesOrderLines", **sent)
    wrong = [" " + first["number"], first["number"] + "\t", first["number"] + "\u0301", "", " "]
    found = await preview(writable, lines=[{"number": each, "quantity": "1"} for each in wrong])

    assert (added["errors"], again["errors"]) == ([], [])
    assert (added["replayed"], again["replayed"]) == (False, True)
    assert again["order"]["version"] == added["order"]["version"]
    assert {error["code"] for error in found["errors"]} == {"PRODUCT_NOT_FOUND"}
    assert len(found["errors"]) == len(wrong)
