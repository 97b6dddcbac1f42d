"""Every check of a line on every way to a line: both are registries, and each cell is tried."""

import ast
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from gateway.resolvers.mutation import Mutation
from gateway.resolvers.orders import line_checks, payloads
from gateway.resolvers.orders.line_checks import Check, WayToLine
from gateway.resolvers.orders.user_errors import ProductNotFound
from tests.gateway.orders.ordering import ERRORS, do, placed, preview, products
from tests.gateway.orders.worlds import changed, key, many_lines, settings_of
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

Line = dict[str, Any]
CHANGED = '"salesorderdetailid" = ?'


@dataclass
class Base:
    """An order with one line, of which nothing that a test tries may be done."""

    stack: Stack
    product: dict[str, Any]
    order: dict[str, Any]

    @property
    def at(self) -> dict[str, Any]:
        return {"order": self.order["id"], "version": self.order["version"]}

    @property
    def line(self) -> str:
        found: str = self.order["lines"]["nodes"][0]["id"]
        return found

    @property
    def line_key(self) -> str:
        return key(self.line)

    def rows(self, table: str, where: str, *args: Any, **values: Any) -> Any:
        return changed(self.stack, table, where, *args, values=values)

    def product_is(self, **values: Any) -> Any:
        return self.rows("product", '"msdyn_productnumber" = ?', self.product["number"], **values)

    def line_is(self, **values: Any) -> Any:
        return self.rows("salesorderdetail", CHANGED, self.line_key, **values)

    def account_is(self, **values: Any) -> Any:
        return self.rows("account", "accountnumber = ?", "US-001", **values)

    def settings_are(self, **values: Any) -> Any:
        return settings_of(self.stack, self.product["itemNumber"], "USMF", values)

    def costs(self, price: int) -> Any:
        """The product, and the line that is there, at a price of so many of its last places."""
        stack, product = ExitStack(), key(self.product["id"])
        rows = self.rows("productpricelevel", '"_productid_value" = ?', product, amount=price)
        stack.enter_context(rows)
        stack.enter_context(self.line_is(priceperunit=price))
        return stack

    def unpriced(self) -> Any:
        """No list has a price of the product, and the line that is there has none."""
        stack, product = ExitStack(), key(self.product["id"])
        rows = self.rows("productpricelevel", '"_productid_value" = ?', product, _uomid_value=None)
        stack.enter_context(rows)
        stack.enter_context(self.line_is(priceperunit=None))
        return stack


@dataclass(frozen=True)
class Case:
    """The cause that makes one check fail: a line, or the world around it."""

    code: str
    line: Line = field(default_factory=dict)
    world: Callable[[Base], AbstractContextManager[Any]] = lambda base: ExitStack()
    lines: int = 1


PACKS = {"msdyn_minimumsalesorderquantity": 0, "msdyn_salesquantitymultiples": 50_000_000}
CASES = {
    Check.COUNT: [Case("INVALID_INPUT", lines=501), Case("INVALID_INPUT", lines=2_000)],
    Check.NAME: [
        Case("INVALID_INPUT", {"number": None}),
        Case("INVALID_INPUT", {"itemNumber": "x"}),
        Case("INVALID_INPUT", {"number": "x" * 30_000}),
        Case("INVALID_INPUT", {"number": None, "itemNumber": "x" * 101}),
        Case("INVALID_INPUT", {"customerItemNumber": "MY-101"}),
        Case("INVALID_INPUT", {"number": None, "customerItemNumber": "x" * 101}),
    ],
    Check.QUANTITY: [Case("INVALID_INPUT", {"quantity": each}) for each in ("0", "-2")],
    Check.TEXT: [
        Case("INVALID_INPUT", {"note": "x" * 256}),
        Case("INVALID_INPUT", {"note": "\N{GRINNING FACE}" * 128}),
        Case("INVALID_INPUT", {"note": "bell \x07"}),
    ],
    Check.PRODUCT: [
        Case("PRODUCT_NOT_FOUND", {"number": "nothing"},
             lambda base: base.line_is(_productid_value=None)),
        Case("PRODUCT_NOT_FOUND", {"number": None, "customerItemNumber": "nobody's"},
             lambda base: base.line_is(_productid_value=None)),
        # What is not released yet is nobody's to see.
        Case("PRODUCT_NOT_FOUND", world=lambda base: base.product_is(statecode=2)),
    ],
    Check.SELLABLE: [
        Case("PRODUCT_NOT_SELLABLE", world=lambda base: base.product_is(statecode=1)),
        Case("PRODUCT_NOT_SELLABLE",
             world=lambda base: base.settings_are(msdyn_issalesprocessingstopped=1)),
    ],
    Check.UNIT: [
        Case("UNKNOWN_UNIT", {"unit": "ea"},
             lambda base: base.product_is(_defaultuomscheduleid_value=None)),
    ],
    Check.DECIMALS: [Case("QUANTITY_NOT_ALLOWED", {"quantity": "9.12345"})],
    Check.LIMITS: [
        Case("QUANTITY_BELOW_MINIMUM",
             world=lambda base: base.settings_are(msdyn_minimumsalesorderquantity=100_000_000)),
        Case("QUANTITY_ABOVE_MAXIMUM",
             world=lambda base: base.settings_are(msdyn_maximumsalesorderquantity=1_000_000)),
        Case("QUANTITY_NOT_MULTIPLE", world=lambda base: base.settings_are(**PACKS)),
    ],
    Check.PRICE: [Case("PRICE_UNKNOWN", world=Base.unpriced)],
    Check.AMOUNT: [
        Case("INVALID_INPUT", world=lambda base: base.costs(10**16)),
        # Each line can be kept, and all of them cannot.
        Case("INVALID_INPUT", lines=100, world=lambda base: base.costs(2 * 10**14)),
    ],
    Check.DAY: [
        Case("INVALID_INPUT", {"requestedShippingDate": "2020-01-01"}),
        Case("INVALID_INPUT", {"requestedShippingDate": "1752-12-31"}),
        Case("INVALID_INPUT", {"requestedShippingDate": "2155-01-01"}),
    ],
    Check.HOLD: [
        Case("ACCOUNT_ON_HOLD", world=lambda base: base.account_is(msdyn_onholdstatus=806380002)),
    ],
    Check.CREDIT: [
        Case("CREDIT_LIMIT_EXCEEDED",
             world=lambda base: base.account_is(msdyn_creditlimitismandatory=1, creditlimit=0)),
    ],
}  # fmt: skip
IMPOSSIBLE = {
    (WayToLine.CHANGE, Check.NAME): "the product of a line does not change",
    (WayToLine.REORDER, Check.NAME): "the earlier line names the product",
    (WayToLine.REORDER, Check.DAY): "a day that has passed is left out, and listed",
    (WayToLine.REQUEST, Check.PRICE): "the seller says the price",
    (WayToLine.REQUEST, Check.AMOUNT): "it has no amount",
    (WayToLine.REQUEST, Check.HOLD): "asking commits nobody",
    (WayToLine.REQUEST, Check.CREDIT): "asking commits nobody",
}
"""Cells in which nothing can be wrong, and why."""
ELSEWHERE = {Check.OWN: "test_own_members.py, with an extension"}
"""Checks that are tried on every way by another test."""


async def _new(base: Base, line: Line, case: Case, name: str) -> dict[str, Any]:
    at = base.at if name == "addSalesOrderLines" else {}
    sent: dict[str, Any] = {"lines": [line] * case.lines, "idempotencyKey": str(uuid4())}
    return await do(base.stack, name, **at, **sent)


async def _create(base: Base, line: Line, case: Case) -> dict[str, Any]:
    return await _new(base, line, case, "createSalesOrder")


async def _add(base: Base, line: Line, case: Case) -> dict[str, Any]:
    return await _new(base, line, case, "addSalesOrderLines")


async def _preview(base: Base, line: Line, case: Case) -> dict[str, Any]:
    return await preview(base.stack, lines=[line] * case.lines)


async def _import(base: Base, line: Line, case: Case) -> dict[str, Any]:
    names = (
        "number",
        "itemNumber",
        "customerItemNumber",
        "quantity",
        "unit",
        "requestedShippingDate",
        "note",
    )
    row = ";".join(str(line.get(name) or "") for name in names)
    csv = "\n".join([";".join(names), *[row] * case.lines])
    return await do(
        base.stack, "importSalesOrderLines", **base.at, idempotencyKey=str(uuid4()), csv=csv
    )


async def _change(base: Base, line: Line, case: Case) -> dict[str, Any]:
    said = {
        name: line[name] for name in ("quantity", "note", "requestedShippingDate") if name in line
    }
    return await do(base.stack, "updateSalesOrderLine", **base.at, line=base.line, **said)


async def _reorder(base: Base, line: Line, case: Case) -> dict[str, Any]:
    said = {
        "quantity": int(float(line["quantity"]) * 10**5),
        "msdyn_linedescription": line.get("note"),
    }
    with (
        base.line_is(**said),
        many_lines(base.stack, base.line_key, case.lines),
    ):
        return await do(base.stack, "reorder", order=base.order["id"], idempotencyKey=str(uuid4()))


async def _request(base: Base, line: Line, case: Case) -> dict[str, Any]:
    sent = {"lines": [line] * case.lines, "idempotencyKey": str(uuid4())}
    payload: dict[str, Any] = (await base.stack.ask(REQUEST, input=sent)).data["requestQuote"]
    return payload


REQUEST = f"""mutation ($input: RequestQuoteInput!) {{
  requestQuote(input: $input) {{ status {ERRORS} }}
}}"""


WAYS: dict[WayToLine, Callable[[Base, Line, Case], Awaitable[dict[str, Any]]]] = {
    WayToLine.CREATE: _create,
    WayToLine.PREVIEW: _preview,
    WayToLine.ADD: _add,
    WayToLine.IMPORT: _import,
    WayToLine.CHANGE: _change,
    WayToLine.REORDER: _reorder,
    WayToLine.REQUEST: _request,
}
CELLS = [
    pytest.param(way, case, id=f"{way.name}-{check.name}-{number}")
    for way in WayToLine
    for check, cases in CASES.items()
    if (way, check) not in IMPOSSIBLE
    for number, case in enumerate(cases)
    if way is not WayToLine.CHANGE or case.lines == 1  # a change adds no line
]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def base(changing_world: Starlette) -> AsyncIterator[Base]:
    async with running(changing_world, unpriced="refuse") as stack:
        (product,) = [each for each in await products(stack, 50) if each["unit"] == "ea"][:1]
        lines = [{"product": product["id"], "quantity": "2"}]
        yield Base(stack, product, await placed(stack, lines=lines))


@pytest.mark.parametrize(("way", "case"), CELLS)
async def test_no_way_to_a_line_leaves_out_a_check(base: Base, way: WayToLine, case: Case) -> None:
    good = {"number": base.product["number"], "quantity": "9"}
    before = await _order(base)

    with case.world(base):
        payload = await WAYS[way](base, good | case.line, case)

    assert {error["code"] for error in payload["errors"]} == {case.code}
    assert payload.get("status") is None
    assert all(error["path"][0] == "input" for error in payload["errors"])
    assert await _order(base) == before


@pytest.mark.parametrize("way", WayToLine)
async def test_the_same_line_is_taken_where_nothing_is_wrong(base: Base, way: WayToLine) -> None:
    good = {"number": base.product["number"], "quantity": "9", "note": "\N{GRINNING FACE}" * 127}
    base.order = await placed(base.stack, lines=[{"product": base.product["id"], "quantity": "2"}])

    payload = await WAYS[way](base, good, Case(""))

    assert payload["errors"] == []


async def _order(base: Base) -> dict[str, Any]:
    query = (
        "query ($id: ID!) { order(id: $id) { version lines { totalCount } } orders { totalCount } }"
    )
    found: dict[str, Any] = (await base.stack.ask(query, id=base.order["id"])).data
    return found


def test_the_registries_are_whole() -> None:
    of_account = {Check.COUNT, Check.HOLD, Check.CREDIT}

    assert CASES.keys() == {*Check} - ELSEWHERE.keys()
    assert WAYS.keys() == {*WayToLine}
    assert {*Check} == line_checks.OF_INPUT.keys() | line_checks.OF_LINE.keys() | of_account


def test_every_mutation_that_can_make_a_line_is_a_way() -> None:
    fields = Mutation.__strawberry_definition__.fields  # type: ignore[attr-defined]
    answers = {field.name: getattr(field.type, "of_type", field.type) for field in fields}
    errors = {name: getattr(answer, "ERRORS", ()) for name, answer in answers.items()}
    making = {name for name, found in errors.items() if ProductNotFound in found}

    assert {_camel(name) for name in making} == {way.value for way in WayToLine}
    for name in making:
        codes = {error.CODE for error in errors[name]}
        way = WayToLine(_camel(name))
        possible = [CASES[check] for check in CASES if (way, check) not in IMPOSSIBLE]
        assert {case.code for cases in possible for case in cases} <= codes, name


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def test_lines_that_were_not_checked_cannot_be_sent() -> None:
    made: dict[str, set[str]] = {"Sound": set(), "Item": set(), "Basket": set()}
    for file in Path(payloads.__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) in made:
                made[node.func.id].add(file.stem)  # type: ignore[attr-defined]

    assert made == {"Sound": {"line_checks"}, "Item": {"line_checks"}, "Basket": {"line_checks"}}
