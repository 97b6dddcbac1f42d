"""Two worlds that differ only in what customers other than Contoso Retail San Diego have."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid5

import pytest
from starlette.applications import Starlette

from emulator.store import Store
from emulator.values import guid_order
from gateway.auth import kept
from gateway.loaders import remembered_answers
from tests.stack import Stack, emulator, running

OURS = ("US-001", "usmf")
"""The account that both worlds hold alike, with all its rows."""
NAMES = UUID("0d7c1a52-53a1-4d0e-9a51-4f6a3c7f1b22")
Row = dict[str, Any]
OTHER_NUMBER = "MY-101"
"""The customers' own number of every item in the right world, which is another item's here too."""
AMOUNTS = ("AmountCur", "SettleAmountCur", "InvoiceAmount", "OrderTotalAmount", "LineAmount")
COST = "ReturnUnitCost"
"""The cost of returned goods, which is told to nobody, and differs for all."""


def alike() -> tuple[Starlette, Starlette]:
    """
    A generated world, and the same with the other customers' rows altered, removed and added.

    Products, prices, stock, number sequences and row versions are equal in both.
    """
    left, right = (emulator(pricing=True, promising=True) for _ in range(2))
    _alter(right.state.store)
    return left, right


@asynccontextmanager
async def gateways(
    worlds: tuple[Starlette, Starlette],
    callers: Iterable[str],
    patch: pytest.MonkeyPatch,
    lefts: Mapping[str, Any],
    rights: Mapping[str, Any],
) -> AsyncIterator[tuple[Stack, Stack]]:
    """
    A gateway before each world, with the settings of the left one and of the right one.

    Callers are looked up once, and the ERP's engines asked once, so that no minute ends between the
    two.
    """
    patch.setattr(remembered_answers, "KEPT", 86_400.0)
    for name in ("REMEMBER", "EVERY"):
        patch.setattr(kept, name, 86_400.0)
    async with running(worlds[0], **lefts) as left, running(worlds[1], **rights) as right:
        for caller in callers:
            await left.ask("{ viewer { kind } }", as_=caller)
            await right.ask("{ viewer { kind } }", as_=caller)
        yield left, right


def _alter(store: Store) -> None:
    (ours,) = _rows(store, "accounts", lambda row: row["accountnumber"] == OURS[0])
    account = ours["accountid"]
    orders = _theirs(store, "salesorders", "_customerid_value", account)
    theirs = {row["salesorderid"] for row in orders}
    # Who ordered sees the invoice too, whoever pays it: `any_of` in the rule of invoices.
    invoices = [
        row
        for row in _theirs(store, "invoices", "_customerid_value", account)
        if row["_salesorderid_value"] is None or row["_salesorderid_value"] in theirs
    ]
    quotes = _theirs(store, "quotes", "_customerid_value", account)
    people = _theirs(store, "contacts", "_parentcustomerid_value", account)
    accounts = [row for row in _rows(store, "accounts") if row["accountid"] != account]
    slips = _rows(
        store,
        "CustPackingSlipJourBiEntities",
        lambda row: (row["OrderAccount"], row["dataAreaId"].lower()) != OURS,
    )
    owed = _in_neither(store, "CustTransBiEntities", "AccountNum")
    posted = _in_neither(store, "CustInvoiceJourBiEntities", "InvoiceAccount")
    numbered = _rows(
        store,
        "CustomerProductDescriptionsV2",
        lambda row: (row["CustomerAccountNumber"], row["dataAreaId"].lower()) != OURS,
    )
    returned, sent_back = (
        _rows(store, name, lambda row: (row["CustomerAccountNumber"], row["dataAreaId"]) != OURS)
        for name in ("ReturnOrderHeadersV2", "ReturnOrderLinesV2")
    )
    store.run(f'UPDATE "{store.catalog.tables["ReturnOrderLinesV2"].sql}" SET "{COST}" = 1')  # noqa: S608
    lines = _children(store, "salesorderdetails", "_salesorderid_value", orders, "salesorderid")
    quoted = _children(store, "quotedetails", "_quoteid_value", quotes, "quoteid")
    billed = _children(store, "invoicedetails", "_invoiceid_value", invoices, "invoiceid")
    for name, rows in (
        ("salesorderdetails", lines),
        ("invoicedetails", billed),
        ("quotedetails", quoted),
        ("quotes", quotes),
        ("salesorders", orders),
        ("invoices", invoices),
        ("contacts", people),
        ("accounts", accounts),
        ("CustPackingSlipJourBiEntities", slips),
        ("CustInvoiceJourBiEntities", posted),
        ("CustTransBiEntities", owed),
        ("CustomerProductDescriptionsV2", numbered),
        ("ReturnOrderLinesV2", sent_back),
        ("ReturnOrderHeadersV2", returned),
    ):
        for number, row in enumerate(rows):
            _change(store, name, row, number)


def _change(store: Store, name: str, row: Row, number: int) -> None:
    """Every third row goes, every third gets a twin, all that stay get other contents."""
    table = store.catalog.tables[name]
    where = " AND ".join(f'"{key}" = ?' for key in table.key)
    keys = [row[key] for key in table.key]
    if number % 3 == 0 and name not in ("accounts", "contacts"):
        store.run(f'DELETE FROM "{table.sql}" WHERE {where}', keys)  # noqa: S608
        return
    fixed = {
        *table.key,
        "versionnumber",
        "statecode",
        "accountnumber",
        "dataAreaId",
        "OrderAccount",
        "InvoiceAccount",
        "AccountNum",
        "CustomerAccountNumber",
    }
    other = {
        column: OTHER_NUMBER if column == "CustomerProductNumber" else _amount_or(column, value)
        for column, value in row.items()
        if column in table.columns and column not in fixed and not column.startswith("_")
    }
    sets = ", ".join(f'"{column}" = ?' for column in other)
    store.run(f'UPDATE "{table.sql}" SET {sets} WHERE {where}', [*other.values(), *keys])  # noqa: S608
    if number % 3 == 1 and len(table.key) == 1 and not table.alternate_keys:
        twin = row | other | {table.id: guid_order(str(uuid5(NAMES, str(keys[0]))))}
        store.write(table, [twin])


def _amount_or(column: str, value: Any) -> Any:
    return value + 1_000_000 if column in AMOUNTS else _other(value)


def _other(value: Any) -> Any:
    """Another value of the same kind; texts that look like times or codes stay what they are."""
    if isinstance(value, str) and value[:1].isalpha() and " " in value:
        return f"Other {value}"[:60]
    if isinstance(value, str) and value[4:5] == "-" and value[:4].isdigit():
        return "2031" + value[4:]
    return value


def _rows(store: Store, name: str, keep: Callable[[Row], bool] = lambda row: True) -> list[Row]:
    return [row for row in store.select(store.catalog.tables[name], "1 = 1") if keep(row)]


def _in_neither(store: Store, name: str, payer: str) -> list[Row]:
    """Rows of the ledger that others pay for others: who ordered sees them too, whoever pays."""
    columns = (payer, "OrderAccount")
    return _rows(
        store,
        name,
        lambda row: all((row[each], row["dataAreaId"].lower()) != OURS for each in columns),
    )


def _theirs(store: Store, name: str, column: str, ours: str) -> list[Row]:
    return _rows(store, name, lambda row: row[column] != ours)


def _children(store: Store, name: str, column: str, parents: list[Row], key: str) -> list[Row]:
    of = {row[key] for row in parents}
    return _rows(store, name, lambda row: row[column] in of)
