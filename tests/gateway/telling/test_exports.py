"""Exports as JSON lines: a whole list in bounded memory, which goes on after its last cursor."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Fail, Throttle
from gateway.errors import Overloaded, Unauthenticated
from gateway.http import exports as exports_
from gateway.http.endpoint import GraphQLEndpoint
from tests.gateway.live.serving import listening
from tests.stack import Stack, emulator, onward, running
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio

LINES = """
query Lines($after: String, $first: Int = 70) {
  orderLines(first: $first, after: $after) {
    edges { cursor node { id quantity order { number } product { name } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


INSIDE = "{ edges { cursor node { id } } pageInfo { hasNextPage endCursor } }"
BELOW = INSIDE.replace("id", "%s")
NESTED = "lines(after: $after) { nodes { id } }"


@pytest.fixture(scope="module")
def world() -> Starlette:
    return emulator()


@pytest.fixture(scope="module")
async def stack(world: Starlette) -> AsyncIterator[Stack]:
    async with running(world, customer_roles=("representative",)) as found:
        yield found


async def exported(stack: Stack, query: str = LINES, **variables: Any) -> list[str]:
    """The lines of an export."""
    response = await stack.gateway.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={
            "Authorization": f"Bearer {await stack.token('jane')}",
            "Accept": "application/jsonl",
        },
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/jsonl; charset=utf-8"
    assert response.text.endswith("\n")
    return response.text.splitlines()


async def all_edges(stack: Stack) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page = (await stack.ask(LINES, after=after, first=100)).data["orderLines"]
        found += page["edges"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = onward(page["pageInfo"], after)


async def test_an_export_has_all_edges_of_the_list_and_says_that_it_ends(stack: Stack) -> None:
    *edges, end = await exported(stack)

    expected = await all_edges(stack)
    assert len(expected) > 140
    assert [json.loads(each) for each in edges] == expected
    assert json.loads(end) == {
        "pageInfo": {"hasNextPage": False, "endCursor": expected[-1]["cursor"]}
    }


async def test_an_export_that_was_cut_off_goes_on_after_its_last_cursor(stack: Stack) -> None:
    *edges, end = await exported(stack)
    for cut in (1, 69, 70, 71, len(edges)):
        cursor = json.loads(edges[cut - 1])["cursor"]
        assert edges[:cut] + await exported(stack, after=cursor) == [*edges, end]


async def test_exports_wait_in_the_last_class_of_the_budget(stack: Stack) -> None:
    asked: list[Any] = []
    outcome = stack.app.state.engine.execute  # type: ignore[union-attr]

    async def noting(prepared: Any, context: Any, request: str) -> Any:
        asked.append(context.loaders.reader.allowance.errand.lane)
        return await outcome(prepared, context, request)

    stack.app.state.engine.execute = noting  # type: ignore[union-attr]
    try:
        await exported(stack)
    finally:
        del stack.app.state.engine.execute  # type: ignore[union-attr]

    assert len(asked) > 2
    assert {lane.value for lane in asked} == {"exports"}


async def test_a_client_that_was_cut_off_may_come_again_at_once(stack: Stack) -> None:
    engine: Any = stack.app.state.engine  # type: ignore[union-attr]
    execute, go = engine.execute, asyncio.Event()

    async def executing(prepared: Any, context: Any, request: str) -> Any:
        if prepared.variables.get("after"):
            await go.wait()  # the second page is under way for as long as the test likes
        return await execute(prepared, context, request)

    engine.execute = executing
    headers = {
        "Authorization": f"Bearer {await stack.token('jane')}",
        "Accept": "application/jsonl",
    }
    async with listening(stack.app) as port:
        url = f"http://127.0.0.1:{port}/graphql"
        try:
            for _ in range(exports_.MOST_OF_CALLER + 2):
                await begun(url, headers)
        finally:
            go.set()
            del engine.execute


async def begun(url: str, headers: dict[str, str]) -> None:
    """Read the first page of an export and leave, once there is a place for it."""
    async with asyncio.timeout(PATIENCE):
        status = 429  # until it is seen that the client before has left
        while status == 429:
            async with (
                httpx2.AsyncClient(trust_env=False, timeout=PATIENCE) as http,
                http.stream("POST", url, json={"query": LINES}, headers=headers) as answer,
            ):
                status = answer.status_code
                await anext(answer.aiter_bytes())
    assert status == 200


async def test_a_page_that_fails_for_a_while_is_asked_for_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_, "LONGEST_PAUSE", 0.2)
    whole = await exported(stack)
    for fault in (Throttle("requests", 1), Fail(503)):
        stack.emulator.state.faults.add(fault, service="dataverse", times=2)
        assert await exported(stack) == whole
        stack.emulator.state.faults.clear()


async def test_an_export_goes_on_when_somebody_can_tell_again_who_asks(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports_, "LONGEST_PAUSE", 0.1)
    whole, asked = await exported(stack), Counter[str]()
    identified = GraphQLEndpoint.identified

    async def late(endpoint: GraphQLEndpoint, request: Any) -> Any:
        asked["times"] += 1
        if asked["times"] % 3:
            raise Overloaded("Too much at once.", retryAfter=1)
        return await identified(endpoint, request)

    monkeypatch.setattr(exports_.Export, "__init__", asking_late(exports_.Export.__init__))
    monkeypatch.setattr(GraphQLEndpoint, "identified", late)
    asked["times"] = 2  # the request itself is let in

    assert await exported(stack) == whole
    assert asked["times"] > 6


async def test_an_export_ends_with_the_rights_of_its_caller(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = stack.app.state.engine  # type: ignore[union-attr]
    execute = engine.execute

    async def executing(prepared: Any, context: Any, request: str) -> Any:
        answer = await execute(prepared, context, request)
        # After the first page nobody is who they were.
        monkeypatch.setattr(GraphQLEndpoint, "identified", unknown)
        return answer

    async def unknown(endpoint: GraphQLEndpoint, request: Any) -> Any:
        raise Unauthenticated("The token is not accepted.")

    monkeypatch.setattr(exports_.Export, "__init__", asking_late(exports_.Export.__init__))
    monkeypatch.setattr(engine, "execute", executing, raising=False)

    *edges, end = await exported(stack)

    assert len(edges) == 70
    assert json.loads(end)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def asking_late(init: Any) -> Any:
    """Make exports ask the endpoint who the caller is as it is at that moment."""

    def made(export: Any, exports: Any, request: Any, prepared: Any, caller: Any, by: Any) -> None:
        async def identify(asked: Any) -> Any:
            return await type(by.__self__).identified(by.__self__, asked)

        init(export, exports, request, prepared, caller, identify)

    return made


@pytest.mark.parametrize(
    "query",
    [
        "{ orderLines { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }",
        "query A($after: String) { orderLines(after: $after) { nodes { id } } }",
        "query A($after: String) { orderLines(after: $after) { edges { node { id } } "
        "pageInfo { hasNextPage endCursor } } }",
        "query A($after: String) { orderLines(after: $after) { edges { cursor } "
        "pageInfo { hasNextPage endCursor } } viewer { kind } }",
        "{ viewer { kind } }",
        f"query A($after: String) {{ orders(after: $after, last: 5) {INSIDE} }}",
        f"query A($after: String, $n: Int) {{ orders(after: $after, last: $n) {INSIDE} }}",
        f'query A($after: String) {{ orders(after: $after, before: "x") {INSIDE} }}',
        "query A($after: String, $no: Boolean = true) "
        f"{{ orderLines(after: $after) @skip(if: $no) {INSIDE} }}",
        "query A($after: String) "
        f"{{ orders(after: $after, filter: {{ number: {{ eq: $after }} }}) {INSIDE} }}",
        f"query A($after: String) {{ orders(after: $after) {BELOW % NESTED} }}",
        f"query A($after: String) {{ orders(after: $after) {BELOW % '...F'} }} "
        f"fragment F on SalesOrder {{ lines(after: $after) {INSIDE} }}",
    ],
)
async def test_what_is_no_list_with_cursors_is_refused(stack: Stack, query: str) -> None:
    response = await stack.gateway.post(
        "/graphql",
        json={"query": query},
        headers={
            "Authorization": f"Bearer {await stack.token('jane')}",
            "Accept": "application/jsonl",
        },
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == exports_.FORM


async def test_who_likes_lines_better_than_json_gets_lines(stack: Stack) -> None:
    bearer = {"Authorization": f"Bearer {await stack.token('jane')}"}
    kinds = {}
    for accept in ("application/jsonl, application/json;q=0.5", "application/jsonl, */*"):
        answer = await stack.gateway.post(
            "/graphql", json={"query": LINES}, headers={**bearer, "Accept": accept}
        )
        kinds[accept] = answer.headers["content-type"].partition(";")[0]

    assert list(kinds.values()) == ["application/jsonl", "application/json"]


async def test_what_is_no_account_of_the_caller_is_the_reason_of_an_early_end(stack: Stack) -> None:
    answer = await stack.gateway.post(
        "/graphql",
        json={"query": LINES},
        headers={
            "Authorization": f"Bearer {await stack.token('jane')}",
            "Accept": "application/jsonl",
            "X-Account": "nothing",
        },
    )

    (line,) = answer.text.splitlines()
    assert json.loads(line)["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


@pytest.mark.parametrize("after", [None, "some"])
async def test_pages_of_no_rows_are_no_export(stack: Stack, after: str | None) -> None:
    if after is not None:
        after = json.loads((await exported(stack))[3])["cursor"]
    (line,) = await exported(stack, first=0, after=after)

    (error,) = json.loads(line)["errors"]
    assert error["extensions"] == {"code": "INVALID_INPUT", "argument": "first"}


async def test_the_reason_of_an_early_end_is_the_last_line(stack: Stack) -> None:
    (line,) = await exported(stack, after="no cursor")

    assert [each["extensions"]["code"] for each in json.loads(line)["errors"]] == ["INVALID_CURSOR"]
