"""Documents of a manifest are named by id, cost nothing at first sight, may be the only ones."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import md5, sha256
from pathlib import Path
from types import FrameType
from typing import Any

import graphql
import httpx2
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette

from gateway.__main__ import main
from gateway.app import create_app
from gateway.assembly import MEGABYTE
from gateway.config.settings import SettingsError
from gateway.http.negotiation import JSON, RESPONSE
from gateway.plans.planner import Planner
from tests.stack import Stack, running, settings

pytestmark = pytest.mark.anyio

ORDERS = "query Orders($n: Int = 2) { orders(first: $n) { nodes { number } } }"
VIEWER = "{ viewer { kind } }"
CHANGE = "mutation($input: CancelSalesOrderInput!) { cancelSalesOrder(input: $input) { replayed } }"
INSIDE = '{ __type(name: "Account") { name } }'
OTHER = "{ viewer { kind __typename } } # sent as text"
TEXTS = (ORDERS, VIEWER, CHANGE, INSIDE)


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def short(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


PLAIN = {hashed(text): text for text in TEXTS}
RELAY = {short(text): text for text in TEXTS}
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": hashed(text), "name": "Some", "type": "query", "body": text} for text in TEXTS
    ],
}


def apollo(hash_: str, **changes: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_, **changes}}}


BESIDE_A_TEXT: tuple[dict[str, Any], ...] = ({}, {"documentId": "newer"}, apollo(hashed(OTHER)))
"""Members that may stand beside the text of a document that is in no manifest."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "manifest.json"
    write(found, PLAIN)
    return found


async def post(stack: Stack, body: Mapping[str, Any], **headers: str) -> httpx2.Response:
    known = {"Authorization": f"Bearer {await stack.token('jane')}", "Accept": RESPONSE}
    return await stack.gateway.post("/graphql", json=body, headers=known | headers)


async def get(stack: Stack, body: Mapping[str, Any]) -> httpx2.Response:
    known = {"Authorization": f"Bearer {await stack.token('jane')}"}
    text = {name: v if isinstance(v, str) else json.dumps(v) for name, v in body.items()}
    return await stack.gateway.get("/graphql", params=text, headers=known)


def write(file: Path, manifest: object) -> str:
    file.write_text(json.dumps(manifest))
    return str(file)


def code(response: httpx2.Response) -> str:
    (error,) = response.json()["errors"]
    return str(error["extensions"]["code"])


@contextmanager
def called(*functions: Any) -> Iterator[Counter[str]]:
    """Count the calls of each function meanwhile."""
    names = {each.__code__: each.__name__ for each in functions}
    found: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            found[names[frame.f_code]] += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("manifest", [PLAIN, RELAY, APOLLO], ids=["plain", "relay", "apollo"])
async def test_a_document_is_named_by_any_of_its_ids_by_either_method(
    small_world: Starlette, file: Path, manifest: object
) -> None:
    path = write(file, manifest)
    names = [{"documentId": f"sha256:{hashed(ORDERS)}"}, {"documentId": hashed(ORDERS)},
             apollo(hashed(ORDERS))]  # fmt: skip
    if manifest is RELAY:
        names.append({"documentId": short(ORDERS)})
    async with running(small_world, trusted_documents=path) as stack:
        whole = await post(stack, {"query": ORDERS, "variables": {"n": 3}})
        for name in names:
            asked = {**name, "operationName": "Orders", "variables": {"n": 3}}

            assert (await post(stack, asked)).content == whole.content
            assert (await get(stack, asked)).content == whole.content

    assert len(whole.json()["data"]["orders"]["nodes"]) == 3


async def test_an_id_that_nobody_knows_is_one_typed_error(
    small_world: Starlette, file: Path
) -> None:
    async with running(small_world, trusted_documents=str(file)) as stack:
        for name in ({"documentId": "nobody"}, {"documentId": f"sha256:{hashed(OTHER)}"}):
            assert (await post(stack, name)).status_code == 400
            assert (await post(stack, name, Accept=JSON)).status_code == 200
            assert code(await get(stack, name)) == "UNKNOWN_DOCUMENT"
        retried = (await post(stack, apollo(hashed(OTHER)))).json()

    assert retried["errors"][0]["message"] == "PersistedQueryNotFound"


async def test_without_a_manifest_no_id_is_known(stack: Stack) -> None:
    assert code(await post(stack, {"documentId": hashed(VIEWER)})) == "UNKNOWN_DOCUMENT"


async def test_where_trusted_documents_are_preferred_others_are_answered_too(
    small_world: Starlette, file: Path
) -> None:
    async with running(small_world, trusted_documents=str(file)) as stack:
        for body in BESIDE_A_TEXT:
            answer = await post(stack, {"query": OTHER, **body})

            assert answer.json() == {
                "data": {"viewer": {"kind": "customer", "__typename": "Viewer"}}
            }


async def test_where_only_trusted_documents_are_answered_others_are_refused(
    small_world: Starlette, file: Path
) -> None:
    async with running(small_world, trusted_documents=str(file), trusted_only=True) as stack:
        await post(stack, {"query": VIEWER})
        stack.emulator.state.log.clear()
        for body in BESIDE_A_TEXT:
            refused = await post(stack, {"query": OTHER, **body})

            assert (refused.status_code, code(refused)) == (400, "UNKNOWN_DOCUMENT")
        assert code(await get(stack, {"query": "{ not even GraphQL"})) == "UNKNOWN_DOCUMENT"
        assert stack.emulator.state.log.calls() == []
        assert (await post(stack, {"query": VIEWER})).json()["data"]["viewer"]
        assert (await post(stack, {"documentId": hashed(VIEWER)})).json()["data"]["viewer"]


@pytest.mark.parametrize(
    "body",
    [
        {"query": OTHER, "documentId": hashed(VIEWER)},
        {"query": VIEWER, "documentId": f"sha256:{hashed(OTHER)}"},
        {"query": VIEWER, "documentId": "sha256:"},
        {"query": VIEWER, **apollo(hashed(OTHER))},
        {"documentId": hashed(ORDERS), **apollo(hashed(VIEWER))},
        apollo(hashed(VIEWER), version=2),
        {"query": VIEWER, "extensions": {"persistedQuery": True}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": None}},
    ],
    ids=str,
)
async def test_a_request_that_contradicts_itself_is_refused(
    small_world: Starlette, file: Path, body: dict[str, Any]
) -> None:
    async with running(small_world, trusted_documents=str(file)) as stack:
        for answer in (await post(stack, body, Accept=JSON), await get(stack, body)):
            assert (answer.status_code, code(answer)) == (400, "INVALID_INPUT")


async def test_an_id_of_the_wrong_type_or_none_is_no_graphql_request(stack: Stack) -> None:
    bodies: list[dict[str, Any]] = [{"documentId": 7}, {"documentId": None}, {"extensions": {}}]
    for body in bodies:
        answer = await post(stack, body, Accept=JSON)

        assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_a_trusted_mutation_goes_by_post_alone(small_world: Starlette, file: Path) -> None:
    async with running(small_world, trusted_documents=str(file)) as stack:
        answer = await get(stack, {"documentId": hashed(CHANGE)})

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_trusted_document_costs_nothing_at_first_sight_nor_after_many_others(
    small_world: Starlette, file: Path
) -> None:
    work = (graphql.parse, graphql.validate, Planner.plan)
    long = "a" * 10_000
    async with running(small_world, trusted_documents=str(file), memory=1) as stack:
        with called(*work) as first:
            assert (await post(stack, {"documentId": hashed(ORDERS)})).json()["data"]
        for number in range(MEGABYTE // len(long) + 1):
            await stack.ask(f"{{ {long}{number}: viewer {{ name }} }}")
        with called(*work) as later:
            assert (await post(stack, {"query": ORDERS})).json()["data"]
        with called(*work) as other:
            assert (await post(stack, {"query": OTHER})).json()["data"]

    assert (first.total(), later.total()) == (0, 0)
    assert set(other) == {"parse", "validate", "plan"}


def apollo_of(*operations: tuple[str, str]) -> dict[str, Any]:
    return {**APOLLO, "operations": [{"id": id_, "body": body} for id_, body in operations]}


@pytest.mark.parametrize(
    ("manifest", "mistakes"),
    [
        ({"one": "{ viewer"}, ["one: Syntax Error"]),
        ({"one": "{ viewers { kind } }"}, ["one: Cannot query field 'viewers'"]),
        ({"one": "{ viewer { kind } " + "a: __typename " * 11 + "}"}, ["one: The request has too"]),
        (
            {"one": "{ orders(first: 101) { nodes { lines(first: 100) { nodes { id } } } } }"},
            ["one: The request has too many rows"],
        ),
        ({hashed(OTHER): VIEWER}, [f"{hashed(OTHER)}: is not the SHA-256 of its text"]),
        ({f"sha256:{hashed(OTHER)}": VIEWER}, ["is not the SHA-256 of its text"]),
        ({hashed(VIEWER).upper(): VIEWER}, ["is not the SHA-256 of its text"]),
        (apollo_of(("one", VIEWER), ("one", ORDERS)), ["one: names two documents"]),
        ({"one": "{", "two": VIEWER, "three": "{ x }"}, ["one: Syntax", "three: Cannot query"]),
        ({**APOLLO, "version": 2}, ["is no manifest"]),
        ({"one": 7}, ["is no manifest"]),
        ([VIEWER], ["is no manifest"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_manifest_that_cannot_be_right_stops_the_start(
    file: Path, manifest: object, mistakes: list[str]
) -> None:
    write(file, manifest)

    with pytest.raises(SettingsError) as caught:
        create_app(settings(trusted_documents=str(file)))

    assert len(caught.value.mistakes) == len(mistakes)
    for told, mistake in zip(caught.value.mistakes, mistakes, strict=True):
        assert told.startswith("GATEWAY_TRUSTED_DOCUMENTS: ")
        assert mistake in told


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"one": "\xff"}'], ids=str)
def test_a_file_that_cannot_be_read_stops_the_start(file: Path, content: bytes | None) -> None:
    file.unlink() if content is None else file.write_bytes(content)

    with pytest.raises(SettingsError, match="GATEWAY_TRUSTED_DOCUMENTS: "):
        create_app(settings(trusted_documents=str(file)))


async def test_the_command_makes_a_manifest_of_the_portals_documents(
    small_world: Starlette, file: Path
) -> None:
    folder = Path(__file__).parents[2] / "portal" / "documents"
    made = CliRunner().invoke(main, ["documents", str(folder)])
    path = write(file, json.loads(made.stdout))

    async with running(small_world, trusted_documents=path, trusted_only=True) as stack:
        text = (folder / "viewer.graphql").read_text()
        answer = await post(stack, {"documentId": f"sha256:{hashed(text)}"})

    assert len(json.loads(made.stdout)) == len(list(folder.glob("*.graphql")))
    assert answer.json()["data"]
