"""Times in which rows of the world are other than they were, past every check."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from emulator.values import guid_order
from gateway.schema import ids
from tests.stack import Stack


def key(id_: str) -> str:
    """The key in a global id, as the store spells it."""
    return guid_order(str(ids.decode(id_)[1][0]))


@contextmanager
def changed(
    stack: Stack, table: str, where: str, *args: Any, values: Mapping[str, Any]
) -> Iterator[None]:
    """A time in which the rows of a table that meet `where` have these values, as stored."""
    store = stack.emulator.state.store
    named = store.catalog.tables.get(table) or store.catalog.named(table)
    before = []
    for row in store.select(named, where, [*args]):
        with store.transaction("load") as tx:
            before.append((row, tx.update(named, row, dict(values))))
    assert before, f"no {table} where {where}"
    try:
        yield
    finally:
        for row, now in before:
            with store.transaction("load") as tx:
                tx.update(named, now, {name: row[name] for name in values})


@contextmanager
def many_lines(stack: Stack, line: str, count: int) -> Iterator[None]:
    """A time in which the order of a line has so many like it."""
    store = stack.emulator.state.store
    table = store.catalog.named("salesorderdetail")
    row = store.get(table, (line,))
    copies = [
        row | {"salesorderdetailid": guid_order(str(uuid4())), "sequencenumber": number}
        for number in range(2, count + 1)
    ]
    with store.transaction("load") as tx:
        for copy in copies:
            tx.insert(table, copy)
    try:
        yield
    finally:
        with store.transaction("load") as tx:
            for copy in copies:
                tx.delete(table, store.get(table, (copy["salesorderdetailid"],)))


OF_ITEM = (
    '"_msdyn_itemnumber_value" IN (SELECT "msdyn_sharedproductdetailid" FROM'
    ' "dataverse.msdyn_sharedproductdetails" WHERE "msdyn_itemnumber" = ?)'
)
"""The condition, in the emulator's own SQL, that default order settings are those of an item."""


@contextmanager
def settings_of(stack: Stack, item: str, company: str, values: Mapping[str, Any]) -> Iterator[None]:
    """A time in which a company sells an item by these default order settings."""
    store = stack.emulator.state.store
    seller = store.find(store.catalog.named("cdm_company"), "cdm_companycode = ?", [company])
    where = f'{OF_ITEM} AND "_msdyn_company_value" = ?'
    table = "msdyn_productdefaultordersetting"
    with changed(stack, table, where, item, seller["cdm_companyid"], values=values):
        yield


def list_too(stack: Stack, price_list: str, *products: str) -> list[dict[str, Any]]:
    """Put products, by their keys, into another price list, at the figures of the usual one."""
    store = stack.emulator.state.store
    named = store.catalog.named("productpricelevel")
    usual, other = (
        store.find(store.catalog.named("pricelevel"), "name = ?", [name])
        for name in ("USD Standard", price_list)
    )
    where = '"_productid_value" = ? AND "_pricelevelid_value" = ?'
    rows = []
    for product in products:
        there = store.select(named, where, [product, other["pricelevelid"]])
        rows += there
        for row in (
            store.select(named, where, [product, usual["pricelevelid"]]) if not there else ()
        ):
            copy = row | {
                "productpricelevelid": guid_order(str(uuid4())),
                "_pricelevelid_value": other["pricelevelid"],
                "_transactioncurrencyid_value": other["_transactioncurrencyid_value"],
            }
            with store.transaction("load") as tx:
                rows.append(tx.insert(named, copy))
    return rows
