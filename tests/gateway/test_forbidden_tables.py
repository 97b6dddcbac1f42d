"""
Tables that the gateway's user may not read: an optional one is done without, and used again once it
may be read; a right that nothing can do without is named in the log.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from emulator.dataverse.definitions import privilege_name
from emulator.faults.connections import InProcess
from emulator.metadata import Service
from gateway.commands import operator
from gateway.doctor.findings import Status
from gateway.metadata import assumed
from gateway.metadata.wire_names import wanted
from gateway.model.tables import TABLES
from gateway.upstream import forbidden
from tests.environments import DATAVERSE
from tests.schema import shipped
from tests.stack import Answer, Stack, emulator, running, settings

pytestmark = pytest.mark.anyio

shipped()  # which binds links to their tables
NEEDS = wanted(
    [table for table in TABLES.values() if table.service == "dataverse"], assumed.dataverse()
)
OPTIONAL = sorted(name for name, need in NEEDS.items() if not need.is_essential)
ESSENTIAL = sorted(name for name, need in NEEDS.items() if need.is_essential)
PARTIES = "msdyn_contactforparty"
OF_ORDERS = {"transactioncurrency"}
"""The tables without which everything can be read, but no order can be placed."""
LOADED = {"web_roles": ("adx", "mspp"), "customer_roles": ("representative",), "deadline": 60.0}

SIGNED_IN = """{ viewer { kind capabilities { missing } } accounts { nodes { number company } } }"""
LISTS = """{
  orders(first: 5) { nodes {
    number status paymentTerms deliveryMode deliveryTerms total { amount currency } contact { name }
    lines(first: 3) { nodes { quantity unit product { number name } } }
  } }
  products(first: 3) { nodes { number name unit orderQuantities { minimum } price { basis } } }
  contacts(first: 2) { nodes { name } }
}"""
PLACE = """mutation ($input: CreateSalesOrderInput!) {
  createSalesOrder(input: $input) { status errors { code message } }
}"""
NESTED = """{
  orders(first: 2) { nodes { number invoices(first: 1) { nodes { number } } } }
  accounts { nodes { number addresses(first: 1) { nodes { id } } } }
}"""
ORDERS = """query ($first: Int!) {
  orders(first: $first) {
    nodes { number paymentTerms deliveryMode lines(first: 1) { nodes { quantity } } }
  }
}"""
INVOICES = "{ invoices(first: 1) { nodes { number } } invoiceLines(first: 1) { nodes { id } } }"


@pytest.fixture(scope="module")
def world() -> Starlette:
    return emulator()


def privilege(world: Starlette, entity: str) -> str:
    """The name of the privilege to read a table; empty for one that has none of its own."""
    tables = world.state.store.shown.of(Service.DATAVERSE)
    return next((privilege_name(each, "Read") for each in tables if each.name == entity), "")


@contextmanager
def denied(world: Starlette, *entities: str) -> Iterator[None]:
    """Take away the right to read these tables."""
    store, before = world.state.store, world.state.store.denied
    store.denied = before | {privilege(world, entity) for entity in entities}
    try:
        yield
    finally:
        store.denied = before


def is_shared(world: Starlette, entity: str) -> bool:
    """True if the right to read a table is that to one that nothing can do without."""
    return privilege(world, entity) in {privilege(world, each) for each in ESSENTIAL}


async def everything(stack: Stack) -> list[Any]:
    """All that the questions of this module find."""
    return [(await stack.ask(each)).body for each in (SIGNED_IN, LISTS, NESTED, INVOICES)]


async def lookups_of_new_order(stack: Stack) -> dict[str, Any]:
    """The rows that a new order and its line lead to, as Dataverse stores them."""
    reference = str(uuid4())
    assert (await placed(stack, reference)).codes == []
    stack.upstream.headers.update(await stack.service())
    where = f"$filter=msdyn_customersorderreference eq '{reference}'"
    path = f"{DATAVERSE}salesorders?{where}&$expand=order_details"
    (row,) = (await stack.upstream.get(path)).raise_for_status().json()["value"]
    (line,) = row["order_details"]

    return {
        name: value
        for each in (row, line)
        for name, value in each.items()
        if name.startswith("_") and name != "_salesorderid_value" and "@" not in name
    }


async def placed(stack: Stack, reference: str = "PO-1") -> Answer:
    order = {"idempotencyKey": str(uuid4()), "customerReference": reference}
    lines = [{"number": "D0023", "quantity": "2"}]
    return await stack.ask(PLACE, input={**order, "lines": lines})


@pytest.mark.parametrize("entity", OPTIONAL)
async def test_an_optional_table_that_may_not_be_read_breaks_no_sign_in_list_or_order(
    world: Starlette, entity: str
) -> None:
    if is_shared(world, entity):
        pytest.skip("its rows are read by the right to a table that nothing can do without")
    with denied(world, entity):
        async with running(world, **LOADED) as stack:
            made = await placed(stack)
        async with running(world, **LOADED) as stack:
            lists = await stack.ask(LISTS)
            signed_in = await stack.ask(SIGNED_IN)

    if entity in OF_ORDERS:
        assert made.codes == ["NOT_AVAILABLE_HERE"]
    else:
        assert made.codes == []
        payload = made.data["createSalesOrder"]
        assert (payload["status"], payload["errors"]) == ("CREATED", [])
    assert lists.codes == []
    assert len(lists.data["orders"]["nodes"]) == 5
    assert len(lists.data["products"]["nodes"]) == 3
    assert signed_in.codes == []
    assert "US-001" in [each["number"] for each in signed_in.data["accounts"]["nodes"]]


@pytest.mark.parametrize("entity", OPTIONAL)
async def test_what_cannot_be_read_can_still_be_written(world: Starlette, entity: str) -> None:
    """A new order leads to the same rows as usual: a lookup is no reading."""
    if is_shared(world, entity) or entity in OF_ORDERS:
        pytest.skip("no order can be placed without it")
    if entity == PARTIES:
        pytest.skip("nothing but reading finds the buyer's row")
    async with running(world, **LOADED) as stack:
        usual = await lookups_of_new_order(stack)
        with denied(world, entity):
            found = await lookups_of_new_order(stack)

    assert found == usual


async def test_the_right_that_nothing_can_do_without_is_named_in_the_log(
    world: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    for entity in ("adx_externalidentity", "account", "contact", "salesorder"):
        caplog.clear()
        with denied(world, entity):
            async with running(world, **LOADED) as stack:
                answer = await stack.ask("{ orders(first: 1) { nodes { number } } }")

        assert answer.codes == ["UPSTREAM_REFUSED"], entity
        assert f"missing {privilege(world, entity)} privilege" in caplog.text


async def test_the_log_tells_once_of_each_right_that_is_missing(
    world: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    with denied(world, PARTIES, "msdyn_productdefaultordersetting"):
        async with running(world, **LOADED) as stack:
            for _ in range(3):
                assert (await stack.ask(LISTS)).codes == []
                assert (await placed(stack)).codes == []

    for entity in (PARTIES, "msdyn_productdefaultordersetting"):
        said = [text for text in caplog.messages if privilege(world, entity) in text]
        assert len(said) == 1, said


async def test_fields_of_a_table_that_may_not_be_read_answer_that_it_is_not_available(
    world: Starlette,
) -> None:
    with denied(world, "invoice", "customeraddress"):
        async with running(world, **LOADED) as stack:
            for _ in range(2):
                answer = await stack.ask(INVOICES)
                assert set(answer.codes) == {"NOT_AVAILABLE_HERE"}
                nested = await stack.ask(NESTED)
                assert set(nested.codes) == {"NOT_AVAILABLE_HERE"}
                assert nested.body["data"]["orders"]["nodes"]
            missing = (await stack.ask(SIGNED_IN)).data["viewer"]["capabilities"]["missing"]

    assert {"Invoice", "InvoiceLine", "AccountAddress"} <= set(missing)


async def test_questions_at_once_that_are_all_refused_are_all_made_again(world: Starlette) -> None:
    with denied(world, "msdyn_paymentterm", "msdyn_shipvia", "msdyn_productdefaultordersetting"):
        async with running(world, **LOADED) as stack:
            found = await asyncio.gather(*(stack.ask(ORDERS, first=n) for n in range(1, 9)))

    assert [each.codes for each in found] == [[]] * len(found)
    assert all(each.data["orders"]["nodes"][0]["deliveryMode"] is None for each in found)


async def test_a_right_that_is_granted_is_noticed_without_a_restart(
    world: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forbidden, "LOOK_AGAIN", 0.05)
    entities = PARTIES, "msdyn_paymentterm", "invoice", "msdyn_productdefaultordersetting"
    with denied(world, *entities):
        async with running(world, **LOADED) as stack:
            await everything(stack)
            before = await everything(stack)
            await asyncio.sleep(0.2)
            still = await everything(stack)
            world.state.store.denied = frozenset()
            await asyncio.sleep(0.3)
            after = await everything(stack)
    async with running(world, **LOADED) as stack:
        usual = await everything(stack)

    assert before == still
    assert before != after
    assert after == usual


async def test_the_doctor_names_the_privilege_for_each_table(world: Starlette) -> None:
    entities = ("adx_externalidentity", PARTIES, "invoice")
    with denied(world, *entities):
        transport = InProcess(app=world)
        report = await operator.examine(
            settings(), write=False, say=lambda _: None, transport=transport
        )

    wrong = [each for each in report.findings if each.status is Status.WRONG]
    for entity in entities:
        name = privilege(world, entity)
        assert any(f"add {name} to" in each.do for each in wrong), entity
        assert any(f"missing {name} privilege" in each.says for each in wrong), entity
    assert not report.overrides
