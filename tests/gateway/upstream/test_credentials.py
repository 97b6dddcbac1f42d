"""Service tokens are fetched once, renewed in time, and leak neither to other hosts nor to logs."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette import requests
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.client.exchange import Httpx2Transport, Reply, Request, Timeouts
from gateway.config.settings import Settings, SettingsError
from gateway.errors import UpstreamTimeout, UpstreamUnavailable
from gateway.upstream.credentials import (
    SHORTLY,
    Proof,
    ServiceLogin,
    Signed,
    by_secret,
    service_logins,
)
from tests.stack import emulator, running

pytestmark = pytest.mark.anyio

SERVICE = "https://contoso.crm.dynamics.com"
ROOT = f"{SERVICE}/"
TOKEN_URL = "https://login.example/tenant/oauth2/v2.0/token"
SECRET = "hush~hush/never-to-be-seen"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A token endpoint and a service that takes the tokens it is told to take."""

    def __init__(self) -> None:
        self.forms: list[Mapping[str, str]] = []
        self.seen: list[str] = []
        self.revoked: set[str] = set()
        self.refusal: Response | None = None
        self.silent = False
        routes = [
            Route("/tenant/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/{path:path}", self._service),
        ]
        self.transport = Httpx2Transport(httpx2.ASGITransport(Starlette(routes=routes)))

    async def _token(self, request: requests.Request) -> Response:
        self.forms.append(dict(parse_qsl((await request.body()).decode())))
        await asyncio.sleep(60 if self.silent else 0)
        if self.refusal:
            return self.refusal
        answer = {"access_token": f"token-{len(self.forms)}", "expires_in": 3_599}
        return JSONResponse(answer)

    async def _service(self, request: requests.Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.seen.append(token)
        return Response(status_code=401 if token in self.revoked else 200)

    def login(self, clock: Clock | None = None, proof: Proof | None = None) -> ServiceLogin:
        proof = proof or by_secret("gateway", SECRET)
        service = f"{SERVICE}/api/data/v9.2"
        return ServiceLogin(self.transport, service, TOKEN_URL, proof, clock or Clock())

    async def get(self, url: str, login: ServiceLogin | None = None) -> Reply:
        """Return the reply of the service to a signed request."""
        signed = Signed(self.transport, (login or self.login(),))
        return await signed.exchange(Request("GET", url), Timeouts())


async def gather_all(work: Iterable[Awaitable[str]]) -> list[str | BaseException]:
    return await asyncio.gather(*work, return_exceptions=True)


async def test_a_secret_buys_a_token_for_the_service() -> None:
    world = World()

    answer = await world.get(f"{SERVICE}/api/data/v9.2/accounts")

    assert answer.status == 200
    assert world.forms == [
        {
            "grant_type": "client_credentials",
            "scope": f"{SERVICE}/.default",
            "client_id": "gateway",
            "client_secret": SECRET,
        }
    ]


async def test_a_hundred_requests_at_once_cause_one_token_request() -> None:
    world = World()
    login = world.login()

    await asyncio.gather(*(world.get(ROOT, login) for _ in range(100)))

    assert len(world.forms) == 1


async def test_a_token_is_renewed_at_four_fifths_of_its_life() -> None:
    world, clock = World(), Clock()
    login = world.login(clock)

    assert await login.token() == "token-1"
    clock.now += 3_599 * 0.79
    assert await login.token() == "token-1"
    clock.now += 3_599 * 0.02
    assert await login.token() == "token-2"


async def test_the_old_token_serves_while_its_renewal_fails() -> None:
    world, clock = World(), Clock()
    login = world.login(clock)
    await login.token()
    world.refusal = JSONResponse({"error": "temporarily_unavailable"}, 503)

    clock.now += 3_000
    assert [await login.token() for _ in range(10)] == ["token-1"] * 10
    assert len(world.forms) == 2
    clock.now += 600
    with pytest.raises(UpstreamUnavailable):
        await login.token()


async def test_no_failure_makes_a_token_last_longer() -> None:
    world, clock = World(), Clock()
    login = world.login(clock)
    await login.token()
    world.refusal = JSONResponse({"error": "temporarily_unavailable"}, 503)

    clock.now += 3_590
    assert (await world.get(ROOT, login)).status == 200
    clock.now += 10
    with pytest.raises(UpstreamUnavailable):
        await world.get(ROOT, login)
    assert world.seen == ["token-1"]


@pytest.mark.parametrize("revoked", [set(), {"token-1"}], ids=["the first", "another"])
async def test_who_waits_for_a_token_waits_no_longer_than_for_the_answer(
    revoked: set[str],
) -> None:
    world = World()
    world.revoked = revoked
    login = world.login()
    if revoked:
        await login.token()
    world.silent = True
    signed = Signed(world.transport, (login,))
    until = asyncio.get_running_loop().time() + 0.1

    with pytest.raises(UpstreamTimeout):
        await signed.exchange(Request("GET", ROOT), Timeouts(until=until))

    assert asyncio.get_running_loop().time() < until + 5
    assert world.seen == [*revoked]


async def test_a_refused_token_is_replaced_once() -> None:
    world, clock = World(), Clock()
    world.revoked = {"token-1"}
    login = world.login(clock)

    assert (await world.get(ROOT, login)).status == 200
    assert world.seen == ["token-1", "token-2"]

    clock.now += SHORTLY
    world.revoked = {"token-2", "token-3"}
    assert (await world.get(ROOT, login)).status == 401
    assert world.seen[2:] == ["token-2", "token-3"]


async def test_a_service_that_takes_no_token_causes_no_token_request_for_each_call() -> None:
    world = World()
    world.revoked = {f"token-{number}" for number in range(100)}
    login = world.login()

    answers = [await world.get(ROOT, login) for _ in range(20)]

    assert {answer.status for answer in answers} == {401}
    assert len(world.forms) == 2


async def test_a_token_endpoint_that_fails_is_asked_by_one_and_left_alone_for_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, clock = World(), Clock()
    world.refusal = Response(status_code=503)
    login = world.login(clock)

    outcomes = [await gather_all(login.token() for _ in range(50)) for _ in range(20)]

    assert all(isinstance(each, UpstreamUnavailable) for many in outcomes for each in many)
    assert len(world.forms) == len(caplog.records) == 1
    world.refusal = None
    clock.now += SHORTLY
    assert await login.token() == "token-2"


async def test_a_token_goes_on_being_fetched_when_who_asked_first_goes_away() -> None:
    world = World()
    login = world.login()
    first = asyncio.create_task(login.token())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    assert await login.token() == "token-1"
    assert len(world.forms) == 1


async def test_many_refusals_of_one_token_cause_one_renewal() -> None:
    world = World()
    login = world.login()
    await login.token()
    world.revoked = {"token-1"}

    answers = await asyncio.gather(*(world.get(ROOT, login) for _ in range(50)))

    assert {answer.status for answer in answers} == {200}
    assert len(world.forms) == 2


async def test_a_cancelled_request_does_not_keep_others_from_the_token() -> None:
    world = World()
    login = world.login()
    first = asyncio.create_task(login.token())
    second = asyncio.create_task(login.token())
    await asyncio.sleep(0)
    first.cancel()

    assert await second == f"token-{len(world.forms)}"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/accounts",
        "http://contoso.crm.dynamics.com/accounts",
        "https://contoso.crm.dynamics.com:444/accounts",
        "https://contoso.crm.dynamics.com.evil.example/accounts",
    ],
)
async def test_a_token_never_leaves_for_another_origin(url: str) -> None:
    world = World()

    with pytest.raises(UpstreamUnavailable):
        await world.get(url)
    assert world.seen == []


@pytest.mark.parametrize(
    "refusal",
    [
        JSONResponse({"error": "invalid_client", "error_description": f"bad {SECRET}"}, 401),
        JSONResponse({"error": f"x {SECRET}"}, 400),
        JSONResponse({"access_token": 7, "expires_in": 60}),
        JSONResponse({"access_token": "x", "expires_in": 0}),
        JSONResponse({"access_token": "x", "expires_in": "nan"}),
        JSONResponse(["x"]),
        Response(f"<html>{SECRET}", 502),
        RedirectResponse("https://evil.example/token"),
    ],
)
async def test_a_refusal_tells_nobody_a_secret(
    refusal: Response, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.refusal = refusal

    with caplog.at_level(logging.DEBUG), pytest.raises(UpstreamUnavailable) as caught:
        await world.login().token()

    assert SECRET not in caplog.text + str(caught.getrepr(style="long", showlocals=False))
    assert "no token for contoso.crm.dynamics.com from " in caplog.text
    assert "`gateway settings --check` says what to do" in caplog.text
    assert len(world.forms) == 1


async def test_an_unreachable_token_endpoint_is_an_error_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route")

    transport = Httpx2Transport(httpx2.MockTransport(refuse))
    login = ServiceLogin(transport, SERVICE, TOKEN_URL, by_secret("gateway", SECRET))

    with pytest.raises(UpstreamUnavailable, match="could not sign in"):
        await login.token()

    assert "ConnectError: no route" in caplog.text


def settings(**changes: Any) -> Settings:
    plain: dict[str, Any] = {
        "dataverse_url": SERVICE,
        "finops_url": "https://contoso.operations.dynamics.com",
        "client_id": "gateway",
        "issuer": "https://issuer.example",
        "audience": ("gateway",),
    }
    return Settings(**plain | changes)


@pytest.fixture(scope="module")
def pem() -> str:
    key = rsa.generate_private_key(65_537, 2_048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode() + certificate_of(key)


def certificate_of(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


async def test_a_certificate_signs_an_assertion_for_this_endpoint_alone(pem: str) -> None:
    world = World()
    configured = settings(client_certificate=pem, token_url=TOKEN_URL)
    (login,) = service_logins(configured, SERVICE, world.transport)

    await login.token()
    await login.token(refused="token-1")

    first, second = (form["client_assertion"] for form in world.forms)
    public = RSAKey.import_key(pem[pem.index("-----BEGIN CERTIFICATE") :])
    assertion = jwt.decode(first, public, algorithms=["PS256"])
    assert "client_secret" not in world.forms[0]
    assert assertion.header.keys() == {"alg", "typ", "x5t#S256"}
    assert assertion.claims["aud"] == TOKEN_URL
    assert assertion.claims["iss"] == assertion.claims["sub"] == "gateway"
    assert assertion.claims["exp"] - time.time() <= 300
    assert assertion.claims["jti"] != jwt.decode(second, public, algorithms=["PS256"]).claims["jti"]


def test_a_certificate_without_its_key_is_a_mistake_in_the_settings(pem: str) -> None:
    transport = World().transport
    other = certificate_of(rsa.generate_private_key(65_537, 2_048))
    private = pem[: pem.index("-----BEGIN CERTIFICATE")]

    for broken in (private, private + other, pem.replace("M", "N"), other):
        with pytest.raises(SettingsError, match="GATEWAY_CLIENT_CERTIFICATE"):
            service_logins(settings(client_certificate=broken), SERVICE, transport)


async def test_a_tenant_is_asked_at_entra() -> None:
    asked: list[str] = []

    async def refuse(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(400)

    transport = Httpx2Transport(httpx2.MockTransport(refuse))
    configured = settings(tenant="contoso.com", client_secret=SECRET)
    (login,) = service_logins(configured, SERVICE, transport)

    with pytest.raises(UpstreamUnavailable):
        await login.token()
    assert asked == ["https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"]


async def test_the_emulated_entra_takes_secret_and_certificate(pem: str, tmp_path: Path) -> None:
    certificate = tmp_path / "gateway.pem"
    certificate.write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
    empty = emulator(world=None, certificates=(certificate,))

    for credential in ({}, {"client_secret": None, "client_certificate": pem}):
        async with running(empty, **credential) as stack:
            assert (await stack.gateway.get("/health")).json()["status"] == "ok"
