"""Operators see ids that lead from a caller to Dynamics, lines without data, sums that add up."""

import io
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from emulator.faults.actions import Fail, Throttle
from emulator.faults.connections import InProcess
from gateway.observing.repeats import Repeats
from tests.gateway.orders.ordering import attempt, new_order
from tests.logged import events, logged
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

ORDERS = "query Orders { orders(first: 1) { nodes { number } } }"
CANARY = "canary-5f2b"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Listening(InProcess):
    """A way upstream that keeps the headers of what was asked of Dynamics."""

    def __init__(self, app: Any) -> None:
        super().__init__(app=app)
        self.heard: list[httpx2.Headers] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.startswith(("/api/data", "/data")):
            self.heard.append(request.headers)
        return await super().handle_async_request(request)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    with logged() as found:
        yield found


@pytest.mark.parametrize("given", ["", "0123456789abcdef0123456789abcdef", "order-4711-retry"])
async def test_each_call_names_us_and_the_request_that_it_is_for(given: str) -> None:
    world = emulator()
    way = Listening(world)
    async with running(world, way) as stack:
        way.heard.clear()
        headers = {"Authorization": f"Bearer {await stack.token('jane')}"}
        headers |= {"X-Request-Id": given} if given else {}
        body = {"query": ORDERS}
        answer = await stack.gateway.post("/graphql", json=body, headers=headers)

    sent = {heard["x-ms-client-request-id"] for heard in way.heard if "json" in heard["accept"]}
    id_ = answer.headers["x-request-id"]
    expected = id_ if len(id_) == 32 else uuid.uuid5(uuid.NAMESPACE_URL, id_).hex
    assert way.heard
    assert {each.replace("-", "") for each in sent} == {expected}
    assert all(GUID.fullmatch(each) for each in sent)
    assert all(heard["user-agent"].startswith("dynamics-gateway/") for heard in way.heard)


async def test_a_failure_is_logged_with_service_table_and_dynamics_own_id(
    lines: io.StringIO,
) -> None:
    world = emulator()
    async with running(world) as stack:
        await stack.ask(ORDERS)
        world.state.faults.add(Fail(), set="salesorders")
        await stack.ask(ORDERS, headers={"X-Request-Id": "the-request"})

    failed = [each for each in events(lines) if each.get("outcome") == 503]
    assert len(failed) == 1  # of three tries
    assert {"service": "dataverse", "kind": "reads", "table": "salesorder"}.items() <= (
        failed[0].items()
    )
    assert GUID.fullmatch(failed[0]["x-ms-service-request-id"])
    assert failed[0]["request"] == "the-request"


def test_what_repeats_is_told_once_in_a_while_and_counted() -> None:
    repeats = Repeats()

    told = [repeats.untold("a", moment) for moment in (0.0, 1.0, 9.9, 10.0, 10.1, 30.0)]

    assert told == [0, None, None, 2, None, 1]
    assert repeats.untold("b", 30.0) == 0


async def test_lines_have_an_id_and_nothing_that_a_customer_wrote_or_reads(
    lines: io.StringIO,
) -> None:
    world = emulator()
    async with running(world, access_log=True, slow=0.001, metrics=True) as stack:
        order = await new_order(stack, customerReference=CANARY)
        await attempt(stack, "createSalesOrder", **order)
        by_reference = f'customerReference: {{ eq: "{CANARY}" }}'
        await stack.ask(f"{{ orders(filter: {{ {by_reference} }}) {{ nodes {{ id }} }} }}")
        await stack.ask(f'query {{ order(id: "{CANARY}") {{ id }} }}')
        await stack.gateway.post("/graphql", headers={"Authorization": f"Bearer {CANARY}"})
        search = (
            "query($q: String!) { orders(filter: { customerReference: { contains: $q } }) "
            "{ nodes { id } } }"
        )
        for fault in (Fail(), Throttle("requests")):
            world.state.faults.add(fault, times=3)
            await stack.ask(search, q=CANARY)
        rows = await stack.rows("contacts")
        metrics = (await stack.gateway.get("/metrics")).text

    text = lines.getvalue()
    private = {value for row in rows for value in row.values() if isinstance(value, str)}
    mails = {each for each in private if "@" in each}
    assert len(events(lines)) > 10
    assert any(each["logger"] == "gateway.access" for each in events(lines))
    assert CANARY not in text + metrics
    assert mails
    assert not [each for each in mails if each in text + metrics]


async def test_the_access_log_says_how_each_request_ended(lines: io.StringIO) -> None:
    async with running(emulator(), access_log=True) as stack:
        await stack.ask(ORDERS)
        await stack.ask("{ nothing }")
        await stack.gateway.post("/graphql")

    found = [each for each in events(lines) if each["logger"] == "gateway.access"]
    assert [
        (each["status"], each["operation"], each["kind"], each["outcome"]) for each in found
    ] == [
        (200, "Orders", "query", "ok"),
        (200, "", "", "BAD_REQUEST"),
        (401, "", "", "UNAUTHENTICATED"),
    ]
    assert len({each["request"] for each in found}) == 3


async def sums(stack: Stack, name: str) -> Counter[str]:
    """The counts of a histogram by outcome."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families((await stack.gateway.get("/metrics")).text):
        for sample in family.samples:
            if sample.name == f"{name}_count":
                found[sample.labels["outcome"]] += int(sample.value)
    return found


async def test_durations_add_up_to_what_was_asked_and_what_was_called() -> None:
    world = emulator()
    async with running(world, metrics=True) as stack:
        for _ in range(3):
            await stack.ask(ORDERS)
        await stack.ask("{ nothing }")
        called, asked = (
            await sums(stack, "gateway_upstream_seconds"),
            await sums(stack, "gateway_request_seconds"),
        )
        entries = Counter(str(each.status) for each in world.state.log)
        text = (await stack.gateway.get("/metrics")).text

    assert asked == {"ok": 3, "BAD_REQUEST": 1}
    assert called == entries
    assert 'table="salesorder"' in text
    assert 'gateway_upstream_state{of="places",service="dataverse"} 40.0' in text


async def test_names_of_operations_that_callers_make_up_do_not_grow_without_bound() -> None:
    async with running(emulator(), metrics=True) as stack:
        for number in range(110):
            await stack.ask(f"query Q{number} {{ __typename }}")
        text = (await stack.gateway.get("/metrics")).text

    names = set(re.findall(r'gateway_request_seconds_count\{.*?operation="(\w*)"', text))
    assert len(names) == 101
    assert "other" in names
