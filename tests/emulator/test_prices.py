"""Unit prices have the decimals that the organization sets, and those of an export their own."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from emulator.dataverse.operations import ORGANIZATION
from tests.emulator.environment import environment, shop
from tests.emulator.test_loading import loaded

pytestmark = pytest.mark.anyio
LINE = {"salesorderdetailid": str(uuid4()), "priceperunit": 0.0035, "quantity": 1000}


def test_the_prices_of_an_export_keep_their_decimals(tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {
        "dataverse/salesorderdetails": [LINE],
        "dataverse/productpricelevels": [{"productpricelevelid": str(uuid4()), "amount": 0.0035}],
    }

    store, _ = loaded(tmp_path, rows)

    for name, column in (("salesorderdetails", "priceperunit"), ("productpricelevels", "amount")):
        table = store.catalog.tables[name]
        (kept,) = store.select(table, "1")
        assert (kept[column], table.columns[column].scale) == (35, 4)


@pytest.mark.parametrize(
    ("places", "price", "amount"),
    [(None, 0.0, 0.0), (2, 0.0, 0.0), (3, 0.004, 4.0), (4, 0.0035, 3.5)],
)
async def test_what_is_written_has_the_decimals_that_the_organization_sets(
    places: int | None, price: float, amount: float
) -> None:
    async with environment(shop) as web:
        own = f"organizations({ORGANIZATION})"
        await web.send("PATCH", own, {"pricingdecimalprecision": places})
        line = (
            f"salesorderdetails({(await web.rows('salesorderdetails'))[0]['salesorderdetailid']})"
        )
        changed = {"priceperunit": 0.0035, "quantity": 1000}
        answer = await web.send("PATCH", line, changed, prefer="return=representation")

    written = answer.json()
    assert (written["priceperunit"], written["extendedamount"]) == (price, amount)
