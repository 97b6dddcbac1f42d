"""A certified OpenID provider that nobody here wrote: its tokens open what they should."""

import base64
import hashlib
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt as pyjwt
import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from gateway.config.parsers import Partner, PartnerAccount
from tests.stack import EMULATOR, Stack, running

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
BACK = "http://127.0.0.1:1/callback"
"""The address to which the provider sends people back; nobody listens there."""
STEPS = 8
"""Pages of the provider on the way to there."""
WHO = "{ viewer { kind contact { email } } accounts { nodes { number } } }"
SECRETS = {
    "acme": "secret-of-a-machine",
    "both": "secret-of-a-site",
    "shop": "secret-of-a-site",
}
ACCOUNT = (PartnerAccount("US-001", "usmf"),)
Tokens = dict[str, Any]


@dataclass(frozen=True)
class Provider:
    """The provider, and what people and machines do there."""

    url: str

    async def tokens(self, **asked: str) -> Tokens:
        client = asked.pop("client")
        async with httpx2.AsyncClient() as http:
            answer = await http.post(
                f"{self.url}/token", data=asked, auth=(client, SECRETS[client])
            )
        found: Tokens = answer.raise_for_status().json()
        return found

    async def machine(self, client: str) -> str:
        asked = {"grant_type": "client_credentials", "scope": "orders", "resource": "urn:gateway"}
        return str((await self.tokens(client=client, **asked))["access_token"])

    async def person(self, client: str, scope: str = "openid email orders") -> Tokens:
        """Jane signs in: authorization code with PKCE, through the provider's own pages."""
        verifier = secrets.token_urlsafe(48)
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "client_id": client,
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": scope,
            "nonce": "n",
            "code_challenge": digest.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        async with httpx2.AsyncClient() as http:
            answer = await http.get(f"{self.url}/auth", params=query)
            for _ in range(STEPS):
                if answer.headers["location"].startswith(BACK):
                    break
                answer = await http.get(httpx2.URL(self.url).join(answer.headers["location"]))
        (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
        asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        return await self.tokens(client=client, code_verifier=verifier, **asked)


class Beside(httpx2.AsyncBaseTransport):
    """The emulator without sockets, and all other addresses with them."""

    def __init__(self, emulator: Starlette) -> None:
        self._emulator, self._others = InProcess(app=emulator), httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        inside = str(request.url).startswith(EMULATOR)
        to = self._emulator if inside else self._others
        return await to.handle_async_request(request)

    async def aclose(self) -> None:
        await self._others.aclose()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    command = ["node", "provider.mjs", BACK]
    with subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running_:
        assert running_.stdout is not None
        yield Provider(running_.stdout.readline().strip())
        running_.terminate()


@pytest.fixture
async def stack(small_world: Starlette, provider: Provider) -> AsyncIterator[Stack]:
    partners = tuple(Partner(client, ACCOUNT) for client in ("acme", "both"))
    own = {"issuer": provider.url, "partners": partners}
    async with running(small_world, Beside(small_world), **own) as found:
        yield found


async def opened(stack: Stack, token: str) -> str | dict[str, Any]:
    """The caller whom the token lets in, or the code of the refusal."""
    stack.tokens["somebody"] = token
    answer = await stack.ask(WHO, as_="somebody")
    if answer.codes:
        assert answer.status == 401
        return answer.codes[0]
    numbers = [each["number"] for each in answer.data["accounts"]["nodes"]]
    return {**answer.data["viewer"], "accounts": numbers}


async def test_a_person_is_the_contact_of_the_address_that_the_provider_verified(
    stack: Stack, provider: Provider
) -> None:
    token = (await provider.person("shop"))["access_token"]

    found = await opened(stack, token)

    assert isinstance(found, dict)
    assert found["kind"] == "customer"
    assert (
        found["contact"]["email"]
        == pyjwt.decode(token, options={"verify_signature": False})["email"]
    )


async def test_a_machine_is_the_partner_of_its_client(stack: Stack, provider: Provider) -> None:
    for client in ("acme", "both"):
        found = await opened(stack, await provider.machine(client))

        assert isinstance(found, dict)
        assert found["kind"] == "partner"
        assert found["accounts"] == ["US-001"]


async def test_a_person_at_a_partners_client_is_nobody(stack: Stack, provider: Provider) -> None:
    token = (await provider.person("both"))["access_token"]

    assert await opened(stack, token) == "UNAUTHENTICATED"


async def test_nothing_else_that_the_provider_hands_out_opens_anything(
    stack: Stack, provider: Provider
) -> None:
    offline = "openid email offline_access"
    with_jwt, opaque = (
        await provider.person("shop", f"{offline} orders"),
        await provider.person("shop", offline),
    )

    others = [with_jwt["id_token"], opaque["id_token"], opaque["access_token"]]
    others += [each["refresh_token"] for each in (with_jwt, opaque) if "refresh_token" in each]
    for token in others:
        assert await opened(stack, token) == "UNAUTHENTICATED"


async def test_a_second_library_takes_the_same_tokens(stack: Stack, provider: Provider) -> None:
    people, machine = await provider.person("shop"), await provider.machine("acme")
    async with httpx2.AsyncClient() as http:
        keys = pyjwt.PyJWKSet.from_dict((await http.get(f"{provider.url}/jwks")).json())
    good = [people["access_token"], machine]
    bad = [people["id_token"], machine[:-4] + "AAAA", ".".join((*machine.split(".")[:2], ""))]

    for token in (*good, *bad):
        try:
            said = pyjwt.decode(
                token,
                keys[pyjwt.get_unverified_header(token)["kid"]].key,
                algorithms=["RS256"],
                audience="gateway",
                issuer=provider.url,
            )
        except pyjwt.InvalidTokenError:
            said = None
        assert (said is not None) == isinstance(await opened(stack, token), dict)
