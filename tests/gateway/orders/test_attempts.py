"""
Over a hundred attempts to get an order made wrong, by spelling, by place and by time: each is
ordered as it was meant, or refused with its path.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from tests.gateway.orders.ordering import PREVIEW, do, mutation, placed, preview, products
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)
YESTERDAY, TOMORROW = ((NOW + timedelta(days=days)).date().isoformat() for days in (-2, 2))
UNREADABLE = "BAD_REQUEST"
"""GraphQL itself refuses the value, with the path to it in the message."""


@dataclass
class Shop:
    stack: Stack
    product: dict[str, Any]

    @property
    def number(self) -> str:
        return str(self.product["number"])


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shop(changing_world: Starlette) -> AsyncIterator[Shop]:
    """Somebody who buys pieces of a product that is sold whole alone."""
    async with running(changing_world) as stack:
        found = await products(stack, 50)
        whole = [each for each in found if each["unit"] == "ea" and each["decimals"] == 0]
        yield Shop(stack, whole[0])


async def asked(shop: Shop, **line: Any) -> str | dict[str, Any]:
    """The only line of a preview, or the code of what is wrong with it."""
    sent = {"lines": [{"number": shop.number, "quantity": "1", **line}]}
    answer = await shop.stack.ask(PREVIEW, input=sent)
    if answer.codes:
        return str(answer.codes[0])
    payload = answer.body["data"]["previewSalesOrder"]
    (found,) = payload["errors"] or payload["lines"]
    return str(found["code"]) if payload["errors"] else found


QUANTITIES = {
    "1e3": 1000,
    "1E+3": 1000,
    " 5 ": 5,
    "+5": 5,
    "5.": 5,
    "1.000": 1,
    "0005": 5,
    7: 7,
    2.0: 2,
    "1e-3": "QUANTITY_NOT_ALLOWED",
    ".5": "QUANTITY_NOT_ALLOWED",
    1.5: "QUANTITY_NOT_ALLOWED",
    "0.333": "QUANTITY_NOT_ALLOWED",
    "NaN": "INVALID_INPUT",
    "sNaN": "INVALID_INPUT",
    "Infinity": "INVALID_INPUT",
    "-0": "INVALID_INPUT",
    "0.0": "INVALID_INPUT",
    "-1": "INVALID_INPUT",
    "1e400": "INVALID_INPUT",
    "1e-400": "INVALID_INPUT",
    10**30: "INVALID_INPUT",
    "99999999999": "INVALID_INPUT",
    "\u0661\u0662": UNREADABLE,
    "\uff11": UNREADABLE,
    "1_0": UNREADABLE,
    "1,5": UNREADABLE,
    "1 000": UNREADABLE,
    "0x10": UNREADABLE,
    "--5": UNREADABLE,
    "": UNREADABLE,
    None: UNREADABLE,
    True: UNREADABLE,
}


@pytest.mark.parametrize("quantity", QUANTITIES, ids=repr)
async def test_a_quantity_is_what_it_says_or_none(shop: Shop, quantity: Any) -> None:
    found = await asked(shop, quantity=quantity)

    wanted = QUANTITIES[quantity]
    assert found == wanted if isinstance(found, str) else Decimal(found["quantity"]) == wanted


UNITS = {"EA": True, "Ea": True, "ea ": True} | dict.fromkeys(
    (" ea", "", "  ", "ea\u200b", "\uff45\uff41", "pcs", "each", "furlong", "*", "e"), False
)


@pytest.mark.parametrize("unit", UNITS, ids=repr)
async def test_a_unit_is_one_of_the_product_or_none(shop: Shop, unit: str) -> None:
    found = await asked(shop, unit=unit)

    assert found != "UNKNOWN_UNIT" if UNITS[unit] else found == "UNKNOWN_UNIT"


NUMBERS = {
    "{}  ": True,
    " {}": False,
    "{}\n": False,
    "{}\x00": False,
    "{}*": False,
    "{}%": False,
    "": False,
    "   ": False,
    "*": False,
    "{}' or 1 eq 1 or '": False,
}


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
@pytest.mark.parametrize("name", ["number", "itemNumber"])
async def test_a_number_names_its_product_and_no_other(shop: Shop, name: str, number: str) -> None:
    line = {"number": None, name: number.format(shop.product[name])}

    found = await asked(shop, **line)

    if isinstance(found, str):
        assert not NUMBERS[number]
        assert found in {"PRODUCT_NOT_FOUND", "PRODUCT_AMBIGUOUS"}
    else:
        assert NUMBERS[number]
        assert found["product"]["number"] == shop.number


@pytest.mark.parametrize("line", [
    {"number": None},
    {"number": None, "itemNumber": None, "product": None},
    {"itemNumber": "x"},
    {"product": "x"},
    {"number": None, "product": "x"},
    {"number": None, "product": ""},
    {"note": "x" * 256},
    {"note": "\N{GRINNING FACE}" * 128},
    {"note": "bell \x07"},
    {"note": "\uffff"},
    {"requestedShippingDate": YESTERDAY},
    {"requestedShippingDate": "0001-01-01"},
    {"requestedShippingDate": "1900-02-28"},
    {"requestedShippingDate": "2155-01-01"},
    {"requestedShippingDate": "9999-12-31"},
], ids=repr)  # fmt: skip
async def test_a_line_that_cannot_be_is_refused(shop: Shop, line: dict[str, Any]) -> None:
    assert await asked(shop, **line) == "INVALID_INPUT"


@pytest.mark.parametrize(
    "day", ["2027-02-29", "2026-13-01", "31-12-2027", "12/31/2027", f"{TOMORROW}T00:00:00Z", "", 1]
)
async def test_a_day_that_is_none_is_refused(shop: Shop, day: Any) -> None:
    assert await asked(shop, requestedShippingDate=day) == UNREADABLE


TEXTS = {
    "  ": None,
    "": None,
    "\u00a0": None,
    "a  ": "a  ",
    "  a": "  a",
    "a\r\nb\tc": "a\r\nb\tc",
    "=1+1": "=1+1",
    "<b>&amp;": "<b>&amp;",
    "e\u0301": "e\u0301",
    "\u202eabc": "\u202eabc",
    "\N{GRINNING FACE}": "\N{GRINNING FACE}",
    "null": "null",
    "'; drop": "'; drop",
}


@pytest.mark.parametrize("text", TEXTS, ids=repr)
async def test_a_text_stands_letter_by_letter(shop: Shop, text: str) -> None:
    lines = [{"number": shop.number, "quantity": "1", "note": text}]

    order = await placed(shop.stack, lines=lines, customerReference=text)

    assert order["customerReference"] == TEXTS[text]
    assert order["lines"]["nodes"][0]["note"] == TEXTS[text]


LISTS = {
    "number;quantity\n{};1.000,00": 1000,
    "number,quantity\n{},1.0": 1,
    "number,quantity\n{},1 000": 1000,
    "number,quantity\n{},\"1'000\"": 1000,
    "Artikelnummer;AANTAL;Eenheid\n{};3;ea": 3,
    "\n\nOrder list\n\nQTY;;SKU\n\n4;;{}\n;;\n": 4,
    "sep=;\nnumber;quantity\n{};5": 5,
    'sep=|\nnumber|quantity|note\n{}|6|"a|b\nc"': 6,
    'number,quantity\n="{}",2': 2,
    "\ufeffnumber\tquantity\r\n{}\t7\r\n": 7,
    "{};8": 8,
    "number,quantity\n{},1.000": "quantity",
    "number;quantity\n{};1,000": "quantity",
    "number,quantity\n{},50%": "quantity",
    "number,quantity\n{},€5": "quantity",
    "number,quantity\n{},$5": "quantity",
    "number,quantity\n{},1e3": "quantity",
    "number,quantity\n{},\u0661\u0662": "quantity",
    "number,quantity\n{},-5": "quantity",
    "number,quantity\n{},=2+3": "quantity",
    "number,quantity\n{},1/2": "quantity",
    "number,quantity\n{},5.": "quantity",
    "number,quantity\n{},TRUE": "quantity",
    "number,quantity\n{},#REF!": "quantity",
    "number,quantity\n{},0": "quantity",
    "number,quantity,ship date\n{},1,46000": "requestedShippingDate",
    "number,quantity,ship date\n{},1,31/12/2027": "requestedShippingDate",
    "number,quantity,ship date\n{},1,2027-02-29": "requestedShippingDate",
    "number,quantity\nnumber,quantity\n{},2": "quantity",
    "number,quantity,qty\n{},1,2": "0",
    "number,quantity\n{},2\nTotal,2": "2",
    "number,quantity\n{},1\x00": "1",
    "number,quantity\n{},1,stray": "1",
    'number,quantity\n{},"1': "1",
    "number,quantity,colour\n{},1,red": "0",
    "number,quantity": "csv",
    "": "csv",
    "quantity\n1": "0",
}  # fmt: skip


@pytest.mark.parametrize("csv", LISTS, ids=repr)
async def test_a_list_is_read_right_or_refused_where_it_is_wrong(shop: Shop, csv: str) -> None:
    order = await placed(shop.stack, lines=[{"number": shop.number, "quantity": "2"}])
    at = {"order": order["id"], "version": order["version"], "idempotencyKey": str(uuid4())}

    sent = csv.replace("{}", shop.number)
    payload = await do(shop.stack, "importSalesOrderLines", **at, csv=sent)

    if payload["errors"]:
        assert payload["errors"][0]["path"][-1] == LISTS[csv], payload["errors"]
    else:
        assert Decimal(payload["order"]["lines"]["nodes"][1]["quantity"]) == LISTS[csv]


CHANGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing": ("updateSalesOrder", {}, "INVALID_INPUT"),
    "no address": ("updateSalesOrder", {"shipTo": None}, "INVALID_INPUT"),
    "no id": ("updateSalesOrder", {"shipToAddress": None}, "INVALID_INPUT"),
    "junk id": ("updateSalesOrder", {"shipToAddress": "junk"}, "INVALID_INPUT"),
    "a past day": ("updateSalesOrder", {"requestedReceiptDate": YESTERDAY}, "INVALID_INPUT"),
    "a blank street": (
        "updateSalesOrder", {"shipTo": {"street": " ", "city": "x"}}, "INVALID_INPUT"
    ),
    "a word for a version": ("updateSalesOrder", {"version": "abc"}, "VERSION_CONFLICT"),
    "no version": ("updateSalesOrder", {"version": ""}, "VERSION_CONFLICT"),
    "digits elsewhere": ("updateSalesOrder", {"version": "\u0663"}, "VERSION_CONFLICT"),
    "no quantity": ("updateSalesOrderLine", {"quantity": None}, "INVALID_INPUT"),
    "zero": ("updateSalesOrderLine", {"quantity": "0"}, "INVALID_INPUT"),
    "no number": ("updateSalesOrderLine", {"quantity": "NaN"}, "INVALID_INPUT"),
    "half a piece": ("updateSalesOrderLine", {"quantity": "2.5"}, "QUANTITY_NOT_ALLOWED"),
    "more than there is": ("updateSalesOrderLine", {"quantity": "1e11"}, "INVALID_INPUT"),
    "a long note": ("updateSalesOrderLine", {"note": "x" * 256}, "INVALID_INPUT"),
    "an order for a line": ("updateSalesOrderLine", {"line": "{order}"}, "INVALID_INPUT"),
    "the only line": ("removeSalesOrderLine", {}, "INVALID_INPUT"),
    "a product for an order": ("cancelSalesOrder", {"order": "{product}"}, "INVALID_INPUT"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_that_cannot_be_is_refused_and_nothing_changes(
    shop: Shop, name: str
) -> None:
    order = await placed(shop.stack, lines=[{"number": shop.number, "quantity": "2"}])
    change, said, code = CHANGES[name]
    ids = {"{order}": order["id"], "{product}": shop.product["id"]}
    said = {key: ids.get(str(value), value) for key, value in said.items()}
    at: dict[str, Any] = {"order": order["id"], "version": order["version"]}
    if change == "updateSalesOrder" and "version" in said:
        at["customerReference"] = "other"
    if "SalesOrderLine" in change:
        at["line"] = order["lines"]["nodes"][0]["id"]
    if said.keys() == {"line"}:
        at["quantity"] = "3"

    payload = await do(shop.stack, change, **{**at, **said})
    query = "query ($id: ID!) { order(id: $id) { version } }"
    after = (await shop.stack.ask(query, id=order["id"])).data["order"]

    assert {error["code"] for error in payload["errors"]} == {code}
    assert after["version"] == order["version"]


@pytest.mark.parametrize("who", ["may", "sam"])
@pytest.mark.parametrize("name", ["reorder", "updateSalesOrder", "cancelSalesOrder"])
async def test_nobody_makes_anything_of_an_order_that_they_do_not_see(
    shop: Shop, who: str, name: str
) -> None:
    order = await placed(shop.stack, lines=[{"number": shop.number, "quantity": "2"}])
    said: dict[str, Any] = {"version": order["version"]}
    if name == "reorder":
        said = {"idempotencyKey": str(uuid4())}
    if name == "updateSalesOrder":
        said["customerReference"] = "theirs"

    payload = await do(shop.stack, name, as_=who, order=order["id"], **said)

    assert [error["code"] for error in payload["errors"]] == ["ORDER_NOT_FOUND"]


@pytest.mark.parametrize("key", ["", " ", "\t", "x" * 256, "\x00", "\N{GRINNING FACE}" * 128])
async def test_a_key_that_cannot_be_kept_makes_no_order(shop: Shop, key: str) -> None:
    sent = {"lines": [{"number": shop.number, "quantity": "1"}], "idempotencyKey": key}

    answer = await shop.stack.ask(mutation("createSalesOrder"), input=sent)

    (error,) = answer.data["createSalesOrder"]["errors"]
    assert error["path"] == ["input", "idempotencyKey"]


async def test_lines_of_one_product_stay_as_many_as_they_are(shop: Shop) -> None:
    lines = [{"number": shop.number, "quantity": str(n)} for n in (1, 2, 1)]

    found = await preview(shop.stack, lines=lines)
    order = await placed(shop.stack, lines=lines)

    assert [line["quantity"] for line in found["lines"]] == ["1", "2", "1"]
    assert [line["quantity"] for line in order["lines"]["nodes"]] == ["1.0", "2.0", "1.0"]
