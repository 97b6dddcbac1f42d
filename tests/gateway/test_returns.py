"""The returns of an account are those of the ERP, and nobody is told what the goods cost."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Fail
from gateway.model.tables import TABLES
from gateway.schema.ids import encode
from tests.gateway.orders.worlds import changed
from tests.stack import Stack, emulator, onward, running

pytestmark = pytest.mark.anyio

HEADERS, LINES = "ReturnOrderHeadersV2", "ReturnOrderLinesV2"
COST = "ReturnUnitCost"
FIELDS = """
  id number rmaNumber company customerReference requisitionNumber reason returnBy status currency
  replacementNumber total { amount currency } account { number }
  returnTo { name street streetNumber postalCode city state country }
"""
OF_LINES = """
  sequence itemNumber name quantity returnedQuantity unit unitPrice amount status
  expectedOn arrivedOn closedOn product { itemNumber }
"""
EVERY = f"""query ($first: Int, $after: String) {{ returns(first: $first, after: $after) {{
  totalCount nodes {{ {FIELDS} lines(first: 20) {{ nodes {{ {OF_LINES} }} }} }}
  pageInfo {{ hasNextPage endCursor }} }} }}"""
ONE = "query ($id: ID!) { returnOrder(id: $id) { number lines { nodes { itemNumber } } } }"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> Starlette:
    return emulator()


@pytest.fixture
async def stack(world: Starlette) -> AsyncIterator[Stack]:
    async with running(world) as found:
        yield found


async def returns(stack: Stack, caller: str = "rep", first: int = 100) -> list[Row]:
    """All returns that a caller sees, page by page."""
    found: list[Row] = []
    after = None
    while True:
        page = (await stack.ask(EVERY, as_=caller, first=first, after=after)).data["returns"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(found)
            return found
        after = onward(page["pageInfo"], after)


def kept(world: Starlette, name: str, where: str) -> list[Row]:
    """Rows as they are kept, with their decimals."""
    store = world.state.store
    table = store.catalog.tables[name]
    scales = {each.name: each.scale for each in table.columns.values() if each.scale}
    return [
        {
            column: Decimal(value).scaleb(-scales[column]) if column in scales else value
            for column, value in row.items()
        }
        for row in store.select(table, where)
    ]


def day(text: str) -> str | None:
    return None if text.startswith("1900") else text[:10]


async def test_the_returns_of_an_account_are_those_that_the_erp_has_of_it(
    world: Starlette, stack: Stack
) -> None:
    found = await returns(stack)

    rows = kept(world, HEADERS, "\"CustomerAccountNumber\" = 'US-001' AND \"dataAreaId\" = 'usmf'")
    assert len(found) == len(rows) > 20
    by_number = {row["ReturnOrderNumber"]: row for row in rows}
    for each in found:
        row = by_number[each["number"]]
        assert each["account"] == {"number": "US-001"}
        assert (each["rmaNumber"], each["reason"], each["company"]) == (
            row["RMANumber"],
            row["CustomerReturnReasonCode"],
            "usmf",
        )
        assert each["status"] == row["ReturnStatus"].upper()
        assert each["returnBy"] == day(row["ReturnDeadline"])
        assert each["total"]["currency"] == each["currency"] == row["CurrencyCode"]
        assert Decimal(each["total"]["amount"]) == row["OrderTotalAmount"]
        assert each["returnTo"]["city"] == row["ReturnAddressCity"]
    assert {each["status"] for each in found} == {"CREATED", "OPEN", "CLOSED", "CANCELED"}


async def test_the_lines_of_a_return_are_its_own_though_another_company_has_its_number(
    world: Starlette, stack: Stack
) -> None:
    found = await returns(stack)

    theirs = {row["ReturnOrderNumber"] for row in kept(world, LINES, "\"dataAreaId\" = 'demf'")}
    assert theirs & {each["number"] for each in found}
    for each in found:
        where = f"\"ReturnOrderNumber\" = '{each['number']}' AND \"dataAreaId\" = 'usmf'"
        rows = sorted(kept(world, LINES, where), key=lambda row: row["LineCreationSequenceNumber"])
        lines = each["lines"]["nodes"]
        assert [line["sequence"] for line in lines] == [
            row["LineCreationSequenceNumber"] for row in rows
        ]
        for line, row in zip(lines, rows, strict=True):
            assert line["itemNumber"] == row["ItemNumber"]
            assert line["product"] in (None, {"itemNumber": row["ItemNumber"]})
            assert line["status"] == row["ReturnStatus"].upper()
            numbers = [line[name] for name in ("quantity", "returnedQuantity", "amount")]
            assert [*map(Decimal, numbers)] == [
                row["ReturnSalesQuantity"],
                row["ReturnedSalesQuantity"],
                row["LineAmount"],
            ]
            assert line["expectedOn"] == day(row["ExpectedReturnArrivalDate"])
            assert line["arrivedOn"] == day(row["ActualReturnArrivalDate"])
            assert line["closedOn"] == day(row["ReturnClosedDate"])


async def test_the_highest_number_is_first_and_pages_of_any_size_are_the_same_list(
    stack: Stack,
) -> None:
    found = await returns(stack)

    numbers = [each["number"] for each in found]
    assert numbers == sorted(numbers, reverse=True)
    assert await returns(stack, first=3) == found


async def test_the_order_that_replaces_goods_is_one_of_the_callers(stack: Stack) -> None:
    query = """{ returns(first: 100) { nodes {
      number replacementNumber replacement { number account { number } } } } }"""

    found = (await stack.ask(query, as_="rep")).data["returns"]["nodes"]

    replaced = [each for each in found if each["replacementNumber"]]
    assert 0 < len(replaced) < len(found)
    for each in found:
        mine = {"number": each["replacementNumber"], "account": {"number": "US-001"}}
        assert each["replacement"] == (mine if each in replaced else None)


async def test_the_return_of_another_account_does_not_exist(stack: Stack) -> None:
    mine = {each["number"] for each in await returns(stack)}
    query = "{ returns(first: 100) { nodes { id number company account { number } } } }"
    everybodys = (await stack.ask(query, as_="admin")).data["returns"]["nodes"]
    theirs = [each for each in everybodys if each["account"]["number"] != "US-001"]
    number = next(iter(mine))
    of_other_company = encode(TABLES["ReturnOrder"], ("demf", number))

    for id_ in [each["id"] for each in theirs[:5]] + [of_other_company]:
        assert (await stack.ask(ONE, as_="rep", id=id_)).data == {"returnOrder": None}
    listed = await stack.ask(
        "query ($n: [String!]) { returns(filter: { number: { in: $n } }) { totalCount } }",
        as_="rep",
        n=[each["number"] for each in theirs if each["number"] not in mine],
    )
    assert listed.data["returns"]["totalCount"] == 0


async def test_a_buyer_sees_returns_where_the_role_says_so(
    world: Starlette, stack: Stack, tmp_path: Path
) -> None:
    refused = await stack.ask(EVERY, as_="jane", first=2)
    file = tmp_path / "policy.toml"
    file.write_text('[roles.buyer]\nextends = "buyer"\n[roles.buyer.returns]\naccess = "account"\n')

    async with running(world, policy=str(file)) as granted:
        mine = await returns(granted, "jane")

    assert refused.codes == ["FORBIDDEN"]
    assert mine == await returns(stack)


async def test_the_cost_of_what_comes_back_is_neither_told_nor_asked_for(
    world: Starlette, stack: Stack
) -> None:
    scale = world.state.store.catalog.tables[LINES].columns[COST].scale
    canary = 9_876_543

    with changed(stack, LINES, "1 = 1", values={COST: canary * 10**scale}):
        world.state.log.clear()
        found = await returns(stack, "admin")

    calls = world.state.log.calls()
    assert LINES in {call.path.partition("?")[0] for call in calls}
    assert all(COST not in call.query for call in calls)
    assert any(each["lines"]["nodes"] for each in found)
    assert str(canary) not in str(found)
    for table in TABLES.values():
        assert COST not in table.all_paths, table.name


@pytest.mark.parametrize(("table", "member"), [(HEADERS, "status"), (LINES, "lines")])
async def test_a_status_that_the_erp_adds_later_is_unknown(
    stack: Stack, table: str, member: str
) -> None:
    query = "{ returns(first: 1) { nodes { number status lines { nodes { status } } } } }"
    (before,) = (await stack.ask(query, as_="rep")).data["returns"]["nodes"]
    where = '"ReturnOrderNumber" = ? AND "dataAreaId" = \'usmf\''

    with changed(stack, table, where, before["number"], values={"ReturnStatus": "Inspected"}):
        (found,) = (await stack.ask(query, as_="rep")).data["returns"]["nodes"]

    assert before[member] != found[member]
    states = found["lines"]["nodes"] if member == "lines" else [found]
    assert {each["status"] for each in states} == {"UNKNOWN"}


@pytest.mark.parametrize("code", [403, 404])
async def test_a_collection_that_may_not_be_read_breaks_nothing_else(
    world: Starlette, code: int
) -> None:
    query = """{
      orders(first: 2) { nodes { number } }
      accounts { nodes { number returns(first: 1) { nodes { number } } } }
      returns(first: 1) { nodes { number } }
    }"""
    lines = "{ returns(first: 1) { nodes { number lines { nodes { itemNumber } } } } }"
    for name in (HEADERS, LINES):
        world.state.faults.add(Fail(code), service="finops", set=name)
        async with running(world) as stack:
            answer = await stack.ask(query if name == HEADERS else lines, as_="rep")
        world.state.faults.clear()

        found = answer.body["data"]
        assert set(answer.codes) <= {"NOT_AVAILABLE_HERE", "UPSTREAM_REFUSED"}
        assert answer.codes
        if name == HEADERS:
            assert len(found["orders"]["nodes"]) == 2
            assert found["accounts"]["nodes"] == [{"number": "US-001", "returns": None}]
            assert found["returns"] is None
        else:
            (row,) = found["returns"]["nodes"]
            assert row["number"]
            assert row["lines"] is None
