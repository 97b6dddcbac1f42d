"""Days are read, asked for, ordered by and written right, however Dataverse keeps them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.applications import Starlette

from gateway.config.parsers import zones
from tests.emulator.trade import trading
from tests.environments import Json, altered, dumped, rebehave, written
from tests.stack import Stack, emulator, onward, running

pytestmark = pytest.mark.anyio

BERLIN, CHICAGO = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Chicago")
SUMMER, WINTER = date(2027, 7, 15), date(2027, 12, 15)
COLUMN = "requestdeliveryby"
ORDERS = """query (
  $filter: SalesOrderFilter, $first: Int = 100, $after: String, $orderBy: [SalesOrderOrder!]
) {
  orders(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    nodes { id number company requestedShippingDate }
    pageInfo { hasNextPage endCursor }
  }
}"""
LINES = """{
  orderLines(first: 100) { nodes { sequence requestedShippingDate order { number company } } }
}"""
PLACE = """mutation ($input: CreateSalesOrderInput!) {
  createSalesOrder(input: $input) {
    order {
      id number version requestedShippingDate lines { nodes { id requestedShippingDate } }
    }
    errors { code message }
  }
}"""
UPDATE = """mutation ($input: UpdateSalesOrderInput!) {
  updateSalesOrder(input: $input) {
    status order { requestedShippingDate } errors { code message }
  }
}"""


def instant(day: date, zone: ZoneInfo) -> str:
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    return f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Kept:
    """The form in which a column keeps a day: its behaviour, and what stands in it."""

    behaviour: str
    form: Callable[[date], str]


KEPT = {
    "user local": Kept("UserLocal", lambda day: instant(day, BERLIN)),
    "time-zone independent": Kept("TimeZoneIndependent", lambda day: f"{day}T00:00:00Z"),
    "date only": Kept("DateOnly", str),
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def dump() -> Json:
    async with trading() as trade:
        return await dumped(trade.http)


@pytest.fixture(scope="module", params=KEPT)
def kept(request: pytest.FixtureRequest) -> Kept:
    return KEPT[request.param]


@pytest.fixture(scope="module")
def environment(kept: Kept, dump: Json, tmp_path_factory: pytest.TempPathFactory) -> Starlette:
    tables = ("salesorder", "salesorderdetail")
    changes = (rebehave(table, COLUMN, kept.behaviour) for table in tables)
    path = written(tmp_path_factory.mktemp("days"), altered(dump, *changes))
    return emulator(environment=path)


def in_zones(environment: Starlette, words: str = "Europe/Berlin") -> Any:
    return running(environment, time_zone=zones(words))


async def orders(stack: Stack, *, as_: str = "admin", **variables: Any) -> list[Json]:
    """The orders that a filter finds, page by page: those of all customers, or of one."""
    found: list[Json] = []
    after = None
    while True:
        answer = await stack.ask(ORDERS, as_=as_, after=after, **variables)
        page = answer.data["orders"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = onward(page["pageInfo"], after)


async def erp_days(stack: Stack) -> dict[tuple[str, str], str]:
    """The day of each order as the ERP has it, which keeps no zone."""
    headers = await stack.service()
    select = "dataAreaId,SalesOrderNumber,RequestedShippingDate"
    path: str | None = f"/data/SalesOrderHeadersV2?cross-company=true&$select={select}"
    found = {}
    while path:
        body = (await stack.upstream.get(path, headers=headers)).raise_for_status().json()
        for row in body["value"]:
            key = row["dataAreaId"].upper(), row["SalesOrderNumber"]
            found[key] = row["RequestedShippingDate"][:10]
        path = body.get("@odata.nextLink")
    return found


@pytest.mark.parametrize("words", ["Europe/Berlin", ""])
async def test_a_day_is_the_one_that_was_typed(environment: Starlette, words: str) -> None:
    async with in_zones(environment, words) as stack:
        theirs = await erp_days(stack)
        ours = {
            (each["company"].upper(), each["number"]): each["requestedShippingDate"]
            for each in await orders(stack)
        }

    dated = {key: day for key, day in ours.items() if day is not None}
    assert {date.fromisoformat(day).month for day in dated.values()} >= {1, 7}
    assert dated == {key: theirs[key] for key in dated}


async def test_a_day_is_kept_in_the_form_of_its_behaviour(
    environment: Starlette, kept: Kept
) -> None:
    async with in_zones(environment) as stack:
        rows = await stack.rows(f"salesorders?$select={COLUMN}&$filter={COLUMN} ne null&$top=50")
        days = {each["requestedShippingDate"] for each in await orders(stack)}

    assert {row[COLUMN] for row in rows} <= {
        kept.form(date.fromisoformat(day)) for day in days if day
    }


async def test_a_filter_by_a_day_finds_the_orders_of_that_day(environment: Starlette) -> None:
    async with in_zones(environment) as stack:
        every = await orders(stack, as_="rep")
        days = sorted({each["requestedShippingDate"] for each in every} - {None})
        some, other = days[len(days) // 3], days[len(days) // 2]
        wanted: dict[str, tuple[Any, Callable[[str], bool]]] = {
            "eq": (some, lambda day: day == some),
            "lt": (some, lambda day: day < some),
            "lte": (some, lambda day: day <= some),
            "gt": (some, lambda day: day > some),
            "gte": (some, lambda day: day >= some),
            "in": ([some, other], lambda day: day in (some, other)),
        }
        for op, (value, holds) in wanted.items():
            condition = {"requestedShippingDate": {op: value}}
            numbers = {each["id"] for each in await orders(stack, as_="rep", filter=condition)}
            expected = {
                each["id"]
                for each in every
                if each["requestedShippingDate"] and holds(each["requestedShippingDate"])
            }
            assert expected
            assert numbers == expected, op
            others = await orders(stack, as_="rep", filter={"not": condition})
            assert {each["id"] for each in others} == {e["id"] for e in every} - expected, op


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_pages_in_the_order_of_a_day_neither_skip_nor_repeat(
    environment: Starlette, direction: str
) -> None:
    by = [{"field": "REQUESTED_SHIPPING_DATE", "direction": direction}]
    async with in_zones(environment) as stack:
        every = await orders(stack, as_="rep")
        found = await orders(stack, as_="rep", first=7, orderBy=by)

    assert len(found) == len({each["id"] for each in found}) == len(every)
    days = [each["requestedShippingDate"] or "" for each in found]
    assert days == sorted(days, reverse=direction == "DESC")


async def test_lines_have_the_days_of_their_own_column(environment: Starlette) -> None:
    async with in_zones(environment) as stack:
        lines = (await stack.ask(LINES, as_="jane")).data["orderLines"]["nodes"]
        headers = await stack.service()
        for line in [each for each in lines if each["requestedShippingDate"]][:10]:
            where = (
                f"dataAreaId eq '{line['order']['company'].lower()}'"
                f" and SalesOrderNumber eq '{line['order']['number']}'"
                f" and LineCreationSequenceNumber eq {line['sequence']}"
            )
            path = f"/data/CDSSalesOrderLines?cross-company=true&$filter={where}"
            (row, *_) = (await stack.upstream.get(path, headers=headers)).json()["value"]
            assert row["RequestedShippingDate"][:10] == line["requestedShippingDate"]


@pytest.mark.parametrize("day", [SUMMER, WINTER], ids=["summer", "winter"])
async def test_a_day_is_written_as_its_column_keeps_it(
    environment: Starlette, kept: Kept, day: date
) -> None:
    async with in_zones(environment) as stack:
        order = await placed(stack, day)
        (row,) = await stack.rows(
            f"salesorders?$filter=msdyn_salesordernumber eq '{order['number']}'"
        )
        lines = await stack.rows(
            f"salesorderdetails?$filter=_salesorderid_value eq {row['salesorderid']}"
        )
        found = await orders(stack, filter={"requestedShippingDate": {"eq": day.isoformat()}})
        theirs = (await erp_days(stack))["USMF", order["number"]]
        later = day + timedelta(days=1)
        changed = await stack.ask(
            UPDATE,
            input={"order": order["id"], "version": order["version"],
                   "requestedShippingDate": later.isoformat()},
        )  # fmt: skip
        again = await stack.rows(f"salesorders?$filter=salesorderid eq {row['salesorderid']}")

    assert row[COLUMN] == kept.form(day)
    assert {line[COLUMN] for line in lines} == {kept.form(day)}
    assert order["requestedShippingDate"] == theirs == day.isoformat()
    assert {each["requestedShippingDate"] for each in order["lines"]["nodes"]} == {theirs}
    assert order["number"] in {each["number"] for each in found}
    assert changed.data["updateSalesOrder"]["errors"] == []
    assert again[0][COLUMN] == kept.form(later)


async def placed(stack: Stack, day: date) -> Json:
    line = {"number": "D0023", "quantity": "2", "requestedShippingDate": day.isoformat()}
    sent = {
        "idempotencyKey": f"on {day} {id(stack)}",
        "requestedShippingDate": day.isoformat(),
        "lines": [line],
    }
    made = (await stack.ask(PLACE, input=sent)).data["createSalesOrder"]
    assert made["errors"] == []
    return dict(made["order"])


async def test_companies_have_zones_of_their_own(environment: Starlette, kept: Kept) -> None:
    local = kept.behaviour == "UserLocal"
    async with in_zones(environment, "Europe/Berlin,usmf=America/Chicago") as stack:
        rows = await stack.rows(
            f"salesorders?$select=msdyn_salesordernumber,{COLUMN}"
            f"&$filter={COLUMN} ne null&$expand=msdyn_Company($select=cdm_companycode)"
        )
        expected = {
            (
                row["msdyn_Company"]["cdm_companycode"].upper(),
                row["msdyn_salesordernumber"],
            ): day_of(
                row[COLUMN],
                CHICAGO if row["msdyn_Company"]["cdm_companycode"] == "USMF" else BERLIN,
            )
            if local
            else row[COLUMN][:10]
            for row in rows
        }
        every = await orders(stack)
        dated = {
            (each["company"].upper(), each["number"]): each["requestedShippingDate"]
            for each in every
            if each["requestedShippingDate"]
        }
        day = sorted(dated.values())[len(dated) // 2]
        found = await orders(stack, filter={"requestedShippingDate": {"eq": day}})
        order = await placed(stack, SUMMER)
        (made,) = await stack.rows(
            f"salesorders?$filter=msdyn_salesordernumber eq '{order['number']}'"
        )

    assert len({company for company, _ in dated}) > 1
    assert dated == expected
    assert {(e["company"].upper(), e["number"]) for e in found} == {
        key for key, value in dated.items() if value == day
    }
    assert made[COLUMN] == (instant(SUMMER, CHICAGO) if local else kept.form(SUMMER))
    assert order["requestedShippingDate"] == SUMMER.isoformat()


def day_of(raw: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(raw).astimezone(zone).date().isoformat()
