"""The cost of the emulator by itself: CPU time per request, without sockets, on a generated world.

Run `python -m benchmarks.emulator --world large`. Each request is sent through the ASGI interface
to the same application that `emulator serve` runs; the figure is the process' CPU time for client
and emulator together, averaged over the repeats. Budgets: a point read 1 ms, 100 orders 5 ms, a
start from the cache 5 s.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import click
import httpx2
from starlette.applications import Starlette

from emulator.app import create_app
from emulator.declarations import standard
from emulator.world.cache import world
from emulator.world.sizes import SIZES

ROOT = "/api/data/v9.2"
SELECT = (
    "$select=name,totalamount,createdon,msdyn_salesordernumber,msdyn_processingstatus,"
    "_customerid_value,_msdyn_company_value,requestdeliveryby"
)
Case = tuple[str, str, int]


def started(name: str, cache: Path) -> tuple[Starlette, float]:
    """The application on a world that is kept in a file, and the seconds until it stood."""
    world(standard(), name, 1, cache, lambda _: None).connection.close()
    begun = time.perf_counter()
    store = world(standard(), name, 1, cache, lambda _: None)
    app = create_app(store, authorize=lambda _: None)
    return app, time.perf_counter() - begun


def cases(orders: list[dict[str, str]]) -> Iterator[Case]:
    """Name, path and repeats of what the gateway asks most."""
    order, customer = orders[0]["salesorderid"], orders[0]["_customerid_value"]
    keys = ",".join(f"'{each['salesorderid']}'" for each in orders)
    numbers = (f"SalesOrderNumber eq '{each['msdyn_salesordernumber']}'" for each in orders)
    lines = f"PropertyName='salesorderid',PropertyValues=[{keys}]"
    own = f"$filter=_customerid_value eq {customer}&$orderby=createdon desc"
    path = f"$filter=salesorderid/_customerid_value eq {customer}"
    erp = f"$filter=dataAreaId eq 'usmf' and ({' or '.join(numbers)})"
    yield "a point read", f"{ROOT}/salesorders({order})?{SELECT}", 200
    yield "a point read of all columns", f"{ROOT}/salesorders({order})", 200
    yield "100 orders", f"{ROOT}/salesorders?{SELECT}&$top=100", 50
    yield (
        "100 orders, newest first",
        f"{ROOT}/salesorders?{SELECT}&$top=100&$orderby=createdon desc",
        50,
    )
    yield "a customer's orders", f"{ROOT}/salesorders?{SELECT}&{own}&$top=100", 50
    yield "a customer's lines by path", f"{ROOT}/salesorderdetails?{path}&$select=quantity", 50
    yield (
        "the lines of 100 orders",
        f"{ROOT}/salesorderdetails?$select=quantity&$filter=Microsoft.Dynamics.CRM.In({lines})",
        20,
    )
    yield (
        "the ERP's lines of 100 orders",
        f"/data/SalesOrderLines?cross-company=true&$select=InventoryLotId&{erp}",
        20,
    )
    yield "a page of 5,000 orders", f"{ROOT}/salesorders?{SELECT}", 3


async def measure(app: Starlette) -> None:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://emulator") as client:
        wanted = "salesorderid,_customerid_value,msdyn_salesordernumber"
        first = await client.get(f"{ROOT}/salesorders?$top=100&$select={wanted}")
        for name, path, repeats in cases(first.json()["value"]):
            body = (await client.get(path)).raise_for_status().json()
            begun = time.process_time()
            for _ in range(repeats):
                await client.get(path)
            spent = (time.process_time() - begun) / repeats * 1000
            click.echo(f"{name:32}{len(body.get('value', [0])):7} rows {spent:9.2f} ms")


@click.command()
@click.option("--world", "name", type=click.Choice(list(SIZES)), default="large")
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache") / "emulator")
def main(name: str, cache: Path) -> None:
    """Measure the emulator alone."""
    app, seconds = started(name, cache)
    click.echo(f"{'start from the cache':32}{'':12} {seconds:9.2f} s")
    asyncio.run(measure(app))


if __name__ == "__main__":
    main()
