"""A small environment for the tests of the services, and a client that speaks HTTP to it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
from starlette.applications import Starlette

from emulator.app import create_app
from emulator.declarations import standard
from emulator.errors import Unauthorized
from emulator.store import Store

HOST = "http://emulator.test"
TOKEN = "Bearer good"
USD, USMF, LIST = (f"0000000{n}-0000-4000-8000-000000000000" for n in (1, 2, 3))
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def guid(number: int) -> str:
    """A GUID whose groups all differ, so that their order matters."""
    spread = number * 2654435761 % 2**32
    return f"{spread:08x}-{number % 65536:04x}-4{number % 4096:03x}-8000-{number:012x}"


def authorize(header: str | None) -> None:
    if header != TOKEN:
        raise Unauthorized("no")


@dataclass
class Environment:
    """An emulator with a caller."""

    app: Starlette
    store: Store
    http: httpx2.AsyncClient

    async def get(self, path: str, prefer: str = "", **headers: str) -> httpx2.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.get(
            _url(path), headers=sent | ({"Prefer": prefer} if prefer else {})
        )

    async def rows(self, path: str, prefer: str = "") -> list[dict[str, Any]]:
        answer = await self.get(path, prefer)
        assert answer.status_code == 200, answer.text
        value: list[dict[str, Any]] = answer.json()["value"]
        return value

    async def error(self, path: str, prefer: str = "") -> tuple[int, str]:
        """Status and code of a refusal."""
        return refused(await self.get(path, prefer))

    async def send(
        self, method: str, path: str, json: Any = None, prefer: str = "", **headers: str
    ) -> httpx2.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Prefer": prefer} if prefer else {}
        return await self.http.request(method, _url(path), json=json, headers=sent)


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def _url(path: str) -> str:
    return path if path.startswith(("/", "http")) else f"/api/data/v9.2/{path}"


@asynccontextmanager
async def environment(
    fill: Callable[[Store], None] | None = None, store: Store | None = None
) -> AsyncIterator[Environment]:
    store = store or Store(standard())
    store.clock = lambda: NOW
    app = create_app(store, authorize=authorize)
    reference_rows(store)
    if fill:
        fill(store)
    transport = httpx2.ASGITransport(app=app)
    headers = {"Authorization": TOKEN}
    async with httpx2.AsyncClient(transport=transport, base_url=HOST, headers=headers) as http:
        yield Environment(app, store, http)


def reference_rows(store: Store) -> None:
    currency = {"currencyname": "US Dollar", "currencysymbol": "$", "isocurrencycode": "USD"}
    store.insert(
        "transactioncurrencies", [{"transactioncurrencyid": USD, "exchangerate": 1, **currency}]
    )
    store.insert("cdm_companies", [{"cdm_companyid": USMF, "cdm_companycode": "usmf"}])
    store.insert(
        "pricelevels",
        [{"pricelevelid": LIST, "name": "Standard", "_transactioncurrencyid_value": USD}],
    )


def account(number: int, **values: Any) -> dict[str, Any]:
    return {
        "accountid": guid(number),
        "name": f"Customer {number}",
        "accountnumber": f"US-{number:03}",
        "_msdyn_company_value": USMF,
        "_transactioncurrencyid_value": USD,
        **values,
    }


def order(number: int, customer: int, **values: Any) -> dict[str, Any]:
    return {
        "salesorderid": guid(number),
        "name": f"Order {number}",
        "msdyn_salesordernumber": f"SO-{number:05}",
        "_customerid_value": guid(customer),
        "_transactioncurrencyid_value": USD,
        "_pricelevelid_value": LIST,
        "_msdyn_company_value": USMF,
        **values,
    }


def line(number: int, parent: int, **values: Any) -> dict[str, Any]:
    return {
        "salesorderdetailid": guid(number),
        "_salesorderid_value": guid(parent),
        "quantity": 1,
        **values,
    }


def shop(store: Store) -> None:
    """Three customers, twelve orders, two lines an order."""
    store.insert("accounts", [account(n, creditlimit=n * 100.25) for n in (1, 2, 3)])
    store.insert(
        "salesorders",
        [order(100 + n, 1 + n % 3, totalamount=n * 10.5, freightamount=n) for n in range(12)],
    )
    store.insert(
        "salesorderdetails",
        [line(1000 + n, 100 + n // 2, quantity=n, description=f"Line {n}") for n in range(24)],
    )


def new_order(customer: int = 1, **values: Any) -> dict[str, Any]:
    """A body that creates an order."""
    return {
        "name": "Sales order",
        "customerid_account@odata.bind": f"/accounts({guid(customer)})",
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({USD})",
        "pricelevelid@odata.bind": f"/pricelevels({LIST})",
        **values,
    }
