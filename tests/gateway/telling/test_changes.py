"""`changes`: whoever polls is told of every change of theirs once, and of nobody else's."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from gateway.auth import kept
from gateway.telling import journal as journals
from gateway.telling import shared_file
from gateway.telling.journal_file import JournalFile
from tests.gateway.live.test_ending import jane
from tests.gateway.live.worlds import (
    OURS,
    THEIRS,
    account,
    change,
    create,
    delete,
    lines,
    orders,
    untracked,
)
from tests.stack import Stack, emulator, running
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

CHANGES = """
query Changes($after: String, $tables: [String!], $first: Int = 100) {
  changes(after: $after, tables: $tables, first: $first) {
    nodes { id table version removed row { id ... on SalesOrder { name } } }
    cursor
    hasMore
  }
}
"""
ORDERS = ["SalesOrder"]
BOTH = ["SalesOrder", "SalesOrderLine"]
NEEDS = "orders", "contacts"
LISTED = "eyJhbGciOiJkaXIiLCJlbmMiOlsiQTI1NkdDTSJdfQ"
"""The head of an encrypted text that names its encryption by a list."""


async def answered(stack: Stack, *codes: str, **asked: Any) -> Any:
    """The first answer with these codes, or without any: a table may be under way as a whole."""
    async with asyncio.timeout(PATIENCE):
        while (answer := await stack.ask(CHANGES, **asked)).codes != [*codes]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return answer


class Poller:
    """A partner that keeps its cursor."""

    def __init__(self, stack: Stack, tables: list[str] | None, as_: str = "jane") -> None:
        self.stack, self.tables, self.as_, self.cursor = stack, tables, as_, ""

    async def begin(self) -> None:
        answer = await answered(self.stack, as_=self.as_, tables=self.tables)
        assert answer.data["changes"]["nodes"] == []
        self.cursor = answer.data["changes"]["cursor"]

    async def poll(self, first: int = 100) -> list[Any]:
        """All that came since the last time, in pages of `first`."""
        found = []
        for _ in range(1_000):
            answer = await self.stack.ask(CHANGES, as_=self.as_, after=self.cursor, first=first)
            page = answer.data["changes"]
            found += page["nodes"]
            self.cursor = page["cursor"]
            if not page["hasMore"]:
                return found
        raise AssertionError("there is no end")


@pytest.fixture(scope="module")
def world() -> Starlette:
    return emulator()


@pytest.fixture
async def telling(
    world: Starlette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stack]:
    """A gateway that gathers changes, and looks anew for each who asks."""
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    changes_file = str(tmp_path / "changes")
    async with running(
        world, customer_roles=("representative",), changes_file=changes_file
    ) as found:
        yield found
    world.state.faults.clear()


@pytest.fixture
async def poller(telling: Stack) -> Poller:
    made = Poller(telling, BOTH)
    await made.begin()
    return made


async def test_who_polls_is_told_of_each_changed_row_once(telling: Stack, poller: Poller) -> None:
    order, other = orders(telling)[:2]
    change(telling, "salesorders", order["salesorderid"], name="First")
    change(telling, "salesorders", order["salesorderid"], name="Second")
    change(telling, "salesorders", other["salesorderid"], name="Other")

    found = await poller.poll(first=1)

    assert [each["row"]["name"] for each in found] == ["Second", "Other"]
    assert [each["removed"] for each in found] == [False, False]
    assert await poller.poll() == []


async def test_new_and_deleted_rows_are_told(telling: Stack, poller: Poller) -> None:
    line = lines(telling, orders(telling)[0])[0]
    made = create(telling, "salesorderdetails", line)
    (new,) = await poller.poll()
    delete(telling, "salesorderdetails", made)
    (gone,) = await poller.poll()

    assert new["table"] == gone["table"] == "SalesOrderLine"
    assert (new["id"], new["removed"]) == (gone["id"], False)
    assert (gone["removed"], gone["row"]) == (True, None)


async def test_a_row_that_came_and_went_between_two_polls_is_not_told(
    telling: Stack, poller: Poller
) -> None:
    line = lines(telling, orders(telling)[0])[0]
    delete(telling, "salesorderdetails", create(telling, "salesorderdetails", line))

    assert await poller.poll() == []


async def test_rows_that_leave_a_rule_or_enter_it_are_told(telling: Stack, poller: Poller) -> None:
    key = orders(telling)[0]["salesorderid"]
    found = []
    for owner in (THEIRS, OURS):
        change(telling, "salesorders", key, _customerid_value=account(telling, owner))
        found += [each for each in await poller.poll() if each["table"] == "SalesOrder"]

    assert [each["removed"] for each in found] == [True, False]
    assert found[0]["id"] == found[1]["id"]


async def test_a_row_that_left_and_came_back_between_two_polls_is_there(
    telling: Stack, poller: Poller
) -> None:
    key = orders(telling)[0]["salesorderid"]
    for owner in (THEIRS, OURS):
        change(telling, "salesorders", key, _customerid_value=account(telling, owner))

    (found,) = [each for each in await poller.poll() if each["table"] == "SalesOrder"]
    assert (found["removed"], found["row"] is None) == (False, False)


async def test_a_cursor_ends_with_the_rights_that_it_was_made_with(
    telling: Stack, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "REMEMBER", 0.0)
    me = jane(telling)
    change(telling, "contacts", me["contactid"], _parentcustomerid_value=account(telling, THEIRS))
    try:
        during = await telling.ask(CHANGES, after=poller.cursor)
    finally:
        back = me["_parentcustomerid_value"]
        change(telling, "contacts", me["contactid"], _parentcustomerid_value=back)

    assert during.codes == ["CURSOR_EXPIRED"]
    assert await poller.poll() == []


async def test_nothing_is_told_of_others(telling: Stack, poller: Poller) -> None:
    theirs = orders(telling, THEIRS)[:2]
    change(telling, "salesorders", theirs[0]["salesorderid"], name="Theirs")
    line = lines(telling, theirs[0])[0]
    delete(telling, "salesorderdetails", line["salesorderdetailid"])
    delete(telling, "salesorderdetails", create(telling, "salesorderdetails", line))

    length = len(poller.cursor)
    assert await poller.poll() == []
    assert len(poller.cursor) == length


async def test_an_old_cursor_is_answered_again_with_the_same(
    telling: Stack, poller: Poller
) -> None:
    order = orders(telling)[2]
    cursor = poller.cursor
    change(telling, "salesorders", order["salesorderid"], name="Answer lost")
    first = await poller.poll()
    poller.cursor = cursor

    assert await poller.poll() == first


async def test_nothing_is_lost_while_the_gateway_is_away(
    world: Starlette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    more: Any = {"customer_roles": ("representative",), "changes_file": str(tmp_path / "changes")}
    async with running(world, **more) as stack:
        poller = Poller(stack, BOTH)
        await poller.begin()
        line = lines(stack, orders(stack)[0])[0]
        key = create(stack, "salesorderdetails", line)
        (new,) = await poller.poll()
        delete(stack, "salesorderdetails", key)
    async with running(world, **more) as stack:
        poller.stack = stack
        (gone,) = await poller.poll()

    assert (gone["id"], gone["removed"]) == (new["id"], True)


async def test_a_delta_link_that_expired_loses_nothing(telling: Stack, poller: Poller) -> None:
    line = lines(telling, orders(telling)[0])[0]
    made = create(telling, "salesorderdetails", line)
    await poller.poll()
    change(telling, "salesorders", orders(telling)[0]["salesorderid"], name="Meanwhile")
    delete(telling, "salesorderdetails", made)
    telling.emulator.state.clock.advance(days=8)

    answer = await answered(telling, after=poller.cursor)

    found = answer.data["changes"]["nodes"]
    assert sorted((each["table"], each["removed"]) for each in found) == [
        ("SalesOrder", False),
        ("SalesOrderLine", True),
    ]


async def test_what_changes_while_a_table_is_not_tracked_is_told_when_it_is_again(
    telling: Stack, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "SOON", 0.0)
    monkeypatch.setattr(journals, "BEAT", 0.05)
    order = orders(telling)[0]
    line, kept = lines(telling, order)[0], lines(telling, order)[1]["salesorderdetailid"]
    gone = create(telling, "salesorderdetails", line)
    await poller.poll()
    with untracked(telling, "salesorderdetails"):
        await answered(telling, "NOT_AVAILABLE_HERE", after=poller.cursor)
        delete(telling, "salesorderdetails", gone)
        change(telling, "salesorderdetails", kept, quantity=78)
        new = create(telling, "salesorderdetails", line)
        await asyncio.sleep(1)  # it is tried meanwhile, too

    found = (await answered(telling, after=poller.cursor)).data["changes"]["nodes"]

    assert sorted(each["removed"] for each in found) == [False, False, True]
    assert {each["table"] for each in found} == {"SalesOrderLine"}
    delete(telling, "salesorderdetails", new)


async def test_a_table_that_was_never_tracked_is_told_from_its_first_whole_read_on(
    world: Starlette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    monkeypatch.setattr(journals, "RETRY", 0.0)
    monkeypatch.setattr(journals, "BEAT", 0.05)
    file = str(tmp_path / "changes")
    async with running(world, customer_roles=("representative",), changes_file=file) as stack:
        poller = Poller(stack, BOTH)
        with untracked(stack, "salesorderdetails"):
            await answered(stack, "NOT_AVAILABLE_HERE", tables=BOTH)
        await poller.begin()
        line = lines(stack, orders(stack)[0])[0]
        change(stack, "salesorderdetails", line["salesorderdetailid"], quantity=79)

        assert [each["table"] for each in await poller.poll()] == ["SalesOrderLine"]
        assert journal_length(tmp_path / "changes") == 1


def journal_length(path: Path) -> int:
    """The number of changes in a journal, of whomever they are."""
    file = JournalFile(str(path))
    with closing(file):
        return file.end()


async def test_a_cursor_older_than_seven_days_has_expired(
    telling: Stack, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "KEPT", -10.0)

    assert (await telling.ask(CHANGES, after=poller.cursor)).codes == ["CURSOR_EXPIRED"]


async def test_a_cursor_is_good_for_its_caller_rights_and_tables_alone(
    telling: Stack, poller: Poller
) -> None:
    async def codes(**asked: Any) -> list[str]:
        return (await telling.ask(CHANGES, **asked)).codes

    own = {"X-Account": (await telling.ask("{ accounts { nodes { id } } }")).data["accounts"][
        "nodes"
    ][0]["id"]}  # fmt: skip
    assert await codes(after=poller.cursor, tables=ORDERS) == ["INVALID_CURSOR"]
    assert await codes(after=poller.cursor, as_="rep") == ["INVALID_CURSOR"]
    for text in (poller.cursor[:-2] + "AA", f"{LISTED}....", f"{LISTED}..a.a.a", "..."):
        assert await codes(after=text) == ["INVALID_CURSOR"], text
    assert await codes(after="") == ["INVALID_CURSOR"]
    assert await codes(after=poller.cursor, headers=own) == [], "it is her only account"
    assert await codes(tables=["Price"]) == ["INVALID_INPUT"]
    assert await codes(first=0) == ["INVALID_INPUT"]


async def test_while_the_file_cannot_be_written_nothing_is_told_and_nothing_lost(
    world: Starlette,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    monkeypatch.setattr(shared_file, "PATIENCE", 0.05)
    path = tmp_path / "changes"
    async with running(world, customer_roles=("representative",), changes_file=str(path)) as stack:
        poller = Poller(stack, ORDERS)
        await poller.begin()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            change(stack, "salesorders", orders(stack)[0]["salesorderid"], name="Meanwhile")
            during = [(await stack.ask(CHANGES, after=poller.cursor)).codes for _ in range(3)]
        told = [each["row"]["name"] for each in await poller.poll()]

    assert during == [["OVERLOADED"]] * 3
    assert told == ["Meanwhile"]
    said = [each.message for each in caplog.records if each.name == shared_file.__name__]
    assert said == [
        "the file of changes cannot be written: database is locked",
        "the file of changes can be written again",
    ]


async def test_a_cursor_of_other_eyes_is_none(telling: Stack) -> None:
    eyes = {name: {"X-View-As": DEMO_USERS[name].email} for name in ("jane", "sam")}
    answer = await answered(telling, as_="admin", tables=BOTH, headers=eyes["jane"])
    cursor = answer.data["changes"]["cursor"]
    found = {
        name: (await telling.ask(CHANGES, as_="admin", after=cursor, headers=sent)).codes
        for name, sent in {**eyes, "none": {}}.items()
    }

    assert found == {"jane": [], "sam": ["INVALID_CURSOR"], "none": ["INVALID_CURSOR"]}


async def test_every_other_text_is_no_cursor(telling: Stack, poller: Poller) -> None:
    text = poller.cursor
    others = [text[:n] + ("A" if text[n] != "A" else "Q") + text[n + 1 :] for n in range(len(text))]
    others += [text[:n] for n in range(0, len(text), 9)]
    others += [f" {text}", f"{text}A", f"{text}=", f"{text}.", text.upper(), text * 100]
    for other in others:
        assert (await telling.ask(CHANGES, after=other)).codes == ["INVALID_CURSOR"], other

    assert await poller.poll() == []


async def test_a_cursor_of_a_table_that_the_caller_may_not_read_any_more_has_expired(
    world: Starlette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "YOUNG", 0.0)
    policy = tmp_path / "policy.toml"
    orders, contacts = (f'[roles.reader.{each}]\naccess = "account"\n' for each in NEEDS)
    policy.write_text(orders + contacts)
    more: Any = {"customer_roles": ("reader",), "policy": str(policy)}
    more["changes_file"] = str(tmp_path / "changes")
    async with running(world, **more) as stack:
        poller = Poller(stack, ["SalesOrder", "Contact"])
        await poller.begin()
    policy.write_text(orders)
    async with running(world, **more) as stack:
        gone = (await stack.ask(CHANGES, after=poller.cursor)).codes
        named = (await stack.ask(CHANGES, after=poller.cursor, tables=poller.tables)).codes

    assert gone == named == ["CURSOR_EXPIRED"]


async def test_a_cursor_of_a_journal_that_is_gone_has_expired(
    world: Starlette, tmp_path: Path
) -> None:
    more: Any = {"customer_roles": ("representative",)}
    async with running(world, changes_file=str(tmp_path / "lost"), **more) as stack:
        poller = Poller(stack, ORDERS)
        await poller.begin()
    async with running(world, changes_file=str(tmp_path / "new"), **more) as stack:
        assert (await stack.ask(CHANGES, after=poller.cursor)).codes == ["CURSOR_EXPIRED"]


async def test_without_a_file_changes_are_not_available(world: Starlette) -> None:
    async with running(world) as stack:
        assert (await stack.ask(CHANGES)).codes == ["NOT_AVAILABLE_HERE"]


async def test_by_default_all_tables_are_told_that_the_caller_may_read(telling: Stack) -> None:
    poller = Poller(telling, None)
    await poller.begin()
    change(telling, "salesorders", orders(telling)[1]["salesorderid"], name="Told by default")

    assert [each["table"] for each in await poller.poll()] == ["SalesOrder"]
