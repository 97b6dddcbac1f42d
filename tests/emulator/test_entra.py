"""Service tokens come from Entra's endpoint, and the services believe no others."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette

from emulator.entra import (
    ASSERTION_TYPE,
    SERVICE_CLIENT_ID,
    SERVICE_SECRET,
    Entra,
    Registration,
)
from emulator.errors import Unauthorized
from emulator.identities import PARTNER
from emulator.tokens import TENANT, Audience, Tokens, keys_at, make_keys

pytestmark = pytest.mark.anyio

BASE = "http://127.0.0.1:8001"
SERVICE = {
    "grant_type": "client_credentials",
    "client_id": SERVICE_CLIENT_ID,
    "client_secret": SERVICE_SECRET,
    "scope": f"{BASE}/.default",
}


@pytest.fixture(scope="module")
def keys() -> KeySet:
    return make_keys()


@pytest.fixture(scope="module")
def certificate() -> tuple[str, RSAKey]:
    private = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM).decode()
    return pem, RSAKey.import_key(private)


@pytest.fixture
def tokens(keys: KeySet) -> Tokens:
    return Tokens(BASE, keys)


@pytest.fixture
def client(tokens: Tokens, certificate: tuple[str, RSAKey]) -> httpx2.AsyncClient:
    entra = Entra(tokens, Registration(certificates=(certificate[0],)))
    transport = httpx2.ASGITransport(Starlette(routes=[*entra.routes()]))
    return httpx2.AsyncClient(transport=transport, base_url=BASE)


async def test_a_service_token_opens_the_services(
    client: httpx2.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.post(f"/{TENANT}/oauth2/v2.0/token", data=SERVICE)

    tokens.verify_service(f"Bearer {answer.json()['access_token']}")


async def test_a_certificate_speaks_for_the_application(
    client: httpx2.AsyncClient, tokens: Tokens, certificate: tuple[str, RSAKey]
) -> None:
    assertion = signed_assertion(certificate[1])
    form = without_secret() | {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }

    answer = await client.post("/demo/oauth2/v2.0/token", data=form)

    tokens.verify_service(f"Bearer {answer.json()['access_token']}")


def without_secret() -> dict[str, str]:
    return {name: value for name, value in SERVICE.items() if name != "client_secret"}


def signed_assertion(key: RSAKey, **changes: Any) -> str:
    claims = {
        "iss": SERVICE_CLIENT_ID,
        "sub": SERVICE_CLIENT_ID,
        "aud": f"{BASE}/demo/oauth2/v2.0/token",
        "exp": int(time.time()) + 60,
    }
    return jwt.encode({"alg": "RS256"}, claims | changes, key)


@pytest.mark.parametrize(
    ("change", "error", "number", "status"),
    [
        ({"client_secret": "wrong"}, "invalid_client", 7000215, 401),
        ({"client_id": "stranger"}, "unauthorized_client", 700016, 400),
        ({"scope": BASE}, "invalid_scope", 1002012, 400),
        ({"scope": "https://other.example/.default"}, "invalid_resource", 500011, 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 70003, 400),
    ],
)
async def test_entra_says_what_is_wrong(
    client: httpx2.AsyncClient, change: dict[str, str], error: str, number: int, status: int
) -> None:
    answer = await client.post(f"/{TENANT}/oauth2/v2.0/token", data=SERVICE | change)

    assert (status, error) == (answer.status_code, answer.json()["error"])
    assert answer.json()["error_description"].startswith(f"AADSTS{number}: ")
    assert [number] == answer.json()["error_codes"]


async def test_entra_wants_some_credential(client: httpx2.AsyncClient) -> None:
    answer = await client.post(f"/{TENANT}/oauth2/v2.0/token", data=without_secret())

    assert answer.json()["error_codes"] == [7000218]


@pytest.mark.parametrize(
    ("change", "number"),
    [({"exp": 1}, 700024), ({"iss": "stranger"}, 700024), ({"aud": "elsewhere"}, 700024)],
)
async def test_an_assertion_for_somebody_else_is_refused(
    client: httpx2.AsyncClient,
    certificate: tuple[str, RSAKey],
    change: dict[str, Any],
    number: int,
) -> None:
    form = {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed_assertion(certificate[1], **change),
    }

    answer = await client.post(f"/{TENANT}/oauth2/v2.0/token", data=without_secret() | form)

    assert [number] == answer.json()["error_codes"]


async def test_an_unregistered_certificate_is_refused(client: httpx2.AsyncClient) -> None:
    form = {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed_assertion(RSAKey.generate_key(2048)),
    }

    answer = await client.post(f"/{TENANT}/oauth2/v2.0/token", data=without_secret() | form)

    assert answer.json()["error_codes"] == [700027]


async def test_an_unknown_tenant_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/other/oauth2/v2.0/token", data=SERVICE)

    assert answer.json()["error_codes"] == [90002]


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer ", "Bearer a.b.c"])
def test_the_services_refuse_what_is_no_token(tokens: Tokens, header: str | None) -> None:
    with pytest.raises(Unauthorized):
        tokens.verify_service(header)


def test_the_services_refuse_old_and_foreign_tokens(tokens: Tokens) -> None:
    refused = [
        tokens.service("gateway", lifetime=-1),
        tokens.access(PARTNER, Audience(client_id="partner", scope="")),
        Tokens(BASE, make_keys()).service("gateway"),
        Tokens("http://other.example", make_keys()).service("gateway"),
    ]

    for token in refused:
        with pytest.raises(Unauthorized):
            tokens.verify_service(f"Bearer {token}")


def test_an_accepted_token_still_expires(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    header = f"Bearer {tokens.service('gateway', lifetime=60)}"
    tokens.verify_service(header)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)

    with pytest.raises(Unauthorized):
        tokens.verify_service(header)


def test_kept_keys_outlive_a_restart(tmp_path: Path) -> None:
    token = Tokens(BASE, keys_at(tmp_path / "cache" / "keys.json")).service("gateway")

    Tokens(BASE, keys_at(tmp_path / "cache" / "keys.json")).verify_service(f"Bearer {token}")

    assert (tmp_path / "cache" / "keys.json").stat().st_mode & 0o777 == 0o600
