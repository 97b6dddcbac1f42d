"""Keys rotate without a restart, outlive an outage, and the issuer is never hammered."""

import asyncio
import dataclasses
import gzip
import json
from typing import Any

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import OctKey, RSAKey
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.auth.rejections import Rejected
from gateway.auth.signing_keys import CURRENT, EARLY, FORGET_AFTER, MAX_BYTES, MAX_KEYS, PAUSE
from gateway.auth.tokens import Tokens
from gateway.errors import UpstreamUnavailable
from tests.gateway.auth.issuing import EC, NEXT, PROFILE, RSA, URL, Clock, TestIssuer, token

pytestmark = pytest.mark.anyio

DISCOVERY = "/tenant/.well-known/openid-configuration"
JWKS = "/tenant/keys"


async def test_keys_are_found_by_discovery_and_kept() -> None:
    issuer = TestIssuer()
    keys = issuer.keys_at(Clock())

    assert await keys.find("rsa-1", "RS256") is not None
    assert await keys.find("ec-1", "ES256") is not None
    assert issuer.requests == [DISCOVERY, JWKS]


async def test_a_key_verifies_only_the_algorithm_that_it_is_for() -> None:
    keys = TestIssuer().keys_at(Clock())

    assert await keys.find("rsa-1", "ES256") is None
    assert await keys.find("ec-1", "RS256") is None


async def test_a_thousand_first_callers_cause_one_fetch() -> None:
    issuer = TestIssuer()
    keys = issuer.keys_at(Clock())

    found = await asyncio.gather(*(keys.find("rsa-1", "RS256") for _ in range(1_000)))

    assert None not in found
    assert issuer.fetches() == 1


async def test_a_new_key_is_picked_up_within_seconds_for_all_who_come_with_it() -> None:
    issuer, clock = TestIssuer(RSA), Clock()
    keys = issuer.keys_at(clock)
    await keys.find("rsa-1", "RS256")

    issuer.keys = (RSA, NEXT)
    clock.now += PAUSE
    found = await asyncio.gather(*(keys.find("rsa-2", "RS256") for _ in range(40)))

    assert None not in found
    assert await keys.find("rsa-1", "RS256") is not None
    assert (keys.generation, issuer.fetches()) == (2, 2)


async def test_a_withdrawn_key_is_out_within_a_minute() -> None:
    issuer, clock = TestIssuer(RSA, NEXT), Clock()
    keys = issuer.keys_at(clock)
    await keys.find("rsa-1", "RS256")

    issuer.keys = (NEXT,)
    clock.now += CURRENT

    assert await keys.find("rsa-1", "RS256") is None


async def test_what_a_withdrawn_key_verified_is_out_within_a_minute_too() -> None:
    issuer, clock = TestIssuer(RSA), Clock()
    keys = issuer.keys_at(clock)
    await keys.start()
    tokens = Tokens([keys], clock)
    clock.now += EARLY - 1
    text = token()
    await tokens.verify(text)

    issuer.keys = (NEXT,)
    clock.now += CURRENT - EARLY
    assert tokens.known(text)
    clock.now += 1

    with pytest.raises(Rejected):
        await tokens.verify(text)


async def test_keys_are_fetched_beside_before_anybody_must_wait() -> None:
    issuer, clock = TestIssuer(), Clock()
    keys = issuer.keys_at(clock)
    await keys.find("rsa-1", "RS256")
    clock.now += EARLY
    await keys.find("rsa-1", "RS256")

    await asyncio.sleep(0.1)
    clock.now += CURRENT - EARLY
    await keys.find("rsa-1", "RS256")

    assert issuer.fetches() == 2


async def test_unchanged_keys_change_nothing() -> None:
    issuer, clock = TestIssuer(), Clock()
    keys = issuer.keys_at(clock)
    await keys.find("rsa-1", "RS256")

    clock.now += CURRENT
    await keys.find("rsa-1", "RS256")

    assert (issuer.fetches(), keys.generation) == (2, 1)


async def test_a_flood_of_unknown_keys_fetches_once_in_some_seconds() -> None:
    issuer, clock = TestIssuer(), Clock()
    keys = issuer.keys_at(clock)
    await keys.find("rsa-1", "RS256")
    before = issuer.fetches()

    for second in range(3_000):
        clock.now += 1
        assert await keys.find(f"unknown-{second}", "RS256") is None

    assert issuer.fetches() - before <= 3_000 / PAUSE


async def test_the_last_good_keys_outlive_an_outage_of_a_day() -> None:
    issuer, clock = TestIssuer(), Clock()
    keys = issuer.keys_at(clock)
    await keys.find("rsa-1", "RS256")
    issuer.break_down()
    requests = len(issuer.requests)

    for _ in range(23 * 60):
        clock.now += 60
        assert await keys.find("rsa-1", "RS256") is not None
    assert len(issuer.requests) - requests <= 23 * 60 * 2

    clock.now += FORGET_AFTER
    with pytest.raises(UpstreamUnavailable):
        await keys.find("rsa-1", "RS256")


async def test_an_issuer_that_is_late_is_asked_again_soon() -> None:
    issuer, clock = TestIssuer(), Clock()
    issuer.break_down()
    keys = issuer.keys_at(clock)
    for _ in range(100):
        with pytest.raises(UpstreamUnavailable):
            await keys.find("rsa-1", "RS256")
    assert issuer.requests == [DISCOVERY]

    issuer.answers.clear()
    clock.now += PAUSE

    assert await keys.find("rsa-1", "RS256") is not None


async def test_a_cancelled_caller_leaves_the_keys_usable() -> None:
    issuer, clock = TestIssuer(), Clock()
    keys = issuer.keys_at(clock)
    task = asyncio.create_task(keys.find("rsa-1", "RS256"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    clock.now += PAUSE

    assert await keys.find("rsa-1", "RS256") is not None


async def test_configured_keys_need_no_discovery() -> None:
    issuer = TestIssuer()
    profile = dataclasses.replace(PROFILE, jwks_url="https://elsewhere.example/tenant/keys")

    assert await issuer.keys_at(Clock(), profile).find("rsa-1", "RS256") is not None
    assert issuer.requests == [JWKS]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DISCOVERY, JSONResponse({"issuer": URL})),
        (DISCOVERY, JSONResponse({"issuer": URL + "/", "jwks_uri": f"{URL}/keys"})),
        (DISCOVERY, JSONResponse({"issuer": "https://evil.example", "jwks_uri": f"{URL}/keys"})),
        (DISCOVERY, JSONResponse({"issuer": URL, "jwks_uri": "https://evil.example/keys"})),
        (DISCOVERY, JSONResponse({"issuer": URL, "jwks_uri": "http://issuer.example/tenant/keys"})),
        (DISCOVERY, JSONResponse({"issuer": URL, "jwks_uri": "https://issuer.example:444/keys"})),
        (DISCOVERY, JSONResponse({"issuer": URL, "jwks_uri": "https://u@issuer.example/keys"})),
        (DISCOVERY, JSONResponse({"issuer": URL, "jwks_uri": "ftp://issuer.example/keys"})),
        (DISCOVERY, JSONResponse({"issuer": URL, "jwks_uri": "https://[broken"})),
        (DISCOVERY, JSONResponse({"issuer": URL, "jwks_uri": [f"{URL}/keys"]})),
        (DISCOVERY, RedirectResponse("https://issuer.example/tenant/keys")),
        (DISCOVERY, JSONResponse([URL])),
        (DISCOVERY, Response("<html>")),
        (DISCOVERY, Response("[" * 60_000)),
        (JWKS, RedirectResponse("https://evil.example/keys")),
        (JWKS, JSONResponse({"keys": []})),
        (JWKS, JSONResponse({"keys": {}})),
        (JWKS, JSONResponse({"keys": [RSA.as_dict(private=False)] * (MAX_KEYS + 1)})),
        (JWKS, JSONResponse({"keys": ["rsa-1", None, 7]})),
        (JWKS, JSONResponse(TestIssuer().jwks() | {"padding": "x" * MAX_BYTES})),
        (JWKS, Response(gzip.compress(json.dumps(TestIssuer().jwks()).encode()))),
        (JWKS, Response(b"\xff\xfe")),
    ],
)
async def test_documents_that_must_not_be_believed_are_not(path: str, answer: Response) -> None:
    issuer = TestIssuer()
    issuer.answers[path] = answer

    with pytest.raises(UpstreamUnavailable):
        await issuer.keys_at(Clock()).find("rsa-1", "RS256")


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": "none"},
        {"kty": "oct"},
        {"kid": ""},
        {"kid": 1},
        {"kid": "k" * 257},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"n": "AQAB"},
        {"n": "not base64!"},
        {"n": None},
        {"e": [1]},
        {"crv": "P-256"},
    ],
)
async def test_keys_that_are_not_for_us_are_passed_over(changes: dict[str, Any]) -> None:
    issuer = TestIssuer()
    other = issuer.jwks()["keys"][1]
    issuer.says(JWKS, keys=[RSA.as_dict(private=False) | changes, other])
    keys = issuer.keys_at(Clock())

    assert await keys.find("ec-1", "ES256") is not None
    assert await keys.find(str(changes.get("kid", "rsa-1")), "RS256") is None


async def test_weak_secret_and_foreign_keys_are_passed_over() -> None:
    with pytest.warns(SecurityWarning):
        weak = RSAKey.generate_key(1024, {"kid": "weak"}).as_dict(private=False)
    secret = OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True)
    issuer = TestIssuer()
    issuer.says(JWKS, keys=[weak, secret, *issuer.jwks()["keys"]])
    keys = issuer.keys_at(Clock())

    for kid in ("weak", "secret"):
        assert await keys.find(kid, "RS256") is None


async def test_of_a_private_key_published_by_mistake_only_the_public_part_is_kept() -> None:
    issuer = TestIssuer()
    issuer.says(JWKS, keys=[EC.as_dict(private=True)])

    key = await issuer.keys_at(Clock()).find("ec-1", "ES256")

    assert key is not None
    assert not key.is_private
