"""Values that every order needs and neither contact nor account has; all errors are tried."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.resolvers.orders import user_errors
from tests.gateway.orders.ordering import codes, do, new_order
from tests.stack import running

pytestmark = pytest.mark.anyio

COLUMNS = {
    "COMPANY": "_msdyn_company_value",
    "CURRENCY": "_transactioncurrencyid_value",
    "PRICE_LIST": "_defaultpricelevelid_value",
    "SHIP_TO_COUNTRY": "address1_country",
}
ROWS = {"account": ("accountnumber", "US-001"), "contact": ("firstname", "Jane")}


@contextmanager
def without(world: Starlette, column: str, *tables: str) -> Iterator[None]:
    """A time in which these rows of Jane and her account lack a column."""
    store = world.state.store
    before = []
    for name in tables:
        key, value = ROWS[name]
        table = store.catalog.named(name)
        for row in store.select(table, f'"{key}" = ?', [value]):
            with store.transaction("load") as tx:
                before.append((table, tx.update(table, row, {column: None}), row[column]))
    yield
    for table, row, value in before:
        with store.transaction("load") as tx:
            tx.update(table, row, {column: value})


@pytest.mark.parametrize("default", COLUMNS)
async def test_a_default_that_nobody_has_is_named(changing_world: Starlette, default: str) -> None:
    async with running(changing_world) as stack:
        sent = await new_order(stack)
    with without(changing_world, COLUMNS[default], "account", "contact"):
        async with running(changing_world) as stack:
            payload = await do(stack, "createSalesOrder", **sent)

    assert codes(payload) == ["MISSING_DEFAULT"]
    assert payload["errors"][0]["default"] == default


@pytest.mark.parametrize("default", COLUMNS)
async def test_what_the_contact_lacks_its_account_provides(
    changing_world: Starlette, default: str
) -> None:
    async with running(changing_world) as stack:
        sent = await new_order(stack)
    with without(changing_world, COLUMNS[default], "contact"):
        async with running(changing_world) as stack:
            payload = await do(stack, "createSalesOrder", **sent)

    assert payload["errors"] == []


async def test_a_country_that_is_typed_in_is_none_that_is_missing(
    changing_world: Starlette,
) -> None:
    address: dict[str, Any] = {"street": "S", "city": "C", "country": "united states"}
    async with running(changing_world) as stack:
        sent = await new_order(stack, shipTo=address)
    with without(changing_world, COLUMNS["SHIP_TO_COUNTRY"], "account", "contact"):
        async with running(changing_world) as stack:
            payload = await do(stack, "createSalesOrder", **sent)

    assert payload["errors"] == []


@pytest.mark.parametrize("error", user_errors.ALL, ids=lambda error: error.CODE)
def test_every_error_is_provoked_somewhere_here(error: type[user_errors.UserError]) -> None:
    written = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))

    assert f'"{error.CODE}"' in written
