"""One layer at a time: a service that ignores every filter still gives nobody a foreign row."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from gateway.model.tables import TABLES, Table
from tests.stack import EMULATOR, Answer, Stack, collection_of, onward, running

pytestmark = pytest.mark.anyio

OWNED = [table for table in TABLES.values() if table.root and table.rule.by_account]
SOME: dict[type, list[Any]] = {str: ["x", "y"], int: [1, 2]}
"""Values to filter by, whatever they find."""
OWN_KEY = {
    "Account": "accountid eq",
    "Contact": "contactid eq",
    "CustomerItem": "CustomerAccountNumber eq",
    "Shipment": "OrderAccount eq",
    "PostedInvoice": "OrderAccount eq",
    "ReturnOrder": "CustomerAccountNumber eq",
    "Transaction": "AccountNum eq",
}
FILTER = re.compile(rb"(?:%24|\$)filter=[^&]*&?")


def careless(app: Starlette) -> Starlette:
    """The emulator as a service that reads no filter of customers' tables."""
    paths = {f"/{collection_of(table)}" for table in OWNED} - {"/contacts", "/accounts"}

    async def forgetful(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith(tuple(paths)):
            scope = {**scope, "query_string": FILTER.sub(b"", scope["query_string"])}
        await app(scope, receive, send)

    return forgetful  # type: ignore[return-value]


@pytest.fixture
async def forgetful(small_world: Starlette) -> AsyncIterator[Stack]:
    upstream = httpx2.ASGITransport(app=careless(small_world))
    async with running(small_world, upstream) as stack:
        yield stack


def rows(answer: Answer, name: str) -> list[dict[str, Any]]:
    """The rows of a list; none where so many were dropped that the gateway gave up looking."""
    assert set(answer.codes) <= {"LIMIT_EXCEEDED"}
    found = (answer.body.get("data") or {}).get(name) or {"nodes": []}
    return list(found["nodes"])


@pytest.mark.parametrize("caller", ["jane", "rep"])
async def test_the_rows_are_checked_again_when_they_come_back(
    stack: Stack, forgetful: Stack, caller: str
) -> None:
    for table in OWNED:
        assert table.root
        query = f"{{ {table.root[1]}(first: 100) {{ nodes {{ id }} }} }}"
        if (await stack.ask(query, as_=caller)).codes:
            continue
        mine = await ids_of(stack, table.root[1], caller)
        found = rows(await forgetful.ask(query, as_=caller), table.root[1])
        assert {row["id"] for row in found} <= mine


async def test_links_are_checked_again_too(stack: Stack, forgetful: Stack) -> None:
    query = (
        "{ products(first: 1) { totalCount } orders(first: 20) { nodes { lines { nodes { id } } "
        "invoices { nodes { id } } } } }"
    )
    found = rows(await forgetful.ask(query), "orders")

    for name, field in (("orderLines", "lines"), ("invoices", "invoices")):
        mine = await ids_of(stack, name, "jane")
        given = [order[field]["nodes"] for order in found if order[field]]
        assert {row["id"] for nodes in given for row in nodes} <= mine


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
async def test_every_request_carries_the_rule_around_what_the_caller_sent(
    stack: Stack, table: Table
) -> None:
    assert table.root
    scalars = {name: spec.scalar for name, spec in table.filterable.items() if spec.scalar}
    name, some = next((name, SOME[of]) for name, (_, of) in scalars.items() if of in SOME)
    sent = {"or": [{name: {"in": some}}, {"not": {name: {"in": some}}}]}
    query = (
        f"query ($f: {table.name}Filter) {{ {table.root[1]}(first: 1, filter: $f) "
        "{ totalCount nodes { id } } }"
    )

    calls = await stack.asked_upstream(query, as_="rep", f=sent)

    for call in calls:
        (text,) = parse_qs(call.query)["$filter"]
        assert "_customerid_value eq" in text or OWN_KEY[table.name] in text
        assert is_one_group(text), text


def is_one_group(text: str) -> bool:
    """True if the first parenthesis is closed by the last character."""
    depth = [0]
    for character in text:
        depth.append(depth[-1] + {"(": 1, ")": -1}.get(character, 0))
    return text.startswith("(") and all(depth[1:-1]) and depth[-1] == 0


async def test_a_row_by_its_id_is_asked_for_with_the_rule(stack: Stack) -> None:
    query = "query ($id: ID!) { node(id: $id) { id } }"
    mine = sorted(await ids_of(stack, "orders", "rep"))[0]

    (call,) = await stack.asked_upstream(query, as_="rep", id=mine)

    assert "_customerid_value eq" in call.query


class Hostile:
    """The emulator as a service that, once told to, answers reads of accounts as it likes."""

    def __init__(self, app: Starlette) -> None:
        self.app = app
        self.answer: tuple[int, dict[str, Any]] | None = None
        self.mine = ""
        self.hosts: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.hosts.update(v.decode() for k, v in scope["headers"] if k == b"host")
        if self.answer and scope["path"].endswith("/accounts"):
            status, body = self.answer
            await JSONResponse(body, status)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@pytest.fixture
async def hostile(small_world: Starlette) -> AsyncIterator[tuple[Stack, Hostile]]:
    service = Hostile(small_world)
    async with running(service, deadline=3.0) as stack:  # type: ignore[arg-type]
        service.mine = (await stack.ask(MINE)).data["accounts"]["nodes"][0]["id"]
        service.hosts.clear()
        yield stack, service


MINE = "{ accounts(first: 1) { nodes { id } } }"
NUMBER = "query ($id: ID!) { account(id: $id) { number } }"
INSIDE = (
    "{ orders(first: 3) { nodes { number account { id number } "
    "lines(first: 2) { nodes { id order { number } } } } } }"
)
LINKS = (
    "https://evil.example/api/data/v9.2/accounts",
    f"{EMULATOR}.evil.example/api/data/v9.2/accounts",
    f"{EMULATOR}/api/data/v9.2",
    "//evil.example/api/data/v9.2/accounts",
    "http://127.0.0.1:80/api/data/v9.2/accounts",
    "file:/etc/passwd",
)


@pytest.mark.parametrize("link", LINKS)
async def test_a_next_link_is_followed_to_the_same_service_alone(
    hostile: tuple[Stack, Hostile], link: str
) -> None:
    stack, service = hostile
    service.answer = 200, {"value": [], "@odata.nextLink": link}

    answer = await stack.ask(NUMBER, id=service.mine)

    assert answer.codes == ["UPSTREAM_MISMATCH"]
    assert service.hosts <= {EMULATOR.removeprefix("http://")}, "nobody else got our token"


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 500, 503])
async def test_what_dynamics_says_of_rows_is_not_passed_on(
    hostile: tuple[Stack, Hostile], status: int
) -> None:
    stack, service = hostile
    said = "Account row-canary of somebody else"
    service.answer = status, {"error": {"code": "0x80040217", "message": said}}

    answer = await stack.ask(NUMBER, id=service.mine)

    assert answer.codes
    assert "canary" not in str(answer.body)


def mixed_up(app: Starlette, name: str, changes: list[str]) -> Starlette:
    """The emulator as a service that puts other rows inside of orders than belong there."""

    async def careless(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/salesorders"):
            return await app(scope, receive, send)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=EMULATOR) as client:
            headers = {k.decode(): v.decode() for k, v in scope["headers"]}
            url = f"{scope['path']}?{scope['query_string'].decode()}"
            honest = await client.get(url, headers=headers)
        body = honest.json()
        rows = body.get("value", [])
        if rows and isinstance(rows[0].get(name), dict | list):
            changes.append(name)
            _mix(rows, name)
        return await JSONResponse(body, honest.status_code)(scope, receive, send)

    return careless  # type: ignore[return-value]


def _mix(rows: list[dict[str, Any]], name: str) -> None:
    if isinstance(rows[0][name], dict):
        rows[0][name] = rows[0][name] | {"accountid": FOREIGN, "accountnumber": "row-canary"}
    else:
        rows[0][name], rows[-1][name] = rows[-1][name], rows[0][name]


FOREIGN = "00000000-0000-4000-8000-00000000cafe"


@pytest.mark.parametrize("name", ["customerid_account", "order_details"])
async def test_rows_inside_of_others_are_held_to_their_own_rule(
    stack: Stack, small_world: Starlette, name: str
) -> None:
    changes: list[str] = []
    honest = (await stack.ask(INSIDE, as_="rep")).data

    async with running(mixed_up(small_world, name, changes)) as careless:
        answer = await careless.ask(INSIDE, as_="rep")

    assert changes, "they did travel inside"
    assert answer.data == honest


async def ids_of(stack: Stack, name: str, caller: str) -> set[str]:
    found: set[str] = set()
    after = None
    while True:
        query = (
            f"query ($after: String) {{ {name}(first: 100, after: $after) "
            "{ nodes { id } pageInfo { hasNextPage endCursor } } }"
        )
        page = (await stack.ask(query, as_=caller, after=after)).data[name]
        found |= {row["id"] for row in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = onward(page["pageInfo"], after)
