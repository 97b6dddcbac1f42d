"""The GraphiQL page over HTTP: its own files alone, a strict policy, an example that is valid."""

import re
from pathlib import Path

import httpx2
import pytest
from graphql import parse, validate
from starlette.applications import Starlette
from starlette.middleware import Middleware

from gateway.engine.execution import Engine, GraphQLRequest
from gateway.http.graphiql.graphiql_page import SignIn, graphiql_routes
from gateway.http.middleware import Requests
from tests.schema import shipped

pytestmark = pytest.mark.anyio

SIGN_IN = SignIn("https://issuer.example:8443/tenant", "graphiql", "openid orders")
EXAMPLE = Path(__file__).parents[3] / "gateway/http/graphiql/web/src/example.graphql"


async def get(path: str, **headers: str) -> httpx2.Response:
    app = Starlette(routes=graphiql_routes(SIGN_IN), middleware=[Middleware(Requests)])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as http:
        return await http.get(path, headers=headers)


async def policy() -> dict[str, str]:
    header = (await get("/graphiql")).headers["content-security-policy"]
    return dict(part.strip().partition(" ")[::2] for part in header.split(";"))


async def test_no_script_runs_but_our_own_files() -> None:
    found = await policy()

    assert found["default-src"] == "'none'"
    assert found["script-src"] == "'self'"
    assert found["connect-src"] == "'self' https://issuer.example:8443"
    assert found["frame-ancestors"] == "'none'"
    assert "unsafe-inline" not in found["style-src"]


async def test_the_page_carries_the_nonce_of_its_policy_and_nothing_inline() -> None:
    response = await get("/graphiql")
    nonce = re.findall(r"'nonce-([\w-]+)'", response.headers["content-security-policy"])

    assert nonce == re.findall(r'nonce="([\w-]+)"', response.text)
    assert response.headers["cache-control"] == "no-store"
    assert re.findall(r"<script[^>]*>[^<]", response.text) == []
    assert "<style" not in response.text


async def test_each_page_has_a_nonce_of_its_own() -> None:
    assert (await policy())["style-src"] != (await policy())["style-src"]


async def test_the_page_asks_for_no_file_of_another_origin() -> None:
    page = (await get("/graphiql")).text

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert addresses
    for address in addresses:
        assert address == "data:," or (await get(f"/{address}")).status_code == 200


async def test_a_file_is_sent_once_per_version() -> None:
    first = await get("/graphiql/graphiql.js")
    again = await get("/graphiql/graphiql.js", **{"If-None-Match": first.headers["etag"]})

    assert first.headers["content-type"].startswith("text/javascript")
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpage.py", "..%2f..%2fpackage.json"])
async def test_what_was_not_built_is_not_there(name: str) -> None:
    assert (await get(f"/graphiql/{name}")).status_code == 404


async def test_the_page_learns_where_to_sign_in() -> None:
    assert (await get("/graphiql/config.json")).json() == {
        "issuer": "https://issuer.example:8443/tenant",
        "clientId": "graphiql",
        "scope": "openid orders",
        "endpoint": "graphql",
    }


def test_without_a_build_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="scripts/install"):
        graphiql_routes(SIGN_IN, tmp_path / "dist")


def test_the_example_is_valid_and_within_the_limits() -> None:
    schema = shipped()

    assert validate(schema, parse(EXAMPLE.read_text())) == []
    assert Engine(schema).prepare(GraphQLRequest(EXAMPLE.read_text())).variables == {}
