"""Acknowledged means made: what was asked for stands letter by letter, or an error says why."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gateway.resolvers.orders import input_checks
from gateway.resolvers.orders.inputs import LENGTHS
from tests.gateway.orders.ordering import ERRORS, codes, do, new_order, placed, preview, products
from tests.gateway.orders.worlds import changed, key, many_lines
from tests.stack import Stack

pytestmark = pytest.mark.anyio

FAR = (datetime.now(UTC) + timedelta(days=400)).date().isoformat()
HEADER = """query ($id: ID!) { order(id: $id) {
  id version customerReference requisitionNumber requestedShippingDate requestedReceiptDate
  shipTo { name street streetNumber postalCode city state country }
  lines(first: 50) { nodes { id quantity note requestedShippingDate } }
} }"""
SMILE = "\N{GRINNING FACE}"


async def shown(stack: Stack, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await stack.ask(HEADER, id=order["id"])).data["order"]
    return found


async def change(stack: Stack, order: dict[str, Any], **said: Any) -> dict[str, Any]:
    now = await shown(stack, order)
    name = "updateSalesOrderLine" if "line" in said else "updateSalesOrder"
    return await do(stack, name, order=now["id"], version=now["version"], **said)


BEFORE: dict[str, Any] = {
    "customerReference": "po-77 mcdonald",
    "requisitionNumber": "req a",
    "shipTo": {"street": "main street 5", "city": "seattle", "name": "dock b"},
}
OTHERWISE = [
    {"customerReference": "PO-77 McDonald"},
    {"requisitionNumber": "REQ A"},
    {"customerReference": "po-77 mcdonald "},
    {"customerReference": "po-77 mcdonal\N{LATIN SMALL LETTER D WITH CARON}"},
    {"shipTo": {"street": "Main Street 5", "city": "seattle", "name": "dock b"}},
    {"shipTo": {"street": "main street 5", "city": "Seattle", "name": "dock b"}},
    {"shipTo": {"street": "main street 5", "city": "seattle", "name": "Dock B"}},
    {"shipTo": {"street": "main street 5", "city": "seattle"}},
]


@pytest.mark.parametrize("said", OTHERWISE, ids=str)
async def test_another_spelling_is_another_value(writable: Stack, said: dict[str, Any]) -> None:
    order = await placed(writable, **BEFORE)

    payload = await change(writable, order, **said)
    now = await shown(writable, order)

    assert (payload["status"], payload["replayed"]) == ("CHANGED", False)
    for name, value in said.items():
        found = now[name]
        assert (found if isinstance(found, str) else _part(found, value)) == value


def _part(found: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    cleared = {name for name in found if name not in value and name != "country"}
    assert all(found[name] is None for name in cleared)
    return {name: found[name] for name in value}


async def test_another_spelling_of_a_note_is_another_note(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    line = {"product": product["id"], "quantity": "1", "note": "leave at gate b"}
    order = await placed(writable, lines=[line])
    at = order["lines"]["nodes"][0]["id"]

    payload = await change(writable, order, line=at, note="Leave at Gate B")

    assert payload["replayed"] is False
    assert payload["order"]["lines"]["nodes"][0]["note"] == "Leave at Gate B"


CLEARED = (
    "customerReference",
    "requisitionNumber",
    "requestedShippingDate",
    "requestedReceiptDate",
)


@pytest.mark.parametrize("name", CLEARED)
@pytest.mark.parametrize("nothing", [None, "", "  \t"])
async def test_what_may_be_empty_is_cleared_by_null_and_by_nothing(
    writable: Stack, name: str, nothing: str | None
) -> None:
    if nothing is not None and name.endswith("Date"):
        pytest.skip("a date is no text")
    all_: dict[str, Any] = {"requestedShippingDate": FAR, "requestedReceiptDate": FAR, **BEFORE}
    order = await placed(writable, **all_)

    payload = await change(writable, order, **{name: nothing})
    now = await shown(writable, order)
    others = {each: now[each] for each in CLEARED if each != name}

    assert (payload["status"], now[name]) == ("CHANGED", None)
    assert others == {each: all_[each] for each in others}


async def test_a_line_loses_its_note_and_its_day_by_null(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    line = {"product": product["id"], "quantity": "1", "note": "n", "requestedShippingDate": FAR}
    order = await placed(writable, lines=[line])
    at = order["lines"]["nodes"][0]["id"]

    payload = await change(writable, order, line=at, note=None, requestedShippingDate=None)

    (now,) = (await shown(writable, order))["lines"]["nodes"]
    assert payload["status"] == "CHANGED"
    assert (now["note"], now["requestedShippingDate"], float(now["quantity"])) == (None, None, 1)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"shipTo": None}, ["input", "shipTo"]),
        ({"shipToAddress": None, "customerReference": "other"}, ["input", "shipToAddress"]),
        ({"shipTo": {"street": " ", "city": "c"}}, ["input", "shipTo", "street"]),
        ({"shipTo": {"street": "s", "city": ""}}, ["input", "shipTo", "city"]),
        ({"line": True, "quantity": None}, ["input", "quantity"]),
        ({"requestedReceiptDate": "2020-01-01"}, ["input", "requestedReceiptDate"]),
        ({"requestedShippingDate": "0001-01-01"}, ["input", "requestedShippingDate"]),
        ({"requestedShippingDate": "9999-12-31"}, ["input", "requestedShippingDate"]),
        ({"line": True, "requestedShippingDate": "1752-12-31"}, ["input", "requestedShippingDate"]),
        ({"customerReference": "nul \0"}, ["input", "customerReference"]),
        ({"customerReference": "\x1f"}, ["input", "customerReference"]),
        ({"line": True, "note": " \x1c"}, ["input", "note"]),
        ({"line": True, "note": SMILE * 128}, ["input", "note"]),
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_refused_and_never_dropped(
    writable: Stack, said: dict[str, Any], path: list[str]
) -> None:
    order = await placed(writable, **BEFORE)
    before = await shown(writable, order)
    if "line" in said:
        said = said | {"line": order["lines"]["nodes"][0]["id"]}

    payload = await change(writable, order, **said)

    assert codes(payload) == ["INVALID_INPUT"]
    assert payload["errors"][0]["path"] == path
    assert await shown(writable, order) == before


async def test_a_day_that_stands_already_may_have_passed(writable: Stack) -> None:
    order = await placed(writable)
    at = order["lines"]["nodes"][0]["id"]
    past = {"requestdeliveryby": "2020-01-01"}
    said = {"requestedShippingDate": "2020-01-01"}

    with (
        changed(writable, "salesorder", '"salesorderid" = ?', key(order["id"]), values=past),
        changed(writable, "salesorderdetail", '"salesorderdetailid" = ?', key(at), values=past),
    ):
        header = await change(writable, order, **said, customerReference="other")
        line = await change(writable, order, line=at, **said, quantity="1")

    assert (header["status"], line["status"]) == ("CHANGED", "CHANGED")


ADDRESS = ("name", "street", "streetNumber", "postalCode", "city", "state", "country")


@pytest.mark.parametrize("name", ["customerReference", "requisitionNumber", "note", *ADDRESS])
@pytest.mark.parametrize("letter", ["x", SMILE], ids=["plain", "wide"])
async def test_texts_are_counted_as_dynamics_counts_them(
    writable: Stack, name: str, letter: str
) -> None:
    (product,) = await products(writable, 1)
    lines = [{"product": product["id"], "quantity": "1"}]
    snake = "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
    room = LENGTHS[snake] // (2 if letter == SMILE else 1)

    def said(length: int) -> dict[str, Any]:
        text = {name: letter * length}
        if name == "note":
            return {"lines": [lines[0] | text]}
        address = {"street": "s", "city": "c", **text}
        return {"lines": lines} | ({"shipTo": address} if name in ADDRESS else text)

    fits, too_long = [await preview(writable, **said(length)) for length in (room, room + 1)]
    order = await do(writable, "createSalesOrder", **said(room), idempotencyKey=name + letter)

    assert (fits["errors"], order["errors"]) == ([], [])
    assert [error["code"] for error in too_long["errors"]] == ["INVALID_INPUT"]
    assert too_long["errors"][0]["path"][-1] == name


async def test_today_is_never_past_wherever_it_is_today(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    lines = [{"product": product["id"], "quantity": "1"}]
    now = datetime.now(UTC)
    latest, passed = (now - timedelta(hours=11)).date(), (now - timedelta(hours=37)).date()

    said = [
        await preview(writable, lines=lines, requestedReceiptDate=day.isoformat())
        for day in (latest, passed)
    ]

    assert [len(each["errors"]) for each in said] == [0, 1]


async def test_a_day_that_passes_refuses_no_replay(
    writable: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await new_order(writable, requestedReceiptDate=FAR)
    first = await do(writable, "createSalesOrder", **sent)

    monkeypatch.setattr(input_checks, "LAST_PLACE", timedelta(days=900))
    again = await do(writable, "createSalesOrder", **sent)
    new = await do(writable, "createSalesOrder", **sent | {"idempotencyKey": str(uuid4())})

    assert again["replayed"]
    assert again["order"]["id"] == first["order"]["id"]
    assert codes(new) == ["INVALID_INPUT"]


REORDER = f"""mutation ($input: ReorderInput!) {{ reorder(input: $input) {{
  status unavailable {{ id }}
  leftOut {{ part line {{ id quantity }} reasons {{ code path message }} }}
  order {{ lines(first: 50) {{ totalCount nodes {{
    quantity unit note requestedShippingDate product {{ number }}
  }} }} }}
  {ERRORS}
}} }}"""


async def reorder(stack: Stack, order: dict[str, Any], **said: Any) -> dict[str, Any]:
    sent = {"order": order["id"], "idempotencyKey": str(uuid4()), **said}
    found: dict[str, Any] = (await stack.ask(REORDER, input=sent)).data["reorder"]
    return found


async def test_a_reorder_keeps_unit_note_and_day_of_each_line(writable: Stack) -> None:
    boxed = await writable.rows(
        "productpricelevels?$filter=uomid/msdyn_symbol eq 'box' and productid/statecode eq 0"
        "&$expand=productid($select=msdyn_productnumber)&$top=1&$select=amount"
    )
    number = boxed[0]["productid"]["msdyn_productnumber"]
    lines = [
        {"number": number, "quantity": "2", "unit": "box", "note": "Blue wrap"},
        {"number": number, "quantity": "3", "unit": "ea", "requestedShippingDate": FAR},
        {"number": number, "quantity": "2", "unit": "box"},
    ]
    old = await placed(writable, lines=lines)

    payload = await reorder(writable, old)

    assert (payload["errors"], payload["leftOut"]) == ([], [])
    assert [
        (float(line["quantity"]), line["unit"], line["note"], line["requestedShippingDate"])
        for line in payload["order"]["lines"]["nodes"]
    ] == [(2, "box", "Blue wrap", None), (3, "ea", None, FAR), (2, "box", None, None)]


@pytest.mark.parametrize("quantity", [-200_000, 0])
async def test_a_line_of_less_than_nothing_is_left_out_with_its_reason(
    writable: Stack, quantity: int
) -> None:
    old = await placed(writable)
    kept, gone = old["lines"]["nodes"]
    stored = {"quantity": quantity}

    with changed(
        writable, "salesorderdetail", '"salesorderdetailid" = ?', key(gone["id"]), values=stored
    ):
        refused = await reorder(writable, old)
        partly = await reorder(writable, old, skipUnavailable=True)

    assert codes(refused | {"operation": None}) == ["INVALID_INPUT"]
    assert refused["errors"][0]["path"] == ["input", "order", "lines", "1"]
    for payload in (refused, partly):
        (left,) = payload["leftOut"]
        assert (left["part"], left["line"]["id"]) == ("LINE", gone["id"])
        assert left["reasons"][0]["code"] == "INVALID_INPUT"
    (line,) = partly["order"]["lines"]["nodes"]
    assert line["product"]["number"] == kept["product"]["number"]


async def test_a_day_that_has_passed_is_left_out_and_listed(writable: Stack) -> None:
    old = await placed(writable)
    first, _ = old["lines"]["nodes"]
    past = {"requestdeliveryby": "2020-01-01"}

    with changed(
        writable, "salesorderdetail", '"salesorderdetailid" = ?', key(first["id"]), values=past
    ):
        payload = await reorder(writable, old)

    (left,) = payload["leftOut"]
    assert (left["part"], left["line"]["id"]) == ("REQUESTED_SHIPPING_DATE", first["id"])
    assert payload["unavailable"] == []
    assert [each["requestedShippingDate"] for each in payload["order"]["lines"]["nodes"]] == [
        None,
        None,
    ]


async def test_lines_that_an_order_has_no_room_for_are_listed(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    old = await placed(writable, lines=[{"product": product["id"], "quantity": "1"}])
    (line,) = old["lines"]["nodes"]

    with many_lines(writable, key(line["id"]), 503):
        refused = await reorder(writable, old)
        partly = await reorder(writable, old, skipUnavailable=True)

    assert {error["code"] for error in refused["errors"]} == {"INVALID_INPUT"}
    assert len(refused["leftOut"]) == len(partly["leftOut"]) == 3
    assert partly["order"]["lines"]["totalCount"] == 500


async def test_an_order_does_not_grow_past_the_lines_that_it_may_have(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    line = {"product": product["id"], "quantity": "1"}
    order = await placed(writable, lines=[line])
    (first,) = order["lines"]["nodes"]

    with many_lines(writable, key(first["id"]), 500):
        now = await shown(writable, order)
        at = {"order": now["id"], "version": now["version"], "idempotencyKey": "k"}
        payload = await do(writable, "addSalesOrderLines", **at, lines=[line])

    assert codes(payload) == ["INVALID_INPUT"]
