"""The ends of streams, each with a reason, and the streams that are refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from gateway.app import schema
from gateway.auth import kept
from gateway.http import live as live_
from gateway.schema import ids
from gateway.schema.business.accounts import Account
from tests.gateway.live.streams import FAST, SSE, following
from tests.gateway.live.worlds import OURS, THEIRS, account, change, orders, rows
from tests.stack import Stack, running, settings

pytestmark = pytest.mark.anyio

ORDERS = (
    "subscription { orders(first: 100, orderBy: [{ field: NUMBER }]) "
    "{ totalCount nodes { name account { number } } } }"
)
DYING = -58
"""The lifetime of a token that the gateway takes for two seconds, as clocks may differ."""

NOBODYS = ids.encode(Account.__table__, (UUID(int=7),))
"""The id of an account that nobody has."""


@pytest.fixture
async def live(world: Starlette, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stack]:
    """A gateway that looks at changes and rights all the time."""
    monkeypatch.setattr(live_, "SLOT", 0.05)
    monkeypatch.setattr(live_, "QUIET", 0.1)
    monkeypatch.setattr(kept, "REMEMBER", 0.1)
    async with running(
        world, customer_roles=("representative",), live_streams_of_caller=2, **FAST
    ) as found:
        yield found


def jane(stack: Stack) -> dict[str, Any]:
    (found,) = rows(stack, "contacts", emailaddress1=DEMO_USERS["jane"].email)
    return found


def codes(frame: Any) -> list[str]:
    return [error["extensions"]["code"] for error in frame["errors"]]


async def test_a_stream_ends_with_its_token(live: Stack) -> None:
    minted = await live.upstream.post(
        "/issuer/demo/token", json={"name": "jane", "lifetime": DYING}
    )
    token = minted.raise_for_status().json()["access_token"]

    async with following(live, ORDERS, token=token) as stream:
        assert "data" in await stream.next()
        assert codes(await stream.next()) == ["UNAUTHENTICATED"]
        await stream.end()

    assert stream.events[-1] == ("complete", "")


async def test_a_stream_ends_with_the_rights_of_its_caller(live: Stack) -> None:
    contact = jane(live)["contactid"]
    async with following(live, ORDERS) as stream:
        await stream.next()
        try:
            change(live, "contacts", contact, statecode=1, statuscode=2)
            assert codes(await stream.next()) == ["UNAUTHENTICATED"]
            await stream.end()
        finally:
            change(live, "contacts", contact, statecode=0, statuscode=1)

    assert stream.events[-1] == ("complete", "")


async def test_a_stream_of_who_looks_with_other_eyes_ends_with_those(live: Stack) -> None:
    look = {"X-View-As": DEMO_USERS["jane"].email}
    contact = jane(live)["contactid"]
    async with following(live, ORDERS, as_="admin", headers=look) as stream:
        assert (await stream.next())["data"]["orders"]["nodes"]
        try:
            change(live, "contacts", contact, statecode=1, statuscode=2)
            assert codes(await stream.next()) == ["NOT_FOUND"]
            await stream.end()
        finally:
            change(live, "contacts", contact, statecode=0, statuscode=1)

    assert stream.events[-1] == ("complete", "")


async def test_the_audit_tells_who_looked_when_that_was_ended(
    world: Starlette, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(live_, "QUIET", 0.1)
    monkeypatch.setattr(kept, "REMEMBER", 0.1)
    look = {"X-View-As": DEMO_USERS["jane"].email}
    async with running(world, audit_file=str(tmp_path / "audit"), **FAST) as stack:
        contact = jane(stack)["contactid"]
        async with following(stack, ORDERS, as_="admin", headers=look) as stream:
            await stream.next()
            try:
                change(stack, "contacts", contact, statecode=1, statuscode=2)
                await stream.end()
            finally:
                change(stack, "contacts", contact, statecode=0, statuscode=1)

    lines = map(json.loads, (tmp_path / "audit").read_text().splitlines())
    (denial,) = [line for line in lines if line["event"] == "denial"]
    assert denial["outcome"] == "NOT_FOUND"
    assert denial["who"]["contact"]
    assert denial["who"]["viewer"]


async def test_each_answer_is_seen_with_the_eyes_that_were_asked_for(live: Stack) -> None:
    look = {"X-View-As": DEMO_USERS["jane"].email}
    order = orders(live)[0]["salesorderid"]
    async with following(live, ORDERS, as_="admin", headers=look) as stream:
        assert owners(await stream.next()) == {OURS}
        change(live, "salesorders", order, name="Seen as jane")
        assert owners(await stream.next()) == {OURS}


async def test_the_rights_of_the_moment_decide_on_each_answer(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_, "QUIET", 60.0)
    contact = jane(live)
    theirs = account(live, THEIRS)
    async with following(live, ORDERS) as stream:
        assert owners(await stream.next()) == {OURS}
        try:
            change(live, "contacts", contact["contactid"], _parentcustomerid_value=theirs)
            await asyncio.sleep(0.2)
            change(live, "salesorders", orders(live)[0]["salesorderid"], name="At that moment")
            second = await stream.next()
        finally:
            back = contact["_parentcustomerid_value"]
            change(live, "contacts", contact["contactid"], _parentcustomerid_value=back)

    assert THEIRS in owners(second)


def owners(frame: Any) -> set[str]:
    return {node["account"]["number"] for node in frame["data"]["orders"]["nodes"]}


async def test_a_process_that_stops_says_so_and_its_clients_come_again(live: Stack) -> None:
    assert live.app is not None
    async with following(live, ORDERS) as stream:
        await stream.next()
        live.app.state.live.stop()
        await stream.end()
    async with following(live, ORDERS) as late:
        await late.end()

    assert stream.text.endswith("retry: 1000\n: stopping\n\n")
    assert [name for name, _ in stream.events] == ["next"]
    assert (late.status, late.text) == (200, "retry: 1000\n: stopping\n\n")


async def test_a_quiet_stream_is_kept_open(live: Stack) -> None:
    async with following(live, ORDERS) as stream:
        await stream.next()
        await stream.pings(2)


async def test_a_caller_has_so_many_streams_and_others_have_theirs(live: Stack) -> None:
    async with following(live, ORDERS) as one, following(live, ORDERS) as two:
        await one.next()
        await two.next()
        async with following(live, ORDERS) as three, following(live, ORDERS, as_="may") as other:
            await other.next()
            await three.end()
    async with following(live, ORDERS) as again:
        await again.next()

    assert three.status == 429
    assert '"code":"RATE_LIMITED"' in three.text
    assert three.headers["retry-after"] == "10"


async def test_all_streams_together_are_bounded(world: Starlette) -> None:
    async with (
        running(world, live_streams=1, **FAST) as stack,
        following(stack, ORDERS) as one,
        following(stack, ORDERS, as_="may") as two,
    ):
        await one.next()
        await two.end()

    assert two.status == 503
    assert '"code":"OVERLOADED"' in two.text


async def test_subscriptions_can_be_switched_off(world: Starlette) -> None:
    async with running(world, live=False) as stack, following(stack, ORDERS) as stream:
        await stream.end()

    assert codes(stream.frames[0]) == ["BAD_REQUEST"]


async def test_a_subscription_needs_a_client_that_takes_streams(live: Stack) -> None:
    answer = await live.ask(ORDERS)

    assert answer.status == 406
    assert SSE in answer.body["errors"][0]["message"]


async def test_a_client_that_takes_json_too_gets_a_stream_for_a_subscription(live: Stack) -> None:
    accept = {"accept": f"application/graphql-response+json, application/json, {SSE}"}
    async with following(live, ORDERS, headers=accept) as stream:
        assert "data" in await stream.next()


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{ viewer { kind } }", None),
        ("{ nothing }", "BAD_REQUEST"),
        ("subscription { nothing }", "BAD_REQUEST"),
        ("subscription { order(id: \"x\") { id } orders { totalCount } }", "BAD_REQUEST"),
        ("subscription { order(id: \"x\") { id } }", "INVALID_INPUT"),
    ],
)  # fmt: skip
async def test_other_operations_are_one_event_and_the_end(
    live: Stack, document: str, code: str | None
) -> None:
    async with following(live, document) as stream:
        frame = await stream.next()
        if code != "INVALID_INPUT":
            await stream.end()
            assert [name for name, _ in stream.events] == ["next", "complete"]

    assert stream.status == 200
    assert (codes(frame)[0] if "errors" in frame else None) == code


@pytest.mark.parametrize("document", [ORDERS, "{ viewer { kind } }"])
async def test_what_is_no_account_of_the_caller_is_told_as_the_end(
    live: Stack, document: str
) -> None:
    for named, code in (("nothing", "INVALID_INPUT"), (NOBODYS, "NOT_FOUND")):
        async with following(live, document, headers={"X-Account": named}) as stream:
            await stream.end()

        said = json.loads(stream.text) if stream.status != 200 else stream.frames[0]
        assert codes(said) == [code]
        assert stream.status != 200 or [name for name, _ in stream.events] == ["next", "complete"]


@pytest.mark.parametrize("method", ["HEAD", "PUT", "OPTIONS"])
async def test_other_methods_are_refused_to_clients_of_streams_too(
    live: Stack, method: str
) -> None:
    sent = {"Authorization": f"Bearer {await live.token('jane')}", "Accept": SSE}
    answer = await live.gateway.request(method, "/graphql", headers=sent)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_the_id_of_an_event_that_a_client_saw_changes_nothing(live: Stack) -> None:
    async with following(live, ORDERS) as plain:
        first = await plain.next()
    async with following(live, ORDERS, headers={"Last-Event-ID": "x" * 1_000}) as stream:
        assert await stream.next() == first


async def test_a_row_that_leaves_and_comes_back_is_there_in_the_end(live: Stack) -> None:
    order = orders(live)[0]["salesorderid"]
    ours, theirs = account(live, OURS), account(live, THEIRS)
    async with following(live, ORDERS) as stream:
        first = await stream.next()
        for owner in (theirs, ours, theirs, ours):
            change(live, "salesorders", order, _customerid_value=owner)
        change(live, "salesorders", order, name="Came back")
        while "Came back" not in (text := json.dumps(frame := await stream.next())):
            assert order not in text
            assert THEIRS not in owners(frame)

    assert len(frame["data"]["orders"]["nodes"]) == len(first["data"]["orders"]["nodes"])


async def test_a_stranger_gets_no_stream(live: Stack) -> None:
    async with following(live, ORDERS, token="nobody") as stream:
        await stream.end()

    assert stream.status == 401


async def test_fragments_variables_and_names_mean_what_they_mean_in_a_query(live: Stack) -> None:
    found = (await live.ask("{ orders(first: 1) { nodes { id } } }")).data["orders"]["nodes"][0]
    document = """
      subscription Of($id: ID!) { ...Root }
      fragment Root on Subscription { it: order(id: $id) { __typename id name } }
    """
    query = document.replace("subscription", "query").replace("on Subscription", "on Query")

    async with following(live, document, id=found["id"]) as stream:
        first = await stream.next()

    assert first == (await live.ask(query, id=found["id"])).body
    assert first["data"]["it"]["id"] == found["id"]


def test_every_root_field_over_a_table_can_be_followed() -> None:
    types = schema(settings())
    assert types.query_type
    assert types.subscription_type
    query, followed = types.query_type.fields, types.subscription_type.fields

    assert followed
    for name, field in followed.items():
        assert str(query[name].type) == str(field.type)
        assert {k: str(v.type) for k, v in query[name].args.items()} == {
            k: str(v.type) for k, v in field.args.items()
        }
    assert query.keys() - followed.keys() == {
        "boughtBefore",
        "categories",
        "categoryParts",
        "changes",
        "node",
        "nodes",
        "operation",
        "statement",
        "viewer",
    }
