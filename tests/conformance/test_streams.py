"""A client of GraphQL over SSE that nobody here wrote follows the demo, unchanged."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

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
