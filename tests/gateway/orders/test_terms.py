"""The order decides: its currency, price list and company, whoever adds to it and in whose name."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from gateway.schema import ids
from tests.gateway.orders.ordering import codes, do, new_order, preview, products, sold_by_both
from tests.gateway.orders.worlds import key, list_too, settings_of
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

PRICED = """query ($id: ID!) { order(id: $id) {
  lines(first: 50) { nodes { quantity unit unitPrice { amount currency } amount { amount } } }
} }"""


async def row(stack: Stack, query: str) -> dict[str, Any]:
    (found,) = await stack.rows(query)
    return found


async def by_seller(
    stack: Stack, product: dict[str, Any], *, currency: str, price_list: str, company: str = "USMF"
) -> dict[str, Any]:
    """An order of Jane's that her seller has put in, on these terms: its id and version."""
    account = await row(stack, "accounts?$filter=accountnumber eq 'US-001'&$select=accountid")
    jane = await row(stack, "contacts?$filter=fullname eq 'Jane Doe'&$select=contactid")
    money = await row(stack, f"transactioncurrencies?$filter=isocurrencycode eq '{currency}'")
    prices = await row(stack, f"pricelevels?$filter=name eq '{price_list}'")
    seller = await row(stack, f"cdm_companies?$filter=cdm_companycode eq '{company}'")
    item = await row(
        stack,
        f"products?$filter=msdyn_productnumber eq '{product['number']}'"
        f" and _msdyn_companyid_value eq {seller['cdm_companyid']}",
    )
    unit = await row(stack, f"uoms?$filter=msdyn_symbol eq '{product['unit']}'")
    key = str(uuid4())
    order = {
        "salesorderid": key,
        "name": "by the seller",
        "msdyn_ordertype": 192350000,
        "customerid_account@odata.bind": f"/accounts({account['accountid']})",
        "msdyn_invoicecustomerid_account@odata.bind": f"/accounts({account['accountid']})",
        "msdyn_ContactPerson@odata.bind": f"/contacts({jane['contactid']})",
        "msdyn_Company@odata.bind": f"/cdm_companies({seller['cdm_companyid']})",
        "transactioncurrencyid@odata.bind": (
            f"/transactioncurrencies({money['transactioncurrencyid']})"
        ),
        "pricelevelid@odata.bind": f"/pricelevels({prices['pricelevelid']})",
        "shipto_country": "UNITED STATES",
        "order_details": [
            {
                "productid@odata.bind": f"/products({item['productid']})",
                "uomid@odata.bind": f"/uoms({unit['uomid']})",
                "sequencenumber": 1,
                "quantity": 1,
                "priceperunit": 100,
                "ispriceoverridden": True,
            }
        ],
    }
    stack.emulator.state.dual_write.pause()
    answer = await stack.upstream.post(
        "/api/data/v9.2/salesorders", json=order, headers=await stack.service()
    )
    stack.emulator.state.dual_write.resume()
    assert answer.status_code == 204, answer.text
    orders = (await stack.ask("{ orders(first: 20) { nodes { id version name } } }")).data["orders"]
    return next(each for each in orders["nodes"] if str(ids.decode(each["id"])[1][0]) == key)


async def price(stack: Stack, product: dict[str, Any], price_list: str) -> Decimal:
    """The list's price of one unit of a product."""
    found = await stack.rows(
        f"productpricelevels?$filter=pricelevelid/name eq '{price_list}' and _productid_value eq "
        f"{ids.decode(product['id'])[1][0]} and uomid/msdyn_symbol eq '{product['unit']}'"
        "&$select=amount"
    )
    return Decimal(str(found[0]["amount"]))


async def add(stack: Stack, order: dict[str, Any], product: dict[str, Any]) -> dict[str, Any]:
    line = {"number": product["number"], "quantity": "1"}
    named = {"order": order["id"], "version": order["version"]}
    return await do(stack, "addSalesOrderLines", **named, idempotencyKey=str(uuid4()), lines=[line])


async def lines(stack: Stack, order: dict[str, Any]) -> list[dict[str, Any]]:
    found = (await stack.ask(PRICED, id=order["id"])).data["order"]["lines"]["nodes"]
    return sorted(found, key=lambda line: Decimal(line["unitPrice"]["amount"]) != 100)


@pytest.mark.parametrize(
    ("currency", "price_list"),
    [("JPY", "JPY Standard"), ("JPY", "JPY Wholesale"), ("EUR", "EUR Standard")],
)
async def test_an_added_line_has_the_price_of_the_orders_own_list(
    changing_world: Starlette, currency: str, price_list: str
) -> None:
    async with running(changing_world, unpriced="refuse") as stack:
        (product,) = await products(stack, 1)
        list_too(stack, price_list, key(product["id"]))
        order = await by_seller(stack, product, currency=currency, price_list=price_list)
        payload = await add(stack, order, product)
        _, added = await lines(stack, order)
        wanted = await price(stack, product, price_list)

    assert payload["errors"] == []
    assert added["unitPrice"]["currency"] == currency
    assert Decimal(added["unitPrice"]["amount"]) == wanted


async def test_a_price_in_another_currency_than_the_orders_is_none(
    changing_world: Starlette,
) -> None:
    terms = {"currency": "JPY", "price_list": "USD Standard"}
    async with running(changing_world, unpriced="refuse") as stack:
        (product,) = await products(stack, 1)
        order = await by_seller(stack, product, **terms)
        refused = await add(stack, order, product)
    async with running(changing_world) as stack:
        left_open = await add(stack, order, product)
        amounts = [line["unitPrice"] for line in left_open["order"]["lines"]["nodes"]]
        dollars = await price(stack, product, "USD Standard")

    assert codes(refused) == ["PRICE_UNKNOWN"]
    assert left_open["errors"] == []
    assert dollars not in [Decimal(each["amount"]) for each in amounts if each]


async def test_the_company_of_the_order_says_whether_and_how_it_sells(
    changing_world: Starlette,
) -> None:
    terms = {"currency": "USD", "price_list": "USD Standard", "company": "DEMF"}
    stopped, packed = {"msdyn_issalesprocessingstopped": 1}, {
        "msdyn_salesquantitymultiples": 50_000_000
    }  # fmt: skip
    async with running(changing_world) as stack:
        product, *_ = await sold_by_both(stack)
        order = await by_seller(stack, product, **terms)
        with settings_of(stack, product["itemNumber"], "DEMF", stopped):
            not_sold = await add(stack, order, product)
        with settings_of(stack, product["itemNumber"], "DEMF", packed):
            in_packs = await add(stack, order, product)
        with settings_of(stack, product["itemNumber"], "USMF", stopped):
            payload = await add(stack, order, product)

    assert codes(not_sold) == ["PRODUCT_NOT_SELLABLE"]
    assert codes(in_packs) == ["QUANTITY_NOT_MULTIPLE"]
    # The emulated ERP has no such customer in that company; what another one stops is no matter.
    assert codes(payload) == ["ORDER_REFUSED"]


async def test_a_number_of_several_variants_names_them_and_none_is_guessed(
    writable: Stack,
) -> None:
    query = """{ products(first: 100, filter: { number: { contains: "-" } }) {
      nodes { number itemNumber }
    } }"""
    variants = (await writable.ask(query)).data["products"]["nodes"]
    item = variants[0]["itemNumber"]
    alike = {each["number"] for each in variants if each["itemNumber"] == item}
    said = """mutation ($input: PreviewSalesOrderInput!) { previewSalesOrder(input: $input) {
      errors { code path ... on ProductAmbiguous { candidates { number } } }
    } }"""

    sent = {"lines": [{"itemNumber": item, "quantity": "1"}]}
    (error,) = (await writable.ask(said, input=sent)).data["previewSalesOrder"]["errors"]

    assert (error["code"], error["path"]) == ("PRODUCT_AMBIGUOUS", ["input", "lines", "0"])
    assert {each["number"] for each in error["candidates"]} == alike


async def test_nobody_gets_better_prices_by_naming_somebody_else(writable: Stack) -> None:
    people = (await writable.ask("{ contacts(first: 50) { nodes { id name } } }", as_="rep")).data
    jane = next(each["id"] for each in people["contacts"]["nodes"] if each["name"] == "Jane Doe")
    (product,) = await products(writable, 1)
    sent = await new_order(writable, lines=[{"number": product["number"], "quantity": "1"}])
    standard, wholesale = [
        await price(writable, product, name) for name in ("USD Standard", "USD Wholesale")
    ]

    named_so = {"contact": jane, "customerReference": "in a name"}
    named = await do(writable, "createSalesOrder", as_="rep", **sent | named_so)
    mine = await do(writable, "createSalesOrder", **sent)
    seen = await preview(writable, as_="rep", lines=sent["lines"], contact=jane)
    lists = await writable.rows(
        "salesorders?$filter=msdyn_customersorderreference eq 'in a name'&$select=name"
        "&$expand=pricelevelid($select=name)"
    )

    def paid(payload: dict[str, Any]) -> Decimal:
        (line,) = payload["order"]["lines"]["nodes"]
        return Decimal(line["unitPrice"]["amount"])

    assert standard != wholesale
    assert (paid(named), paid(mine)) == (standard, wholesale)
    assert Decimal(seen["lines"][0]["unitPrice"]["amount"]) == standard
    assert [each["pricelevelid"]["name"] for each in lists] == ["USD Standard"]


async def test_a_unit_is_known_in_another_case_and_its_price_is_of_that_unit(
    writable: Stack,
) -> None:
    (product,) = await products(writable, 1)
    own = product["unit"]

    said = [
        await preview(
            writable, lines=[{"number": product["number"], "quantity": "1", "unit": each}]
        )
        for each in (own, own.upper())
    ]

    assert said[0] == said[1]
    assert said[0]["errors"] == []
