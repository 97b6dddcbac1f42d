"""The mandatory credit limit: all open orders count, in one currency, and no figure leaks."""

from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from gateway.schema import ids
from gateway.schema.business.sales import OPEN
from tests.gateway.orders.ordering import codes, do, placed, preview, products
from tests.gateway.orders.test_terms import add, by_seller
from tests.gateway.orders.worlds import changed, key, list_too
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

EVERYBODY = ("jane", "sam", "rep")


def limited(stack: Stack, limit: Decimal) -> AbstractContextManager[None]:
    """A time in which the seller enforces this limit of Jane's account."""
    values = {"msdyn_creditlimitismandatory": 1, "creditlimit": int(limit * 100)}
    return changed(stack, "account", "accountnumber = ?", "US-001", values=values)


async def on_order(stack: Stack) -> Decimal:
    """All that is on order for Jane's account, whoever placed it, in dollars."""
    open_ = " or ".join(f"msdyn_processingstatus eq {each.value}" for each in OPEN)
    rows = await stack.rows(
        "salesorders?$select=totalamount_base,exchangerate"
        "&$expand=order_details($select=quantity,priceperunit)"
        "&$filter=customerid_account/accountnumber eq 'US-001'"
        f" and ({open_} or (msdyn_processingstatus eq null and statecode le 1))"
    )
    return sum(map(dollars, rows), Decimal())


def dollars(order: dict[str, Any]) -> Decimal:
    if order["totalamount_base"] is not None:
        return exact(order["totalamount_base"])
    lines = order["order_details"]
    amounts = (exact(line["quantity"]) * exact(line["priceperunit"]) for line in lines)
    return sum(amounts, Decimal()) / exact(order["exchangerate"])


def exact(value: Any) -> Decimal:
    return Decimal(str(value or 0))


async def current(stack: Stack, order: dict[str, Any]) -> dict[str, Any]:
    query = "query ($id: ID!) { order(id: $id) { id version } }"
    found: dict[str, Any] = (await stack.ask(query, id=order["id"])).data["order"]
    return found


async def basket(stack: Stack, quantity: int = 1) -> dict[str, Any]:
    (product,) = await products(stack, 1)
    return {"lines": [{"number": product["number"], "quantity": str(quantity)}]}


@pytest.mark.parametrize("caller", EVERYBODY)
async def test_orders_that_a_caller_does_not_see_count_too(writable: Stack, caller: str) -> None:
    total, sent = await on_order(writable), await basket(writable)

    with limited(writable, total + 1):
        refused = await do(
            writable, "createSalesOrder", as_=caller, **sent, idempotencyKey=str(uuid4())
        )
    with limited(writable, total + 100_000):
        allowed = await preview(writable, as_=caller, **sent)

    assert codes(refused) == ["CREDIT_LIMIT_EXCEEDED"]
    assert allowed["errors"] == []


async def test_what_others_have_ordered_is_told_to_those_alone_who_see_it(
    writable: Stack,
) -> None:
    total, sent = await on_order(writable), await basket(writable)

    with limited(writable, total):
        told = {name: await preview(writable, as_=name, **sent) for name in EVERYBODY}

    figures = {name: payload["errors"][0] for name, payload in told.items()}
    assert [figures[name]["ordered"] for name in ("jane", "sam")] == [None, None]
    assert abs(Decimal(figures["rep"]["ordered"]["amount"]) - total) < 1
    limits = {Decimal(error["limit"]["amount"]) for error in figures.values()}
    assert limits == {Decimal(int(total * 100)) / 100}


@pytest.mark.parametrize("member", ["creditLimit", "creditLimitIsMandatory", "holdStatus"])
async def test_a_limit_that_a_role_does_not_show_is_kept_and_not_told(
    changing_world: Starlette, tmp_path: Path, member: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        '[roles.limited]\nextends = "buyer"\n[roles.limited.account]\naccess = "account"\n'
        f'hide = ["Account.{member}"]'
    )
    roles = {"customer_roles": ("limited",), "roles_claim": "none"}
    async with running(changing_world, policy=str(file), **roles) as stack:
        sent = await basket(stack)
        with limited(stack, Decimal()):
            refused = await preview(stack, **sent)
        allowed = await preview(stack, **sent)

    (error,) = refused["errors"]
    assert error["code"] == "CREDIT_LIMIT_EXCEEDED"
    assert (error["limit"] is None) == (member == "creditLimit")
    assert allowed["errors"] == []


async def test_an_order_in_another_currency_counts_by_what_it_comes_to(writable: Stack) -> None:
    (product,) = await products(writable, 1)
    sent = await basket(writable)
    cost = Decimal((await preview(writable, **sent))["total"]["amount"])
    before = await on_order(writable)
    order = await by_seller(writable, product, currency="JPY", price_list="JPY Standard")
    where, yen = '"salesorderid" = ?', {"totalamount": 150_000_00, "totalamount_base": 1_000_0000}

    with changed(writable, "salesorder", where, key(order["id"]), values=yen):
        total = await on_order(writable)
        with limited(writable, total + cost + 1):
            fits = await preview(writable, **sent)
        with limited(writable, total + cost - 1):
            not_so = await preview(writable, **sent)

    assert total - before == 1_000
    assert fits["errors"] == []
    assert [error["code"] for error in not_so["errors"]] == ["CREDIT_LIMIT_EXCEEDED"]


async def test_lines_in_another_currency_count_at_the_rate_of_their_order(
    writable: Stack,
) -> None:
    (product,) = await products(writable, 1)
    list_too(writable, "JPY Standard", key(product["id"]))
    order = await by_seller(writable, product, currency="JPY", price_list="JPY Standard")
    rate = {"exchangerate": 100 * 10**12}
    yen = await writable.rows(
        "productpricelevels?$filter=pricelevelid/name eq 'JPY Standard' and _productid_value eq "
        f"{ids.decode(product['id'])[1][0]} and uomid/msdyn_symbol eq '{product['unit']}'"
    )
    cost = Decimal(str(yen[0]["amount"])) / 100
    where = '"salesorderid" = ?'

    with changed(writable, "salesorder", where, key(order["id"]), values=rate):
        total = await on_order(writable)
        with limited(writable, total + cost - 1):
            refused = await add(writable, await current(writable, order), product)
        with limited(writable, total + cost + 1):
            taken = await add(writable, await current(writable, order), product)

    assert codes(refused) == ["CREDIT_LIMIT_EXCEEDED"]
    assert taken["errors"] == []


async def test_an_order_that_is_not_added_up_yet_counts_by_its_lines(writable: Stack) -> None:
    sent = await basket(writable)
    cost = Decimal((await preview(writable, **sent))["total"]["amount"])
    order = await placed(writable, lines=sent["lines"])
    nothing = {"totalamount": None, "totalamount_base": None, "msdyn_processingstatus": None}

    with changed(writable, "salesorder", '"salesorderid" = ?', key(order["id"]), values=nothing):
        total = await on_order(writable)
        with limited(writable, total + cost - 1):
            refused = await preview(writable, **sent)
        with limited(writable, total + cost + 1):
            fits = await preview(writable, **sent)

    assert [error["code"] for error in refused["errors"]] == ["CREDIT_LIMIT_EXCEEDED"]
    assert fits["errors"] == []
