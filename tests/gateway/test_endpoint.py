"""GraphQL over HTTP as the draft has it, asked over HTTP."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from front.strangers import KNOWN
from gateway.http.negotiation import JSON, RESPONSE
from tests.gateway.edge import BODY_LIMIT, client, edge_app

pytestmark = pytest.mark.anyio
WHO = {"query": "{who}"}


async def post(body: object, app: Any = None, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client(app) as http:
        sent = {"content-type": JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return await http.post("/graphql", content=content, headers=sent)


async def get(**parameters: str) -> httpx2.Response:
    async with client() as http:
        return await http.get(f"/graphql?{urlencode(parameters)}", headers={"Accept": RESPONSE})


def error_of(response: httpx2.Response) -> Mapping[str, Any]:
    body = response.json()
    assert "data" not in body
    error: Mapping[str, Any] = body["errors"][0]
    return error


async def test_an_answer_comes_in_the_type_that_was_asked_for() -> None:
    for accept in (JSON, RESPONSE):
        response = await post(WHO, accept=accept)

        assert response.json() == {"data": {"who": "jane"}}
        assert response.headers["content-type"] == f"{accept}; charset=utf-8"
        assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize("token", ["Bearer jane", "Bearer nobody", "Bearer stranger", ""])
async def test_the_server_is_told_of_known_callers_alone(token: str) -> None:
    app, told = edge_app(), []

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "extensions": {KNOWN: lambda: told.append(token)}}, receive, send)

    await post(WHO, app=served, authorization=token)
    await post(b"no request", app=served, authorization=token)

    assert told == ([token] * 2 if token == "Bearer jane" else [])


async def test_without_accept_the_answer_is_of_the_new_type() -> None:
    async with client() as http:
        del http.headers["accept"]
        response = await http.post("/graphql", json=WHO)

    assert response.headers["content-type"].startswith(RESPONSE)


async def test_a_type_that_nobody_serves_is_not_acceptable() -> None:
    response = await post(WHO, accept="text/html")

    assert response.status_code == 406
    assert error_of(response)["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer other"])
async def test_without_a_token_nothing_is_read(authorization: str) -> None:
    response = await post(b"x" * (BODY_LIMIT + 1), authorization=authorization)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert error_of(response)["extensions"]["code"] == "UNAUTHENTICATED"


async def test_two_tokens_are_none() -> None:
    async with client() as http:
        headers = [("Authorization", "Bearer jane"), ("Authorization", "Bearer may")]
        http.headers.pop("authorization")
        response = await http.post("/graphql", json=WHO, headers=headers)

    assert response.status_code == 401


async def test_a_stranger_is_forbidden_and_a_busy_directory_says_when_to_come_back() -> None:
    assert (await post(WHO, authorization="Bearer stranger")).status_code == 403
    busy = await post(WHO, authorization="Bearer busy")

    assert (busy.status_code, busy.headers["retry-after"]) == (503, "7")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"])
async def test_other_methods_are_not_allowed(method: str) -> None:
    async with client() as http:
        response = await http.request(method, "/graphql")

    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "application/graphql",
        "application/json; charset=utf-16",
        "application/graphql-response+json",
    ],
)
async def test_only_json_in_utf8_is_read(content_type: str) -> None:
    response = await post(WHO, content_type=content_type)

    assert response.status_code == 415


async def test_a_body_without_content_type_or_compressed_is_refused() -> None:
    async with client() as http:
        bare = await http.post("/graphql", content=json.dumps(WHO).encode())
    squeezed = await post(WHO, content_encoding="gzip")

    assert (bare.status_code, squeezed.status_code) == (415, 415)


async def test_charset_and_case_of_the_content_type_do_not_matter() -> None:
    assert (await post(WHO, content_type='Application/JSON; Charset="UTF-8"')).status_code == 200


@pytest.mark.parametrize("accept", [JSON, RESPONSE])
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'"{who}"', b"null", b"\xff\xfe", b'{"query": "\xff"}', b"[" * 50_000, b"{}",
     [WHO], {"query": 1}, {"query": None}, {"qeury": "{who}"}, {**WHO, "variables": [7]},
     {**WHO, "variables": "{}"}, {**WHO, "operationName": 7}, {**WHO, "extensions": []}],
    ids=str,
)  # fmt: skip
async def test_what_is_no_graphql_request_is_bad_in_either_type(body: object, accept: str) -> None:
    response = await post(
        body[: BODY_LIMIT // 2] if isinstance(body, bytes) else body, accept=accept
    )

    assert response.status_code == 400
    assert error_of(response)["extensions"]["code"] == "BAD_REQUEST"


async def test_deep_json_is_bad_and_not_a_crash() -> None:
    deep = b'{"query":"{who}","variables":{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}}"

    assert (await post(deep)).status_code == 400


async def test_null_stands_for_absent() -> None:
    body = {**WHO, "variables": None, "operationName": None, "extensions": None}

    assert (await post(body)).json() == {"data": {"who": "jane"}}


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": ""},
        {"query": "{unknown}"},
        {"query": "query A{who} query B{who}"},
        {"query": "{who}", "operationName": "B"},
        {"query": "query($v:Int!){who}", "variables": {"v": None}},
        {"query": "{orders(first:100){nodes{orders(first:100){nodes{number}}}}}"},
        {"query": "{" + "who " * 500 + "}"},
    ],
    ids=lambda body: body["query"][:20],
)
async def test_a_request_that_is_not_executed_is_400_in_the_new_type_and_200_in_the_old(
    body: object,
) -> None:
    new, old = await post(body, accept=RESPONSE), await post(body, accept=JSON)

    assert (new.status_code, old.status_code) == (400, 200)
    assert error_of(new) == error_of(old)


@pytest.mark.parametrize("query", ["{missing who}", "{strictBug}"])
async def test_what_was_executed_is_200_whatever_came_of_it(query: str) -> None:
    response = await post({"query": query}, accept=RESPONSE)

    assert response.status_code == 200
    assert response.json().keys() == {"data", "errors"}


async def test_an_internal_error_carries_the_id_of_the_request() -> None:
    response = await post({"query": "{bug}"}, x_request_id="from-the-caller")

    assert response.headers["x-request-id"] == "from-the-caller"
    error = response.json()["errors"][0]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": "from-the-caller"}
    assert "canary" not in response.text


async def test_get_serves_queries() -> None:
    text = "query A($t:String){echo(text:$t)} query B{who}"

    found = await get(query=text, operationName="A", variables='{"t":"hi"}', extensions="{}")

    assert found.json() == {"data": {"echo": "hi"}}
    assert (await get(query="{who}", operationName="", variables="")).status_code == 200


async def test_get_never_changes_anything() -> None:
    response = await get(query='mutation{create(note:"x")}')

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {"query": "{who}", "variables": "[1]"},
        {"query": "{who}", "variables": "{"},
        {"query": "{who}", "extensions": "7"},
    ],
)
async def test_a_url_that_is_no_graphql_request_is_bad(parameters: dict[str, str]) -> None:
    assert (await get(**parameters)).status_code == 400


async def test_mutations_go_by_post_and_subscriptions_not_at_all() -> None:
    created = await post({"query": 'mutation{create(note:"x")}'})
    refused = await post({"query": "subscription{ticks}"})

    assert created.json() == {"data": {"create": "created x"}}
    assert refused.status_code == 400


async def test_text_outside_ascii_survives_both_ways() -> None:
    response = await post({"query": '{echo(text:"Øre 🏃")}'})

    assert response.json() == {"data": {"echo": "Øre 🏃"}}


async def test_half_a_character_is_refused_and_not_a_crash() -> None:
    response = await post(b'{"query":"{echo(text:\\"\\ud800\\")}"}')

    assert response.status_code in {200, 400}


async def test_an_app_without_introspection_says_nothing_of_its_schema() -> None:
    app = edge_app(introspection=False)

    assert "errors" in (await post({"query": "{__schema{types{name}}}"}, app)).json()
    assert "who" not in (await post({"query": "{whoo}"}, app)).text.replace("whoo", "")
