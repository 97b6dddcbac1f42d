"""Payments settle invoices in the ERP, and each is a transaction of its own."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from emulator.settings import SMALL
from tests.emulator.trade import Json, Trade, trading

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TRANSACTIONS = "CustTransBiEntities"


@pytest.fixture(scope="module")
async def trade() -> AsyncIterator[Trade]:
    async with trading(world=SMALL) as found:
        found.app.state.clock.stand_still(NOW)
        yield found


async def pay(trade: Trade, **wish: Any) -> Json:
    answer = await trade.ask("POST", "/emulator/pay", wish)
    assert answer.is_success, answer.text
    found: Json = answer.json()
    return found


async def transactions(trade: Trade, column: str, value: str) -> list[Json]:
    path = f"/data/{TRANSACTIONS}?cross-company=true&$filter={column} eq '{value}'"
    answer = await trade.ask("GET", path)
    rows: list[Json] = answer.json()["value"]
    return rows


async def test_the_longest_due_invoice_is_paid_in_full(trade: Trade) -> None:
    paid = await pay(trade)

    (invoice,) = await transactions(trade, "Invoice", paid["invoice"])
    assert paid["open"] == "0.00"
    assert Decimal(str(invoice["SettleAmountCur"])) == Decimal(str(invoice["AmountCur"]))
    assert (invoice["LastSettleDate"], invoice["Closed"]) == ("2026-11-23T12:00:00Z",) * 2


async def test_a_part_leaves_the_rest_open_and_the_payment_says_what_it_settled(
    trade: Trade,
) -> None:
    part = await pay(trade, amount=1)
    rest = await pay(trade, invoice=part["invoice"])

    assert Decimal(rest["amount"]) == Decimal(part["open"])
    (invoice,) = await transactions(trade, "Invoice", part["invoice"])
    (payment,) = await transactions(trade, "Voucher", invoice["LastSettleVoucher"])
    assert payment["TransType"] == "Payment"
    assert Decimal(str(payment["AmountCur"])) == -Decimal(rest["amount"])
    assert payment["SettleAmountCur"] == payment["AmountCur"]
    assert payment["LastSettleVoucher"] == invoice["Voucher"]
    assert payment["AccountNum"] == invoice["AccountNum"]


async def test_a_payment_is_of_the_emulators_own_day(trade: Trade) -> None:
    trade.app.state.clock.advance(days=3)

    paid = await pay(trade)

    (invoice,) = await transactions(trade, "Invoice", paid["invoice"])
    day = (NOW + timedelta(days=3)).date().isoformat()
    assert invoice["LastSettleDate"].startswith(day)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"invoice": "none"}, "no such invoice"),
        ({"amount": 10**12}, "can be paid"),
        ({"amount": -1}, "can be paid"),
        ({"amount": 0.001}, "can be paid"),
    ],
)
async def test_what_cannot_be_paid_is_refused(
    trade: Trade, wish: dict[str, Any], said: str
) -> None:
    answer = await trade.ask("POST", "/emulator/pay", wish)

    assert answer.status_code == 409
    assert said in answer.json()["error"]


async def test_an_invoice_of_the_life_cycle_is_owed_by_its_terms(trade: Trade) -> None:
    order = await trade.order(1)
    trade.app.state.lifecycle.advance(order["msdyn_salesordernumber"], steps=99)

    (journal,) = (
        await trade.ask(
            "GET",
            "/data/CustInvoiceJourBiEntities?cross-company=true"
            f"&$filter=SalesId eq '{order['msdyn_salesordernumber']}'",
        )
    ).json()["value"]
    (owed,) = await transactions(trade, "Invoice", journal["InvoiceId"])
    assert owed["AmountCur"] == journal["InvoiceAmount"] > 0
    assert owed["DueDate"] == journal["DueDate"] >= journal["InvoiceDate"]
    assert owed["SettleAmountCur"] == 0
