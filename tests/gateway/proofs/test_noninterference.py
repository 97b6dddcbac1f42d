"""
The data of others changes nothing for us: the same request in two worlds that differ only in the
other customers' data gives the same bytes, from the same calls to Dynamics.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from strawberry.utils.str_converters import to_camel_case

from gateway.config.parsers import partners
from gateway.model.tables import TABLES, Node
from tests.gateway.proofs.requests import ROOTED, Requests, sampled
from tests.gateway.proofs.worlds import alike, gateways
from tests.nightly import NIGHTLY
from tests.stack import Stack

pytestmark = pytest.mark.anyio

REQUESTS, KEPT, COSTS = (5_000, 5_000, 2_000) if NIGHTLY else (180, 60, 40)
CALLERS = ("jane", "rep", "partner")
OTHERS = ("may", "sam", "admin")
PATIENT = {
    "partners": partners("partner=US-001@usmf"),
    # A busy machine must not answer in another way in one of the worlds.
    "deadline": 60.0,
    "read_timeout": 60.0,
}
KEEPING = PATIENT | {"keep_rows": 86_400.0}
PROMISED = "msdyn_inventoryonhandentries"
RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
"""The ids of questions about promises, which are new each time."""
LISTED = re.compile(r"(?<=PropertyValues=)\[(.*?)\]")
"""The keys of a read of several rows, or the numbers of an option set."""
TIMES = 20 if NIGHTLY else 1
"""The least number of times that each root field and each connection is asked for."""


FIELDS = {
    *(table.root[1] for table in ROOTED if table.root),
    *(table.root[0] for table in ROOTED if table.root and issubclass(table.cls, Node)),
    *(to_camel_case(name) for table in TABLES.values() for name in table.backs),
    "nodes",
    "boughtBefore",
    "categoryParts",
    "previewSalesOrder",
}
"""Everything with arguments at the root, and every connection."""


@pytest.fixture(scope="module")
def worlds() -> tuple[Starlette, Starlette]:
    return alike()


@pytest.fixture
async def pair(
    worlds: tuple[Starlette, Starlette], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Stack, Stack]]:
    """A gateway before each."""
    async with gateways(worlds, CALLERS, monkeypatch, PATIENT, PATIENT) as both:
        yield both


@pytest.fixture
async def keepers(
    worlds: tuple[Starlette, Starlette], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Stack, Stack]]:
    """A gateway that asks for everything, and one before the other world that keeps rows."""
    async with gateways(worlds, (*CALLERS, *OTHERS), monkeypatch, PATIENT, KEEPING) as both:
        yield both


async def seen(stack: Stack, query: str, caller: str, variables: dict[str, Any]) -> tuple[Any, Any]:
    """The body of the answer, and what Dynamics was asked for it."""
    stack.emulator.state.log.clear()
    response = await stack.gateway.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={
            "Authorization": f"Bearer {await stack.token(caller)}",
            "X-Request-Id": "the-same-request",
        },
    )
    calls = [
        (c.service, c.method, c.path, RANDOM.sub("", c.query) if c.path == PROMISED else c.query)
        for c in stack.emulator.state.log.calls()
    ]
    return (response.status_code, response.content), sorted(
        (*head, LISTED.sub(_in_order, query)) for *head, query in calls
    )


def _in_order(found: re.Match[str]) -> str:
    """The keys of one read in order: parts of a request that run at once add theirs in any."""
    return f"[{','.join(sorted(found[1].split(',')))}]"


def reads(calls: list[tuple[str, ...]]) -> int:
    """The keys that were asked for, where one call has several: they may come in one or in two."""
    return sum(
        max([1, *(keys.count(",") + 1 for keys in LISTED.findall(each[-1]))]) for each in calls
    )


async def test_the_worlds_do_differ(pair: tuple[Stack, Stack]) -> None:
    query = "{ orders(first: 100) { totalCount nodes { name customerReference placedAt } } }"
    left, right = [(await stack.ask(query, as_="admin")).data for stack in pair]

    assert left["orders"]["totalCount"] != right["orders"]["totalCount"]
    assert left["orders"]["nodes"] != right["orders"]["nodes"]


async def test_the_others_data_changes_nothing(pair: tuple[Stack, Stack]) -> None:
    left, right = pair
    requests = Requests(await sampled(left), Random(20261132))  # noqa: S311 - the same each time
    asked: Counter[str] = Counter()
    answered, refused = 0, 0

    for number in range(REQUESTS):
        query, variables = requests.next()
        caller = CALLERS[number % len(CALLERS)]
        asked.update(set(re.findall(r"(\w+)\(", query)))
        (status, body), calls = await seen(left, query, caller, variables)
        there, calls_there = await seen(right, query, caller, variables)
        assert there == (status, body), (caller, query, variables)
        assert calls_there == calls, (caller, query, variables)
        found = msgspec.json.decode(body)
        answered += any(found.get("data", {}).values()) if found.get("data") else 0
        codes = str(found.get("errors"))
        refused += "INTERNAL" in codes or "BAD_REQUEST" in codes or status != 200
    assert {name: asked[name] for name in FIELDS if asked[name] < TIMES} == {}
    assert answered > REQUESTS * 0.5, "requests that mean something"
    assert refused <= REQUESTS * 0.02, "requests that are understood"


async def test_rows_kept_for_whomever_change_nothing(keepers: tuple[Stack, Stack]) -> None:
    plain, keeping = keepers
    random = Random(20261129)  # noqa: S311 - the same each time
    requests = Requests(await sampled(plain), random)
    spared = 0

    for number in range(KEPT):
        query, variables = requests.next()
        caller = CALLERS[number % len(CALLERS)]
        for other in random.sample([*CALLERS, *OTHERS], random.randint(0, 2)):
            await seen(keeping, query, other, variables)
        expected, calls = await seen(plain, query, caller, variables)
        found, calls_there = await seen(keeping, query, caller, variables)
        assert found == expected, (caller, query, variables)
        assert reads(calls_there) <= reads(calls), (caller, query, variables)
        spared += len(calls) - len(calls_there)
    assert spared > 0, "rows that were kept"


async def test_the_cost_tells_nothing_of_what_others_have_asked(
    worlds: tuple[Starlette, Starlette], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(20261130)  # noqa: S311 - the same each time
    costs: Counter[int] = Counter()
    telling, callers = KEEPING | {"show_cost": True}, (*CALLERS, *OTHERS)
    async with gateways(worlds, callers, monkeypatch, telling, telling) as (alone, crowded):
        requests = Requests(await sampled(alone), random)
        await sampled(crowded)
        for number in range(COSTS):
            query, variables = requests.next()
            caller = CALLERS[number % len(CALLERS)]
            for other in random.sample([*CALLERS, *OTHERS], random.randint(0, 2)):
                if other != caller:
                    await seen(crowded, query, other, variables)
            told = []
            for stack in (alone, crowded):
                (_, body), _ = await seen(stack, query, caller, variables)
                cost = msgspec.json.decode(body)["extensions"]["cost"]
                told.append((cost["predicted"], cost["actual"]))
            assert told[0] == told[1], (caller, query, variables)
            costs[told[0][1]] += 1
    assert len(costs) > 3, "costs that differ from one another"
