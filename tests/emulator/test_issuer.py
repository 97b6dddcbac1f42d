"""The issuer signs in whom it should, by the book, and nobody else."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette

from emulator.clients import Clients, is_loopback
from emulator.identities import DEMO_USERS, People, subject_of
from emulator.issuer import Issuer
from emulator.tokens import Tokens, make_keys

pytestmark = pytest.mark.anyio

BASE = "http://127.0.0.1:8001"
JANE = DEMO_USERS["jane"].email
CONTACTS = {JANE: "Jane Doe", "zoë@example.org": "Zoë & Söhne <b>"}
VERIFIER = "a-verifier-of-at-least-forty-three-characters-long"
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CALLBACK = "http://127.0.0.1:8000/graphiql/callback"
QUESTION = {
    "client_id": "graphiql",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email offline_access",
    "state": "s&1",
    "nonce": "n-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(scope="module")
def keys() -> KeySet:
    return make_keys()


@pytest.fixture
def tokens(keys: KeySet) -> Tokens:
    return Tokens(BASE, keys)


@pytest.fixture
def issuer(tokens: Tokens) -> Issuer:
    return Issuer(tokens, People(lambda email: CONTACTS.get(email.lower())), Clients())


@pytest.fixture
def client(issuer: Issuer) -> httpx2.AsyncClient:
    app = Starlette(routes=[issuer.routes()])
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE)


async def sign_in(client: httpx2.AsyncClient, user: str, **changes: str) -> httpx2.Response:
    return await client.post(
        f"/issuer/authorize?{urlencode(QUESTION | changes)}", data={"user": user}
    )


async def code_for(client: httpx2.AsyncClient, user: str, **changes: str) -> str:
    answer = await sign_in(client, user, **changes)
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def redemption(code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": "graphiql",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    } | changes


async def opened(client: httpx2.AsyncClient, token: str) -> jwt.Token:
    """A token checked the way a stranger would: with the published keys alone."""
    published = (await client.get("/issuer/jwks")).json()
    return jwt.decode(token, KeySet.import_key_set(published), algorithms=["RS256", "ES256"])


async def test_discovery_names_endpoints_that_exist(client: httpx2.AsyncClient) -> None:
    found = (await client.get("/issuer/.well-known/openid-configuration")).json()

    assert f"{BASE}/issuer" == found["issuer"]
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"):
        assert (await client.get(found[name])).status_code != 404


async def test_published_keys_hold_nothing_private(client: httpx2.AsyncClient) -> None:
    keys = (await client.get("/issuer/jwks")).json()["keys"]

    assert {"RSA", "EC"} == {key["kty"] for key in keys}
    assert not any({"d", "p", "q"} & key.keys() for key in keys)


@pytest.mark.parametrize("path", [".well-known/openid-configuration", "jwks", "token"])
async def test_a_browser_may_ask_from_any_origin(client: httpx2.AsyncClient, path: str) -> None:
    method = "POST" if path == "token" else "GET"
    asked = {"Origin": "http://127.0.0.1:8000", "Access-Control-Request-Method": method}

    answer = await client.options(f"/issuer/{path}", headers=asked)

    assert answer.headers["access-control-allow-origin"] == "*"


async def test_the_sign_in_page_needs_no_script_and_allows_none(
    client: httpx2.AsyncClient,
) -> None:
    page = await client.get("/issuer/authorize", params=QUESTION)

    assert page.status_code == 200
    assert 'value="jane"' in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    # Chromium holds the redirect after the form to form-action.
    assert "form-action 'self' http://127.0.0.1:8000;" in page.headers["content-security-policy"]


async def test_only_users_of_the_data_are_offered(client: httpx2.AsyncClient) -> None:
    page = await client.get("/issuer/authorize", params=QUESTION)

    assert 'value="admin"' in page.text
    assert 'value="may"' not in page.text


async def test_what_was_typed_comes_back_escaped(client: httpx2.AsyncClient) -> None:
    page = await sign_in(client, '"><script>alert(1)</script>')

    assert page.status_code == 400
    assert "<script" not in page.text


async def test_jane_gets_distinct_tokens_for_gateway_and_browser(
    client: httpx2.AsyncClient,
) -> None:
    code = await code_for(client, "jane")
    answer = (await client.post("/issuer/token", data=redemption(code))).json()

    access = await opened(client, answer["access_token"])
    identity = await opened(client, answer["id_token"])

    assert access.header["typ"] == "at+jwt"
    assert access.header["alg"] == "ES256"
    assert (
        access.claims.items()
        >= {
            "iss": f"{BASE}/issuer",
            "aud": "gateway",
            "sub": subject_of(JANE),
            "email": JANE,
            "email_verified": True,
            "name": "Jane Doe",
            "scope": "openid email offline_access",
            "client_id": "graphiql",
        }.items()
    )
    assert access.claims["roles"] == ["buyer"]
    assert access.claims["exp"] - access.claims["iat"] == 3600
    assert identity.header["typ"] == "JWT"
    assert (identity.claims["aud"], identity.claims["nonce"]) == ("graphiql", "n-1")


async def test_the_way_back_carries_state_and_issuer(client: httpx2.AsyncClient) -> None:
    answer = await sign_in(client, "jane")

    back = dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    assert answer.status_code == 303
    assert ("s&1", f"{BASE}/issuer") == (back["state"], back["iss"])


async def test_any_contact_signs_in_by_e_mail_as_a_buyer(client: httpx2.AsyncClient) -> None:
    code = await code_for(client, "Zoë@example.org")
    answer = (await client.post("/issuer/token", data=redemption(code))).json()

    claims = (await opened(client, answer["access_token"])).claims

    assert claims["roles"] == ["buyer"]
    assert subject_of("zoë@example.org") == claims["sub"]


@pytest.mark.parametrize("user", ["nobody@example.org", "may", "", "partner"])
async def test_strangers_machines_and_absent_users_do_not_sign_in(
    client: httpx2.AsyncClient, user: str
) -> None:
    assert (await sign_in(client, user)).status_code == 400


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_a_wrong_question_goes_back_as_an_error(
    client: httpx2.AsyncClient, change: dict[str, str], error: str
) -> None:
    answer = await client.get("/issuer/authorize", params=QUESTION | change)

    assert [error] == parse_qs(urlsplit(answer.headers["location"]).query)["error"]


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "stranger"},
        {"redirect_uri": "https://evil.example/graphiql/callback"},
        {"redirect_uri": "http://127.0.0.1:8000/elsewhere"},
        {"redirect_uri": "http://127.0.0.1@evil.example/graphiql/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://[/graphiql/callback"},
        {"redirect_uri": ""},
    ],
)
async def test_nobody_is_sent_to_an_unregistered_place(
    client: httpx2.AsyncClient, change: dict[str, str]
) -> None:
    answer = await client.get("/issuer/authorize", params=QUESTION | change)

    assert answer.status_code == 400
    assert "location" not in answer.headers


@given(st.text())
def test_any_text_is_loopback_or_not_but_never_an_accident(uri: str) -> None:
    assert is_loopback(uri) in {True, False}


async def test_a_code_works_once(client: httpx2.AsyncClient) -> None:
    code = await code_for(client, "jane")
    await client.post("/issuer/token", data=redemption(code))

    again = await client.post("/issuer/token", data=redemption(code))

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "another-verifier-that-does-not-match-at-all-here"},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:8002/graphiql/callback"},
        {"client_id": "portal", "client_secret": "portal-demo-secret"},
    ],
)
async def test_a_stolen_code_is_worth_nothing(
    client: httpx2.AsyncClient, change: dict[str, str]
) -> None:
    code = await code_for(client, "jane")

    answer = await client.post("/issuer/token", data=redemption(code, **change))

    assert answer.json()["error"] == "invalid_grant"


async def test_a_refresh_token_rotates(client: httpx2.AsyncClient) -> None:
    code = await code_for(client, "jane")
    first = (await client.post("/issuer/token", data=redemption(code))).json()
    refresh = {
        "grant_type": "refresh_token",
        "client_id": "graphiql",
        "refresh_token": first["refresh_token"],
    }

    second = (await client.post("/issuer/token", data=refresh)).json()
    third = (await client.post("/issuer/token", data=refresh)).json()

    assert (await opened(client, second["access_token"])).claims["email"] == JANE
    assert first["refresh_token"] != second["refresh_token"]
    assert third["error"] == "invalid_grant"


@pytest.mark.parametrize("way", ["basic", "form"])
async def test_the_portal_proves_itself_with_its_secret(
    client: httpx2.AsyncClient, way: str
) -> None:
    callback = "http://localhost:9000/signin/callback"
    code = await code_for(client, "jane", client_id="portal", redirect_uri=callback)
    form = redemption(code, client_id="portal", redirect_uri=callback)
    secret = "portal-demo-secret"

    answer = await (
        client.post("/issuer/token", data=form, auth=("portal", secret))
        if way == "basic"
        else client.post("/issuer/token", data=form | {"client_secret": secret})
    )

    assert (await opened(client, answer.json()["access_token"])).header["alg"] == "RS256"


@pytest.mark.parametrize("secret", [None, "", "wrong"])
async def test_a_confidential_client_without_its_secret_is_refused(
    client: httpx2.AsyncClient, secret: str | None
) -> None:
    form = {"grant_type": "client_credentials", "client_id": "partner"}

    answer = await client.post(
        "/issuer/token", data=form | ({} if secret is None else {"client_secret": secret})
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_machine_gets_a_token_without_a_person(client: httpx2.AsyncClient) -> None:
    form = {"grant_type": "client_credentials"}
    answer = await client.post("/issuer/token", data=form, auth=("partner", "partner-demo-secret"))

    claims = (await opened(client, answer.json()["access_token"])).claims

    assert (claims["sub"], claims["azp"]) == ("partner", "partner")
    assert "email" not in claims


async def test_a_browser_client_cannot_use_the_machine_grant(client: httpx2.AsyncClient) -> None:
    form = {"grant_type": "client_credentials", "client_id": "graphiql"}

    answer = await client.post("/issuer/token", data=form)

    assert answer.json()["error"] == "unauthorized_client"


async def test_userinfo_knows_the_bearer_and_nobody_else(client: httpx2.AsyncClient) -> None:
    code = await code_for(client, "jane")
    answer = (await client.post("/issuer/token", data=redemption(code))).json()

    known = await client.get(
        "/issuer/userinfo", headers={"Authorization": f"Bearer {answer['access_token']}"}
    )
    unknown = await client.get(
        "/issuer/userinfo", headers={"Authorization": f"Bearer {answer['id_token']}"}
    )

    assert known.json()["email"] == JANE
    assert unknown.status_code == 401


async def test_signing_out_leads_back_to_loopback_only(client: httpx2.AsyncClient) -> None:
    home = {"post_logout_redirect_uri": "http://127.0.0.1:8000/", "state": "x"}
    away = {"post_logout_redirect_uri": "https://evil.example/"}

    back = await client.get("/issuer/logout", params=home)
    stay = await client.get("/issuer/logout", params=away)

    assert back.headers["location"] == "http://127.0.0.1:8000/?state=x"
    assert stay.status_code == 200


async def test_the_demo_hands_out_tokens_by_name(client: httpx2.AsyncClient) -> None:
    async def subject(**asked: Any) -> Any:
        answer = await client.post("/issuer/demo/token", json=asked)
        return (await opened(client, answer.json()["access_token"])).claims

    assert subject_of(JANE) == (await subject(name="jane"))["sub"]
    assert subject_of(JANE) == (await subject(name=JANE.upper()))["sub"]
    assert (await subject(name="admin"))["roles"] == ["administrator"]
    assert (await subject(name="partner"))["sub"] == "partner"
    assert (await subject(service=True))["aud"] == BASE


async def test_the_demo_knows_only_whom_the_data_knows(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/issuer/demo/token", json={"name": "may"})

    assert answer.status_code == 404


@pytest.mark.parametrize("body", ["", "[]", '{"name": 1}', '{"lifetime": "long"}'])
async def test_the_demo_refuses_what_it_cannot_read(client: httpx2.AsyncClient, body: str) -> None:
    answer = await client.post("/issuer/demo/token", content=body)

    assert answer.status_code == 400


async def test_the_demo_serves_this_machine_alone(issuer: Issuer) -> None:
    remote = httpx2.ASGITransport(Starlette(routes=[issuer.routes()]), client=("192.0.2.1", 9))
    async with httpx2.AsyncClient(transport=remote, base_url=BASE) as client:
        answer = await client.post("/issuer/demo/token", json={"name": "jane"})

    assert answer.status_code == 403
