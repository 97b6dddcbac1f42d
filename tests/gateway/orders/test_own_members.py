"""Members of an extension in the inputs of orders and lines: typed, checked, written, read back."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import AnyAction, Cut, Fail
from emulator.faults.rules import Faults
from gateway.resolvers.orders.line_checks import WayToLine
from gateway.resolvers.root import build
from tests.extensions import written
from tests.gateway.orders.ordering import ERRORS, mutation, new_order, products
from tests.gateway.orders.worlds import changed, key
from tests.stack import Answer, Stack, emulator, running

pytestmark = pytest.mark.anyio
Line = dict[str, Any]
OWN = """
from datetime import date, datetime
from decimal import Decimal

from gateway.extension import *


@enum(description="How urgent an order is.")
class Urgency(OptionSet):
    NORMAL = option(1, "As usual.")
    URGENT = option(2, "Before all others.")
    UNKNOWN = unknown()


@extend(SalesOrder)
class AcmeOrder:
    project: str | None = column("acme_project", "The project.", written="always", input=True)
    urgency: Urgency | None = column("acme_urgency", "Urgency.", written="always", input=True)
    weight: Decimal | None = column("acme_weight", "Weight.", written="always", input=True)
    floors: int | None = column("acme_floors", "Floors.", written="always", input=True)
    fragile: bool | None = column("acme_fragile", "Fragile.", written="always", input=True)
    built: date | None = column("acme_built", "Built on.", written="always", input=True)
    opens: datetime | None = column("acme_opens", "Opens at.", written="always", input=True)
    once: str | None = column("acme_once", "Said once.", written="create", input=True)
    later: str | None = column("acme_later", "Said later.", written="update", input=True)
    absent: str | None = column("acme_absent", "Nowhere.", written="always", input=True)
    inside: str | None = column("acme_inside", "For own mutations.", written="always")


@extend(SalesOrderLine)
class AcmeLine:
    position: str | None = column("acme_position", "Position.", written="always", input=True)
    urgency: Urgency | None = column("acme_urgency", "Urgency.", written="always", input=True)
    due: date | None = column("acme_due", "Due.", written="always", input=True)
"""
COLUMNS = """
[optionsets.acme_urgency]
1 = "Normal"
2 = "Urgent"
3 = "Unheard of"

[salesorder.columns]
"string 100" = "acme_project acme_once acme_later acme_inside"
"choice acme_urgency" = "acme_urgency"
"decimal 2" = "acme_weight"
"int" = "acme_floors"
"bool" = "acme_fragile"
"date" = "acme_built"
"datetime" = "acme_opens"

[salesorderdetail.columns]
"string 20" = "acme_position"
"choice acme_urgency" = "acme_urgency"
"date" = "acme_due"
"""
MEMBERS = "project urgency weight floors fragile built opens once later inside"
LINES = "lines(first: 50) { nodes { id number: description position urgency due } }"
HEADER: dict[str, Any] = {
    "project": "Stadium",
    "urgency": "URGENT",
    "weight": "12.5",
    "floors": 7,
    "fragile": True,
    "built": "2031-02-03",
    "opens": "2031-02-03T10:00:00+02:00",
}
LINE = {"position": "A-1", "urgency": "URGENT", "due": "2031-02-03"}
READ_BACK = HEADER | {"opens": "2031-02-03T08:00:00+00:00"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with written(tmp_path_factory.mktemp("own"), OWN, "acme_inputs") as name:
        yield name


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Starlette:
    path = tmp_path_factory.mktemp("world") / "acme.toml"
    path.write_text(COLUMNS)
    return emulator(metadata=(path,))


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audit") / "audit.jsonl"


@pytest.fixture(scope="module")
async def stack(world: Starlette, own: str, audit: Path) -> AsyncIterator[Stack]:
    changes: dict[str, Any] = {"extensions": (own,), "audit_file": str(audit)}
    async with running(world, **changes) as found:
        yield found


@pytest.fixture
def faults(stack: Stack) -> Iterator[Faults]:
    yield stack.emulator.state.faults
    stack.emulator.state.faults.clear()


async def do(stack: Stack, name: str, *, as_: str = "jane", **sent: Any) -> dict[str, Any]:
    """The payload of a mutation, with the members of the extension."""
    answer = await ask(stack, name, as_=as_, **sent)
    found: dict[str, Any] = answer.data[name]
    return found


async def ask(stack: Stack, name: str, *, as_: str = "jane", **sent: Any) -> Answer:
    text = mutation(name).replace("order { ", f"order {{ own: id {MEMBERS} {LINES} ", 1)
    text = text.replace("lines(first: 50) {\n", "others: lines(first: 50) {\n")
    if name == "previewSalesOrder":
        kind = "PreviewSalesOrderInput"
        text = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ complete {ERRORS} }} }}"
    return await stack.ask(text, as_=as_, input=sent)


async def placed(stack: Stack, **changes: Any) -> dict[str, Any]:
    payload = await do(stack, "createSalesOrder", **await new_order(stack, **changes))
    assert payload["errors"] == []
    found: dict[str, Any] = payload["order"]
    return found


def at(order: dict[str, Any]) -> dict[str, Any]:
    return {"order": order["id"], "version": order["version"]}


def lines_of(order: dict[str, Any]) -> list[Line]:
    return [{name: line[name] for name in LINE} for line in order["lines"]["nodes"]]


def header_of(order: dict[str, Any]) -> dict[str, Any]:
    return {name: order[name] for name in HEADER}


async def one(stack: Stack, **line: Any) -> list[Line]:
    (product,) = await products(stack, 1)
    return [{"number": product["number"], "quantity": "2", **line}]


async def test_an_order_is_placed_with_them_and_shows_them(stack: Stack) -> None:
    order = await placed(stack, lines=await one(stack, **LINE), **HEADER)

    assert header_of(order) == READ_BACK
    assert lines_of(order) == [LINE]


async def test_an_order_without_them_is_placed_as_ever(stack: Stack) -> None:
    order = await placed(stack)

    assert set(header_of(order).values()) <= {None, False}
    assert lines_of(order) == [dict.fromkeys(LINE)] * 2


async def test_they_are_changed_and_cleared(stack: Stack) -> None:
    order = await placed(stack, **HEADER)

    changed_ = await do(stack, "updateSalesOrder", **at(order), project="Tower", later="x")
    order = changed_["order"]
    cleared: dict[str, Any] = dict.fromkeys(HEADER) | {"fragile": False}
    emptied = await do(stack, "updateSalesOrder", **at(order), **cleared)

    assert changed_["errors"] == emptied["errors"] == []
    assert (order["project"], order["later"], order["floors"]) == ("Tower", "x", 7)
    assert header_of(emptied["order"]) == cleared
    assert emptied["order"]["customerReference"] == "PO-1"


async def test_a_blank_text_is_none(stack: Stack) -> None:
    order = await placed(stack, project="  ")

    assert order["project"] is None


async def test_a_member_is_in_the_inputs_that_it_is_declared_for(stack: Stack) -> None:
    order = await placed(stack, once="said")

    for name, sent in [
        ("createSalesOrder", await new_order(stack, later="no")),
        ("createSalesOrder", await new_order(stack, inside="no")),
        ("updateSalesOrder", at(order) | {"once": "no"}),
        ("updateSalesOrder", at(order) | {"inside": "no"}),
    ]:
        refused = await ask(stack, name, **sent)
        assert refused.codes == ["BAD_REQUEST"], name


async def _create(stack: Stack, line: Line) -> dict[str, Any]:
    return await do(stack, "createSalesOrder", **await new_order(stack, lines=[line]))


async def _preview(stack: Stack, line: Line) -> dict[str, Any]:
    return await do(stack, "previewSalesOrder", lines=[line])


async def _add(stack: Stack, line: Line) -> dict[str, Any]:
    order, sent = await placed(stack), await new_order(stack)
    more = {"idempotencyKey": sent["idempotencyKey"], "lines": [line]}
    return await do(stack, "addSalesOrderLines", **at(order), **more)


async def _import(stack: Stack, line: Line) -> dict[str, Any]:
    order, sent = await placed(stack), await new_order(stack)
    csv = ";".join(line) + "\n" + ";".join(line.values())
    more = {"idempotencyKey": sent["idempotencyKey"], "csv": csv}
    return await do(stack, "importSalesOrderLines", **at(order), **more)


async def _change(stack: Stack, line: Line) -> dict[str, Any]:
    order = await placed(stack)
    said = {name: line[name] for name in LINE if name in line}
    last = order["lines"]["nodes"][-1]["id"]
    return await do(stack, "updateSalesOrderLine", **at(order), line=last, **said)


async def _reorder(stack: Stack, line: Line) -> dict[str, Any]:
    order = await placed(stack, lines=await one(stack, **LINE))
    values = {"position": "acme_position", "urgency": "acme_urgency"}
    said: dict[str, Any] = {values[name]: line[name] for name in values if name in line}
    if "acme_urgency" in said:
        said["acme_urgency"] = {"URGENT": 2, "UNKNOWN": 3}[said["acme_urgency"]]
    with ExitStack() as world:
        if said:
            row = ("salesorderdetail", '"salesorderdetailid" = ?')
            line_id = key(order["lines"]["nodes"][0]["id"])
            world.enter_context(changed(stack, *row, line_id, values=said))
        sent = {"idempotencyKey": str(datetime.now()), "order": order["id"]}
        return await do(stack, "reorder", **sent)


WAYS: dict[WayToLine, Callable[[Stack, Line], Awaitable[dict[str, Any]]]] = {
    WayToLine.CREATE: _create,
    WayToLine.PREVIEW: _preview,
    WayToLine.ADD: _add,
    WayToLine.IMPORT: _import,
    WayToLine.CHANGE: _change,
    WayToLine.REORDER: _reorder,
}


def test_every_way_to_a_line_is_tried() -> None:
    assert WAYS.keys() == {*WayToLine} - {WayToLine.REQUEST}, "its lines are none of an order"


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_to_a_line_takes_them_along(stack: Stack, way: WayToLine) -> None:
    (line,) = await one(stack, **LINE)

    payload = await WAYS[way](stack, line)

    assert payload["errors"] == []
    if way is not WayToLine.PREVIEW:
        assert lines_of(payload["order"])[-1] == LINE


@pytest.mark.parametrize("way", [way for way in WAYS if way is not WayToLine.REORDER])
@pytest.mark.parametrize("text", ["x" * 21, "\N{GRINNING FACE}" * 11, "bell \x07"])
async def test_no_way_to_a_line_takes_what_its_column_cannot_hold(
    stack: Stack, way: WayToLine, text: str
) -> None:
    (line,) = await one(stack, position=text)

    payload = await WAYS[way](stack, line)

    (error,) = payload["errors"]
    assert error["code"] == "INVALID_INPUT"
    if way is not WayToLine.IMPORT or "\x07" not in text:  # the reader of lists names the row
        assert error["path"][-1] == "position"


@pytest.mark.parametrize("way", [each for each in WAYS if each.name not in ("IMPORT", "REORDER")])
async def test_a_value_that_nobody_knows_cannot_be_chosen(stack: Stack, way: WayToLine) -> None:
    (line,) = await one(stack, urgency="UNKNOWN")

    (error,) = (await WAYS[way](stack, line))["errors"]

    assert (error["code"], error["path"][-1]) == ("INVALID_INPUT", "urgency")


async def test_a_reorder_leaves_out_a_value_that_nobody_knows(stack: Stack) -> None:
    payload = await _reorder(stack, {"urgency": "UNKNOWN"})

    assert payload["errors"] == []
    assert lines_of(payload["order"]) == [LINE | {"urgency": None}]


WRONG = {
    "project": "x" * 101,
    "urgency": "UNKNOWN",
    "weight": "Infinity",
    "opens": "2031-02-03T10:00:00",
    "absent": "x",
}


@pytest.mark.parametrize("member", WRONG)
@pytest.mark.parametrize("name", ["createSalesOrder", "previewSalesOrder", "updateSalesOrder"])
async def test_a_mistake_in_one_is_named_with_its_place(
    stack: Stack, name: str, member: str
) -> None:
    sent = await new_order(stack)
    if name == "previewSalesOrder":
        del sent["idempotencyKey"]
    if name == "updateSalesOrder":
        sent = at(await placed(stack))

    payload = await do(stack, name, **sent, **{member: WRONG[member]})

    (error,) = payload["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", member])


async def test_the_same_key_with_another_value_is_another_order(stack: Stack) -> None:
    sent = await new_order(stack, project="Stadium")

    first, again, other = [
        await do(stack, "createSalesOrder", **sent | {"project": project})
        for project in ("Stadium", "Stadium", "Tower")
    ]

    assert first["errors"] == again["errors"] == []
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert [error["code"] for error in other["errors"]] == ["IDEMPOTENCY_MISMATCH"]


@pytest.mark.parametrize("action", [Cut(after_commit=True), Fail()], ids=repr)
async def test_a_fault_on_the_way_is_told_from_what_stands(
    stack: Stack, faults: Faults, action: AnyAction
) -> None:
    order = await placed(stack)
    line = order["lines"]["nodes"][0]["id"]
    faults.add(action, times=1, method="POST")

    changed_ = await do(stack, "updateSalesOrderLine", **at(order), line=line, **LINE)
    faults.add(action, times=1, method="PATCH")
    header = await do(stack, "updateSalesOrder", **at(changed_["order"]), **HEADER)

    assert changed_["errors"] == header["errors"] == []
    assert changed_["status"] == header["status"] == "CHANGED"
    assert lines_of(header["order"])[0] == LINE
    assert header_of(header["order"]) == READ_BACK


async def test_the_same_change_again_is_known_to_stand(stack: Stack) -> None:
    order = await placed(stack)
    line = order["lines"]["nodes"][0]["id"]

    first = await do(stack, "updateSalesOrderLine", **at(order), line=line, **LINE)
    again = await do(stack, "updateSalesOrderLine", **at(order), line=line, **LINE)
    header = [await do(stack, "updateSalesOrder", **at(first["order"]), **HEADER) for _ in "12"]

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert [each["replayed"] for each in header] == [False, True]


CELLS = {
    "urgency": ("soon", "“soon” cannot be read; write one of NORMAL, URGENT."),
    "due": ("3 Feb", "“3 Feb” cannot be read; write it as 2026-12-31."),
}


@pytest.mark.parametrize("member", CELLS)
async def test_a_cell_that_is_no_value_is_named_by_its_row(stack: Stack, member: str) -> None:
    text, said = CELLS[member]
    (line,) = await one(stack, **{member: text})

    (error,) = (await _import(stack, line))["errors"]

    assert (error["message"], error["path"]) == (said, ["input", "csv", "1", member])


async def test_a_list_names_them_in_any_case_and_without_them_is_as_ever(stack: Stack) -> None:
    (line,) = await one(stack)

    spelled = await _import(stack, line | {"POSITION ": "A-1", "Urgency": "urgent"})
    plain = await _import(stack, line)

    assert lines_of(spelled["order"])[-1] == LINE | {"due": None}
    assert lines_of(plain["order"])[-1] == dict.fromkeys(LINE)


async def test_each_try_leaves_a_line_in_the_audit(stack: Stack, audit: Path) -> None:
    order = await placed(stack, project="Stadium")

    assert [line["outcome"] for line in told(audit) if order["id"] in line.get("rows", ())] == [
        "done"
    ]


def told(audit: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in audit.read_text().splitlines()]


@pytest.fixture
def hiding(tmp_path: Path) -> Path:
    policy = tmp_path / "policy.toml"
    hidden = 'hide = ["SalesOrder.project", "SalesOrderLine.position"]\n'
    policy.write_text(
        '[roles.buyer]\nextends = "buyer"\n[roles.buyer.orders]\naccess = "own"\n'
        f'privileges = ["read", "create"]\n{hidden}'
    )
    return policy


async def test_a_role_that_hides_one_may_not_write_it(
    world: Starlette, own: str, hiding: Path
) -> None:
    async with running(world, extensions=(own,), policy=hiding) as stack:
        good = await new_order(stack)
        header = await stack.ask(SHORT, input=good | {"project": "Stadium"})
        line = await stack.ask(SHORT, input=good | {"lines": await one(stack, position="A-1")})
        fine = await stack.ask(SHORT, input=good | {"lines": await one(stack, due="2031-02-03")})
        id_ = fine.data["createSalesOrder"]["order"]["id"]
        again = await stack.ask(AGAIN, input={"order": id_, "idempotencyKey": "hidden"})

    assert (header.codes, line.codes) == (["FORBIDDEN"], ["FORBIDDEN"])
    assert again.data["reorder"]["errors"] == []


SHORT = """mutation($input: CreateSalesOrderInput!) {
  createSalesOrder(input: $input) { order { id } errors { code } }
}"""
AGAIN = "mutation($input: ReorderInput!) { reorder(input: $input) { errors { code message } } }"

REQUIRED = """
from gateway.extension import *


@extend(SalesOrder)
class AcmeOrder:
    site: str = column("acme_project", "The project.", written="always", input=True)


@extend(SalesOrderLine)
class AcmeLine:
    place: str = column("acme_position", "Position.", written="always", input=True)
"""


async def test_a_member_that_may_not_be_null_must_be_given_and_stays(
    world: Starlette, tmp_path: Path
) -> None:
    with written(tmp_path, REQUIRED, "acme_required") as name:
        async with running(world, extensions=(name,)) as stack:
            (line,) = await one(stack, place="A-1")
            good = await new_order(stack, site="Stadium", lines=[line])
            made = await do_short(stack, "createSalesOrder", **good)
            left_out = await stack.ask(SHORT, input=await new_order(stack, lines=[line]))
            blank = await do_short(stack, "createSalesOrder", **good | {"site": " "})
            order = at(made["order"])
            cleared = await do_short(stack, "updateSalesOrder", **order, site=None)
            key_ = {"idempotencyKey": "required"}
            csv = f"number;quantity\n{line['number']};2"
            listed = await do_short(stack, "importSalesOrderLines", **order, **key_, csv=csv)

    assert made["errors"] == []
    assert left_out.codes == ["BAD_REQUEST"]
    assert [each["errors"][0]["path"] for each in (blank, cleared)] == [["input", "site"]] * 2
    assert listed["errors"][0]["path"] == ["input", "csv", "1", "place"]


async def do_short(stack: Stack, name: str, **sent: Any) -> dict[str, Any]:
    kind = name[0].upper() + name[1:] + "Input"
    text = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ order {{ id version }} "
    text += "errors { code message path } } }"
    found: dict[str, Any] = (await stack.ask(text, input=sent)).data[name]
    return found


def test_an_app_without_them_has_the_inputs_that_it_had(own: str) -> None:
    before = build().as_str()

    assert "project" in build([own]).as_str()
    assert build().as_str() == before
    assert "AcmeOrder" not in before
    assert "  project: String" not in before
