"""
The base line: a gateway for the same questions written as the docs of its packages show it.

Strawberry's ASGI view in Starlette on uvicorn with uvloop, aiodataloader, httpx2. No sign-in, no
row rule, no limits. STUB, SERVICE_TOKEN, ACCOUNT and PORT come from the environment.
"""

import contextlib
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import httpx2
import strawberry
import uvicorn
from aiodataloader import DataLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

ORDER = "salesorderid,msdyn_salesordernumber,msdyn_processingstatus,totalamount,_customerid_value"
SINGLE = f"{ORDER},createdon,msdyn_customersorderreference"
LINE = "description,quantity,priceperunit,_salesorderid_value"
Row = dict[str, Any]


@strawberry.enum
class OrderStatus(Enum):
    ACTIVE = 192350000
    CONFIRMED = 192350001
    PICKED = 192350002
    PARTIALLY_DELIVERED = 192350003
    DELIVERED = 192350004
    INVOICED = 192350005
    PARTIALLY_INVOICED = 192350006
    CANCELED = 192350007


@strawberry.type
class Money:
    amount: Decimal


@strawberry.type
class Account:
    name: str


@strawberry.type
class SalesOrderLine:
    description: str | None
    quantity: Decimal | None
    unit_price: Money | None


@strawberry.type
class SalesOrderLineConnection:
    nodes: list[SalesOrderLine]


@strawberry.type
class SalesOrder:
    id: strawberry.ID
    number: str | None
    status: OrderStatus | None
    placed_at: datetime | None
    total: Money | None
    customer_reference: str | None
    customer: strawberry.Private[str]

    @strawberry.field
    async def account(self, info: strawberry.Info[Any, Any]) -> Account | None:
        loader: AccountLoader = info.context["accounts"]
        return await loader.load(self.customer)

    @strawberry.field
    async def lines(
        self, info: strawberry.Info[Any, Any], first: int = 25
    ) -> SalesOrderLineConnection:
        lines = await info.context["lines"].load(str(self.id))
        return SalesOrderLineConnection(nodes=lines[:first])


@strawberry.type
class SalesOrderConnection:
    nodes: list[SalesOrder]


@strawberry.type
class Query:
    @strawberry.field
    async def orders(
        self, info: strawberry.Info[Any, Any], first: int = 25
    ) -> SalesOrderConnection:
        rows = await get(
            info.context["client"],
            "salesorders",
            select=ORDER,
            filter=f"_customerid_value eq {os.environ['ACCOUNT']}",
            orderby="createdon desc,salesorderid",
            top=str(first),
        )
        return SalesOrderConnection(nodes=[order(row) for row in rows])

    @strawberry.field
    async def order(self, info: strawberry.Info[Any, Any], id: strawberry.ID) -> SalesOrder | None:
        client: httpx2.AsyncClient = info.context["client"]
        response = await client.get(f"salesorders({id})", params={"$select": SINGLE})
        response.raise_for_status()
        return order(response.json())


class AccountLoader(DataLoader[str, Account | None]):
    def __init__(self, client: httpx2.AsyncClient) -> None:
        super().__init__()
        self.client = client

    async def batch_load_fn(self, keys: list[str]) -> list[Account | None]:
        rows = await get(self.client, "accounts", select="name", filter=within("accountid", keys))
        accounts = {row["accountid"]: Account(name=row["name"]) for row in rows}
        return [accounts.get(key) for key in keys]


class LineLoader(DataLoader[str, list[SalesOrderLine]]):
    def __init__(self, client: httpx2.AsyncClient) -> None:
        super().__init__()
        self.client = client

    async def batch_load_fn(self, keys: list[str]) -> list[list[SalesOrderLine]]:
        rows = await get(
            self.client,
            "salesorderdetails",
            select=LINE,
            filter=within("salesorderid", keys),
            orderby="sequencenumber,salesorderdetailid",
        )
        lines = defaultdict(list)
        for row in rows:
            lines[row["_salesorderid_value"]].append(line(row))
        return [lines[key] for key in keys]


async def get(client: httpx2.AsyncClient, collection: str, **options: str) -> list[Row]:
    params = {f"${name}": value for name, value in options.items()}
    response = await client.get(collection, params=params)
    response.raise_for_status()
    rows: list[Row] = response.json()["value"]
    return rows


def within(column: str, keys: list[str]) -> str:
    values = json.dumps(keys)
    return f"Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues={values})"


def order(row: Row) -> SalesOrder:
    placed = row.get("createdon")
    return SalesOrder(
        id=strawberry.ID(row["salesorderid"]),
        number=row["msdyn_salesordernumber"],
        status=OrderStatus(row["msdyn_processingstatus"]),
        placed_at=placed and datetime.fromisoformat(placed),
        total=Money(amount=Decimal(str(row["totalamount"]))),
        customer_reference=row.get("msdyn_customersorderreference"),
        customer=row["_customerid_value"],
    )


def line(row: Row) -> SalesOrderLine:
    return SalesOrderLine(
        description=row["description"],
        quantity=Decimal(str(row["quantity"])),
        unit_price=Money(amount=Decimal(str(row["priceperunit"]))),
    )


class View(GraphQL[dict[str, Any], None]):
    client: httpx2.AsyncClient

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> dict[str, Any]:
        return {
            "client": self.client,
            "accounts": AccountLoader(self.client),
            "lines": LineLoader(self.client),
        }


def create_app(
    stub: str, token: str, transport: httpx2.AsyncBaseTransport | None = None
) -> Starlette:
    view = View(strawberry.Schema(query=Query))

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(
            base_url=f"{stub}/api/data/v9.2/",
            headers={"Authorization": f"Bearer {token}"},
            transport=transport,
            trust_env=False,
        ) as view.client:
            yield

    return Starlette(routes=[Route("/graphql", view)], lifespan=lifespan)


if __name__ == "__main__":
    app = create_app(os.environ["STUB"], os.environ["SERVICE_TOKEN"])
    uvicorn.run(
        app,
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
