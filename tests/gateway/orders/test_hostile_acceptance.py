"""Accepting quotes as a hostile buyer would: never two orders, nor another offer than was read."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from emulator.faults.actions import Cut, Latency
from emulator.values import guid_order
from gateway.config.parsers import partners
from tests.gateway.orders.test_accepting_quotes import (
    ACCEPT,
    ACTIVE,
    ALL_QUOTES,
    WON,
    accept,
    offers,
    orders_of,
    quote_is,
    said,
    state_of,
)
from tests.gateway.orders.worlds import changed, key
from tests.gateway.proofs.worlds import alike, gateways
from tests.stack import Stack, emulator, running
from tests.waiting import until

pytestmark = pytest.mark.anyio

CHANGES = (
    {"priceperunit": 999_000},
    {"quantity": 70_000},
    {"manualdiscountamount": 0},
)
"""Changes of a line of a quote, in the numbers that the emulator keeps."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with running(emulator()) as found:
        yield found


@contextmanager
def lines_are(stack: Stack, quote: dict[str, Any], **values: Any) -> Iterator[None]:
    """A change of the lines alone: the header of the quote stays as it is."""
    where = '"_quoteid_value" = ?'
    with changed(stack, "quotedetail", where, key(quote["id"]), values=values):
        yield


@pytest.mark.parametrize("values", CHANGES, ids=str)
async def test_a_quote_whose_lines_changed_is_read_again(
    stack: Stack, values: dict[str, Any]
) -> None:
    (quote, *_) = await offers(stack)
    with lines_are(stack, quote, **values):
        (now, *_) = await offers(stack)
        payload = await accept(stack, quote)

    assert said(now["lines"]["nodes"]) != said(quote["lines"]["nodes"])
    assert [error["code"] for error in payload["errors"]] == ["QUOTE_CHANGED"]
    assert await state_of(stack, quote) == (ACTIVE, 3)
    assert await orders_of(stack, quote) == []


async def test_lines_that_come_and_go_make_another_offer(stack: Stack) -> None:
    (quote, *_) = await offers(stack)
    store = stack.emulator.state.store
    table = store.catalog.named("quotedetail")
    row = store.select(table, '"_quoteid_value" = ?', [key(quote["id"])])[0]
    more = row | {"quotedetailid": guid_order(str(uuid4()))}

    with store.transaction("load") as tx:
        tx.insert(table, more)
    added = await accept(stack, quote)
    (now, *_) = await offers(stack)
    with store.transaction("load") as tx:
        tx.delete(table, store.get(table, (more["quotedetailid"],)))
    gone = await accept(stack, now)

    for payload in (added, gone):
        assert [error["code"] for error in payload["errors"]] == ["QUOTE_CHANGED"]
    assert now["version"] != quote["version"]
    assert await orders_of(stack, quote) == []


async def test_prices_that_change_while_it_is_accepted_are_those_that_were_read(
    stack: Stack,
) -> None:
    """The seller is late by a moment: the buyer has agreed to what stood there."""
    (quote, *_) = await offers(stack)
    accepting = await slowly(stack, quote)
    with lines_are(stack, quote, priceperunit=999_000):
        payload = await accepting

    assert said(payload["order"]["lines"]["nodes"]) == said(quote["lines"]["nodes"])
    assert len(await orders_of(stack, quote)) == 1


async def test_a_quote_that_is_withdrawn_while_it_is_accepted_orders_nothing(stack: Stack) -> None:
    (quote, *_) = await offers(stack)
    accepting = await slowly(stack, quote)
    with quote_is(stack, quote, statecode=3, statuscode=5):
        payload = await accepting

    assert [error["code"] for error in payload["errors"]] == ["ORDER_REFUSED"]
    assert await orders_of(stack, quote) == []


async def slowly(stack: Stack, quote: dict[str, Any]) -> asyncio.Task[dict[str, Any]]:
    """A quote that is being accepted: it was read, and its order is on the way."""
    faults = stack.emulator.state.faults
    faults.add(Latency(1.5), method="POST", set="salesorders", times=1)
    task = asyncio.create_task(accept(stack, quote))
    await until(lambda: faults.listed()[-1][2])
    assert not task.done()
    return task


async def test_two_tabs_that_say_different_things_make_one_order(stack: Stack) -> None:
    (quote, *_) = await offers(stack)
    tabs: list[dict[str, Any]] = [
        {"customerReference": "tab 1"},
        {"customerReference": "tab 2", "shipTo": {"street": "Elm 1", "city": "Reno"}},
        {"requisitionNumber": "tab 3", "requestedReceiptDate": "2031-01-02"},
    ]

    found = await asyncio.gather(*(accept(stack, quote, **tabs[n % 3]) for n in range(9)))

    (row,) = await orders_of(stack, quote)
    assert [payload["errors"] for payload in found] == [[]] * 9
    assert len({payload["order"]["number"] for payload in found}) == 1
    assert sorted(payload["replayed"] for payload in found)[-1]
    lines = f"salesorderdetails?$filter=_salesorderid_value eq {row['salesorderid']}"
    assert len(await stack.rows(lines)) == len(quote["lines"]["nodes"])


async def test_replays_with_whatever_they_say_give_back_the_one_order(stack: Stack) -> None:
    (quote, *_) = await offers(stack)
    first = await accept(stack, quote)
    key_of_another = {"idempotencyKey": str(uuid4())}

    for version in (quote["version"], "1", "0.0.0", ""):
        again = await accept(stack, quote | {"version": version}, customerReference=version)
        assert (again["order"], again["replayed"]) == (first["order"], True)
    unknown = await stack.ask(
        ACCEPT, input={"quote": quote["id"], "version": quote["version"], **key_of_another}
    )

    assert unknown.status == 200
    assert unknown.body["errors"]
    assert len(await orders_of(stack, quote)) == 1


@pytest.mark.parametrize("fault", [Cut(after_commit=True), Cut()], ids=repr)
async def test_answers_that_are_lost_again_and_again_order_once(stack: Stack, fault: Any) -> None:
    (quote, *_) = await offers(stack)
    stack.emulator.state.faults.add(fault, method="POST", set="salesorders", times=3)

    found = [await accept(stack, quote) for _ in range(3)]
    found += await asyncio.gather(*(accept(stack, quote) for _ in range(3)))

    assert {payload["status"] for payload in found[-3:]} == {"CREATED"}
    assert len(await orders_of(stack, quote)) == 1
    assert (await state_of(stack, quote))[0] == WON


async def test_who_acts_for_another_account_finds_no_quote(stack: Stack) -> None:
    """A caller of two accounts has chosen the other one."""
    both = partners("partner=US-001@usmf, US-002@usmf")
    async with running(stack.emulator, partners=both) as agent:
        quote = next(
            each for each in await offers(agent, "partner") if each["account"]["number"] == "US-001"
        )
        accounts = (await agent.ask(ACCOUNTS, as_="partner")).data["accounts"]["nodes"]
        other = next(each["id"] for each in accounts if each["number"] == "US-002")
        sent = {"quote": quote["id"], "version": quote["version"]}
        answer = await agent.ask(ACCEPT, as_="partner", headers={"X-Account": other}, input=sent)

    payload = answer.data["acceptQuote"]
    assert [error["code"] for error in payload["errors"]] == ["QUOTE_NOT_FOUND"]
    assert await orders_of(stack, quote) == []


NARROW, WIDE = '"account"', '"account_and_children"'
ACCOUNTS = "{ accounts(first: 50) { nodes { id number } } }"


async def test_who_sees_the_quotes_of_other_accounts_accepts_those_of_their_own(
    stack: Stack, tmp_path: Path
) -> None:
    """A role may see the quotes of accounts below one's own, for which one cannot order."""
    file = tmp_path / "policy.toml"
    file.write_text(ALL_QUOTES.replace("buyer", "representative").replace(NARROW, WIDE))
    (quote, *_) = await offers(stack, "rep")
    (below,) = await stack.rows("accounts?$filter=accountnumber eq 'US-002'")
    theirs = {"_customerid_value": guid_order(below["accountid"])}
    async with running(stack.emulator, policy=str(file), customer_roles=()) as wide:
        with quote_is(stack, quote, **theirs):
            seen = {each["id"]: each for each in await offers(wide, "rep")}
            payload = await accept(wide, seen[quote["id"]], "rep")

    assert [error["code"] for error in payload["errors"]] == ["ACCOUNT_NOT_FOUND"]
    assert await orders_of(stack, quote) == []
    assert (await state_of(stack, quote))[0] == ACTIVE


async def test_staff_who_look_as_a_customer_accept_nothing(stack: Stack) -> None:
    (quote, *_) = await offers(stack)
    me = (await stack.ask("{ viewer { contact { email } } }")).data["viewer"]["contact"]["email"]
    sent = {"quote": quote["id"], "version": quote["version"]}

    answer = await stack.ask(ACCEPT, as_="admin", headers={"X-View-As": me}, input=sent)

    assert answer.codes == ["FORBIDDEN"]
    assert await orders_of(stack, quote) == []
    assert (await state_of(stack, quote))[0] == ACTIVE


async def test_the_quotes_of_others_change_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another customer's quote may be there, changed or gone: bytes and calls are the same."""
    worlds = alike()
    async with gateways(worlds, ("jane", "admin"), monkeypatch, {}, {}) as (left, right):
        every, mine = [
            (await left.ask(EVERY, as_=caller)).data["quotes"]["nodes"]
            for caller in ("admin", "jane")
        ]
        foreign = [each for each in every if each not in mine][:40]
        assert len(foreign) > 20
        told = []
        for stack in (left, right):
            stack.emulator.state.log.clear()
            bodies = [await _refused(stack, each) for each in foreign]
            calls = stack.emulator.state.log.calls()
            told.append((bodies, [(each.method, each.path, each.query) for each in calls]))

    assert told[0] == told[1]
    bodies, calls = told[0]
    assert all(b"QUOTE_NOT_FOUND" in each for each in bodies)
    assert {method for method, _, _ in calls} == {"GET"}


EVERY = "{ quotes(first: 100) { nodes { quote: id version } } }"


async def _refused(stack: Stack, quote: dict[str, Any]) -> bytes:
    response = await stack.gateway.post(
        "/graphql",
        json={"query": ACCEPT, "variables": {"input": quote}},
        headers={"Authorization": f"Bearer {await stack.token('jane')}", "X-Request-Id": "same"},
    )
    return response.content
