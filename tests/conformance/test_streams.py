"""Clients of streams that nobody here wrote follow the demo, unchanged."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.gateway.test_demo import demo, token

HERE = Path(__file__).parent
CONTACT = "{ contacts(first: 1) { nodes { jobTitle } } }"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with demo() as (port, _):
        yield port


def follow(port: int, token: str, query: str, most: int) -> subprocess.Popen[str]:
    command = ["node", "follow.mjs", f"http://127.0.0.1:{port}/graphql", token, query, str(most)]
    return subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout
    return json.loads(process.stdout.readline())


def title(port: int, title: str) -> None:
    """Give all contacts of Dataverse this title."""
    emulator = f"http://127.0.0.1:{port + 1}"
    with httpx2.Client(base_url=emulator, trust_env=False, timeout=30) as client:
        minted = client.post("/issuer/demo/token", json={"service": True}).json()
        headers = {"Authorization": f"Bearer {minted['access_token']}"}
        url = "/api/data/v9.2/contacts"
        mail = "emailaddress1 eq 'jane.doe@contoso-retail.example'"
        found = client.get(url, params={"$filter": mail}, headers=headers).json()["value"]
        for contact in found:
            row = {"jobtitle": title}
            client.patch(
                f"{url}({contact['contactid']})", json=row, headers=headers
            ).raise_for_status()


def test_graphql_sse_follows_changes(port: int) -> None:
    with follow(port, token(port, "jane"), f"subscription {CONTACT}", 2) as process:
        first = line(process)
        title(port, "Follower")
        second = line(process)
        end = line(process)

    assert first["data"]["contacts"]["nodes"][0]["jobTitle"] != "Follower"
    assert second["data"]["contacts"]["nodes"][0]["jobTitle"] == "Follower"
    assert end == {"end": "complete"}


@pytest.mark.parametrize(
    ("query", "code"), [("{ viewer { kind } }", None), ("subscription { no }", "BAD_REQUEST")]
)
def test_graphql_sse_is_told_the_end(port: int, query: str, code: str | None) -> None:
    with follow(port, token(port, "jane"), query, 9) as process:
        found, end = line(process), line(process)

    assert [error["extensions"]["code"] for error in found.get("errors", [])] == [code] * bool(code)
    assert end == {"end": "complete"}


def test_graphql_sse_hears_of_a_refusal(port: int) -> None:
    with follow(port, "nobody", f"subscription {CONTACT}", 9) as process:
        end = line(process)["end"]

    assert end.startswith("error")
    assert "401" in end or "Unauthorized" in end


SOCKETS = ("graphql-ws", "apollo", "urql", "relay")
"""Clients of `graphql-transport-ws`."""


def talk(client: str, port: int, token: str, query: str, most: int) -> subprocess.Popen[str]:
    url = f"ws://127.0.0.1:{port}/graphql"
    command = ["node", "sockets.mjs", client, url, token, query, str(most)]
    return subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("client", SOCKETS)
def test_clients_of_sockets_follow_changes(port: int, client: str) -> None:
    query = f"subscription It {CONTACT}"
    with talk(client, port, token(port, "jane"), query, 2) as process:
        first = line(process)
        title(port, f"Follower of {client}")
        second = line(process)
        end = line(process)

    assert first["data"]["contacts"]["nodes"][0]["jobTitle"] != f"Follower of {client}"
    assert second["data"]["contacts"]["nodes"][0]["jobTitle"] == f"Follower of {client}"
    assert end == {"end": "complete"}


@pytest.mark.parametrize("client", SOCKETS)
def test_clients_of_sockets_hear_of_refusals(port: int, client: str) -> None:
    with talk(client, port, "nobody", f"subscription It {CONTACT}", 9) as process:
        stranger = line(process)["end"]
    with talk(client, port, token(port, "jane"), "subscription It { no { way } }", 9) as process:
        mistaken = line(process)["end"]

    assert stranger.startswith("error: ")
    assert "4403 UNAUTHENTICATED: " in stranger
    assert "Cannot query field" in mistaken


async def followed(port: int, token: str, query: str, most: int) -> list[Any]:
    """The answers that Python's gql gets, with a change after the first."""
    transport = WebsocketsTransport(
        f"ws://127.0.0.1:{port}/graphql", init_payload={"Authorization": f"Bearer {token}"}
    )
    found = []
    async with asyncio.timeout(60), Client(transport=transport) as session:
        async for answer in session.subscribe(GraphQLRequest(query)):
            found.append(answer)
            if len(found) == most:
                break
            await asyncio.to_thread(title, port, "Follower of gql")
    return found


def test_gql_of_python_follows_changes(port: int) -> None:
    found = asyncio.run(followed(port, token(port, "jane"), f"subscription {CONTACT}", 2))

    titles = [each["contacts"]["nodes"][0]["jobTitle"] for each in found]
    assert titles[0] != titles[1] == "Follower of gql"


def test_gql_of_python_hears_of_refusals(port: int) -> None:
    with pytest.raises(TransportError) as stranger:
        asyncio.run(followed(port, "nobody", f"subscription {CONTACT}", 2))
    assert "4403" in str(stranger.value.__cause__)
    with pytest.raises(TransportQueryError, match="Cannot query field"):
        asyncio.run(followed(port, token(port, "jane"), "subscription { no { way } }", 2))
