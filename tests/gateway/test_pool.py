"""A pool of application users: they share all calls to Dataverse, and none exceeds its limits."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from emulator.entra import SERVICE_CLIENT_ID
from emulator.faults.protection import Limits
from emulator.values import guid_order
from gateway.config.environment import load
from gateway.config.parsers import Application
from gateway.config.settings import SettingsError
from tests.gateway.orders.test_create import create
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

SECOND, THIRD = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
SECRETS = {SECOND: "second-secret", THIRD: "third-secret"}
QUERY = "query ($first: Int) { orders(first: $first) { nodes { number } } }"


@asynccontextmanager
async def pooled(*clients: str, **secrets: str) -> AsyncIterator[Stack]:
    """A gateway of these application users besides the first; the environment knows all."""
    pool = tuple(Application(each, secrets.get("secret", SECRETS[each])) for each in clients)
    async with running(emulator(applications=tuple(SECRETS.items())), pool=pool) as stack:
        yield stack


def senders(stack: Stack) -> Counter[str]:
    """The number of calls to Dataverse by each application."""
    log = stack.emulator.state.log
    return Counter(entry.application for entry in log if entry.service == "dataverse")


async def answered(stack: Stack, times: int) -> int:
    """The number of answers without an error to so many questions, no two in turn the same."""
    answers = [await stack.ask(QUERY, first=1 + number % 50) for number in range(times)]
    return sum(not answer.codes for answer in answers)


async def spend(stack: Stack, client_id: str, calls: int) -> None:
    """Use up calls of one application user past the gateway."""
    token = stack.emulator.state.tokens.service(client_id)
    for _ in range(calls):
        await stack.upstream.get(
            "/api/data/v9.2/WhoAmI", headers={"Authorization": f"Bearer {token}"}
        )


async def test_all_users_of_a_pool_make_calls() -> None:
    async with pooled(SECOND, THIRD) as stack:
        stack.emulator.state.faults.protect(Limits())
        stack.emulator.state.log.clear()
        assert await answered(stack, 30) == 30
        found = senders(stack)

    assert set(found) == {SERVICE_CLIENT_ID, SECOND, THIRD}
    assert min(found.values()) > 0.5 * max(found.values())


async def test_a_user_whose_limits_others_have_used_up_makes_no_calls() -> None:
    async with pooled(SECOND) as stack:
        stack.emulator.state.faults.protect(Limits(requests=100))
        await spend(stack, SECOND, 100)
        stack.emulator.state.log.clear()

        assert await answered(stack, 10) == 10
        refused = [entry for entry in stack.emulator.state.log if entry.status == 429]

    assert len(refused) <= 2


async def test_a_user_that_cannot_sign_in_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with pooled(SECOND, secret="not its secret") as stack:
        stack.emulator.state.faults.protect(Limits())
        assert await answered(stack, 20) == 20
        found = senders(stack)
        health = (await stack.gateway.get("/health")).json()

    assert set(found) == {SERVICE_CLIENT_ID}
    assert health["services"]["dataverse"]["signIn"] == "ok"
    assert "dataverse, application user 2 is not let in" in caplog.text


async def test_an_application_that_is_no_user_of_dataverse_is_left_alone() -> None:
    async with pooled(SECOND) as stack:
        _forget_user(stack, SECOND)
        stack.emulator.state.faults.protect(Limits())

        assert await answered(stack, 20) == 20


async def test_one_user_makes_all_calls_of_an_order() -> None:
    async with pooled(SECOND, THIRD) as stack:
        await answered(stack, 5)
        stack.emulator.state.log.clear()
        payload = (await create(stack)).data["createSalesOrder"]
        writing = {
            entry.application
            for entry in stack.emulator.state.log
            if entry.service == "dataverse" and entry.method == "POST"
        }
        (order,) = await stack.rows("salesorders?$orderby=createdon desc&$top=1")
        lines = await stack.rows(
            f"salesorderdetails?$filter=_salesorderid_value eq {order['salesorderid']}"
        )

    assert payload["errors"] == []
    assert len(writing) == 1
    assert {line["_createdby_value"] for line in lines} == {order["_createdby_value"]}


def _forget_user(stack: Stack, client_id: str) -> None:
    """Take an application out of the users of the environment."""
    store = stack.emulator.state.store
    table = store.catalog.named("systemuser")
    with store.transaction() as tx:
        tx.delete(table, store.find(table, '"applicationid" = ?', [guid_order(client_id)]))


@pytest.mark.parametrize(
    ("pool", "says"),
    [
        (f"{SECOND}=a,{SECOND}=b", "names an application twice"),
        (f"{SECOND}=", "has no secret behind '='"),
        (SECOND, "without a secret needs GATEWAY_CLIENT_CERTIFICATE"),
        (f"{SERVICE_CLIENT_ID}=a", "must not name GATEWAY_CLIENT_ID again"),
    ],
)
def test_a_pool_that_cannot_be_used_is_refused_at_the_start(pool: str, says: str) -> None:
    environ = {"GATEWAY_CLIENT_ID": SERVICE_CLIENT_ID, "GATEWAY_POOL": pool}

    with pytest.raises(SettingsError) as refusal:
        load((), environ)

    assert any(each.startswith("GATEWAY_POOL") and says in each for each in refusal.value.mistakes)
    assert "=a" not in str(refusal.value)
