"""The small world as a client of both services sees it, for tests of what happens between them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx2
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from emulator.server import build
from emulator.settings import Settings
from emulator.store import Store
from tests.stack import WORLDS

HOST = "http://127.0.0.1:8001"
DATAVERSE, FINOPS = "/api/data/v9.2/", "/data/"
Json = dict[str, Any]


@dataclass
class Trade:
    """A caller of both services, and what it takes to order something."""

    app: Starlette
    http: httpx2.AsyncClient
    account: Json
    products: list[Json]
    company: str = "msdyn_Company"
    """The navigation property of an order's company."""

    @property
    def store(self) -> Store:
        found: Store = self.app.state.store
        return found

    async def ask(self, method: str, path: str, json: Json | None = None) -> httpx2.Response:
        url = path if path.startswith("/") else DATAVERSE + path
        headers = {"Prefer": "return=representation"} if method in ("POST", "PATCH") else {}
        return await self.http.request(method, url, json=json, headers=headers)

    async def rows(self, path: str) -> list[Json]:
        answer = await self.ask("GET", path)
        found: list[Json] = answer.raise_for_status().json()["value"]
        return found

    async def order(self, *quantities: float, **changes: Any) -> Json:
        """A new order of the first products, created in Dataverse."""
        answer = await self.ask("POST", "salesorders", self.body(*quantities, **changes))
        return dict(answer.raise_for_status().json())

    def body(self, *quantities: float, **changes: Any) -> Json:
        account = self.account
        lines = [self.line(p, q) for p, q in zip(self.products, quantities, strict=False)]
        header = {
            "name": "sales order",
            "customerid_account@odata.bind": f"/accounts({account['accountid']})",
            f"{self.company}@odata.bind": f"/cdm_companies({account['_msdyn_company_value']})",
            "transactioncurrencyid@odata.bind": (
                f"/transactioncurrencies({account['_transactioncurrencyid_value']})"
            ),
            "pricelevelid@odata.bind": f"/pricelevels({account['_defaultpricelevelid_value']})",
            "shipto_country": "united states",
            "order_details": lines,
        }
        return {name: value for name, value in (header | changes).items() if value is not None}

    def line(self, product: Json, quantity: float) -> Json:
        return {
            "productid@odata.bind": f"/products({product['productid']})",
            "uomid@odata.bind": f"/uoms({product['_defaultuomid_value']})",
            "quantity": quantity,
            "priceperunit": 10.33,
        }

    async def erp(
        self, order: Json, collection: str, column: str = "SalesOrderNumber"
    ) -> list[Json]:
        number = order["msdyn_salesordernumber"]
        return await self.rows(f"{FINOPS}{collection}?$filter={column} eq '{number}'")

    async def lines(self, order: Json) -> list[Json]:
        path = f"salesorders({order['salesorderid']})/order_details?$orderby=sequencenumber"
        return await self.rows(path)

    async def again(self, order: Json) -> Json:
        return dict((await self.ask("GET", f"salesorders({order['salesorderid']})")).json())

    async def agree(self, order: Json) -> None:
        """Both sides say the same of an order and of each of its lines."""
        here = await self.again(order)
        (there,) = await self.erp(here, "SalesOrderHeadersV2")
        assert ours(here, HEADER) == theirs(there, HEADER)
        near, far = await self.lines(here), await self.erp(here, "CDSSalesOrderLines")
        far.sort(key=lambda row: int(row["LineCreationSequenceNumber"]))
        assert [ours(row, LINE) for row in near] == [theirs(row, LINE) for row in far]


HEADER = {
    "totalamount": "OrderTotalAmount",
    "totaltax": "OrderTotalTaxAmount",
    "freightamount": "OrderTotalChargesAmount",
}
LINE = {
    "sequencenumber": "LineCreationSequenceNumber",
    "quantity": "OrderedSalesQuantity",
    "priceperunit": "SalesPrice",
    "extendedamount": "LineAmount",
    "tax": "TotalTaxAmount",
}


def ours(row: Json, names: dict[str, str]) -> list[Decimal]:
    return [round(Decimal(str(row[name] or 0)), 2) for name in names]


def theirs(row: Json, names: dict[str, str]) -> list[Decimal]:
    return [round(Decimal(str(row[name])), 2) for name in names.values()]


def counts(store: Store) -> Iterator[tuple[str, int]]:
    for table in store.catalog:
        yield table.set, store.run(f'SELECT count(*) FROM "{table.sql}"')[0][0]  # noqa: S608


@asynccontextmanager
async def trading(**settings: Any) -> AsyncIterator[Trade]:
    app = build(Settings(**{"cache": WORLDS, "base_url": HOST, **settings}))
    token = app.state.tokens.service("test")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(transport=InProcess(app), base_url=HOST, headers=headers) as http:
        trade = Trade(app, http, {}, [])
        (trade.account,) = await trade.rows("accounts?$filter=accountnumber eq 'US-001'")
        trade.products = await trade.rows(
            f"products?$filter=statecode eq 0"
            f" and _msdyn_companyid_value eq {trade.account['_msdyn_company_value']}"
            " and _msdyn_productcolor_value eq null&$orderby=msdyn_productnumber&$top=5"
        )
        yield trade
