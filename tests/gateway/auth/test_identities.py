"""Callers let in by an issuer's word, over the tokens that the usual identity providers issue."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest

from gateway.auth.authenticator import Authenticator
from gateway.auth.issuers import Issuer, issuers
from gateway.auth.machines import CLIENTS
from gateway.auth.policy import SHIPPED
from gateway.auth.principal import Kind, Principal
from gateway.auth.rejections import Reason
from gateway.auth.tokens import Tokens
from gateway.config.parsers import Partner, PartnerAccount
from gateway.config.settings import SettingsError
from gateway.errors import Unauthenticated
from tests.gateway.auth.dataverse import Dataverse, guid, identity
from tests.gateway.auth.issuing import (
    AUDIENCE,
    PROFILE,
    RSA,
    URL,
    Clock,
    TestIssuer,
    claims,
    token,
)
from tests.gateway.auth.shapes import ID_TOKENS, SHAPES, Shape
from tests.gateway.auth.test_authenticator import settings

pytestmark = pytest.mark.anyio

ISSUER = dataclasses.replace(
    PROFILE,
    staff_roles=frozenset({"gateway-admins"}),
    partners={"acme": Partner("acme", (PartnerAccount("US-002", "usmf"),))},
)
EMAIL: dict[str, Any] = {"email": "jane@shop.example", "email_verified": True}
EVERY = pytest.mark.parametrize("shape", list(SHAPES.values()), ids=list(SHAPES))


def signed(shape: Shape, said: dict[str, Any]) -> str:
    found = token(claims(**said), typ=shape.typ or ...)
    # A second library agrees that the signature and the registered claims are good.
    pyjwt.decode(found, RSA.public_key, algorithms=["RS256"], options={"verify_aud": False})
    return found


async def let_in(
    shape: Shape,
    said: dict[str, Any],
    profile: Issuer = ISSUER,
    dataverse: Dataverse | None = None,
) -> Principal | str:
    """The caller whom the token lets in, or why nobody."""
    keys = TestIssuer().keys_at(Clock(), profile)
    directory = (dataverse or Dataverse()).directory(Clock())
    door = Authenticator(Tokens([keys], Clock()), directory, lambda: SHIPPED)
    try:
        return await door.authenticate(f"Bearer {signed(shape, said)}")
    except Unauthenticated as error:
        return error.reason


def bound(subject: str, provider: str = URL) -> Dataverse:
    found = Dataverse()
    found.tables["adx_externalidentities"] = [identity(subject, "jane", provider)]
    return found


@EVERY
async def test_a_machine_with_a_partners_client_is_the_partner(shape: Shape) -> None:
    found = await let_in(shape, shape.machine("acme"))

    assert isinstance(found, Principal)
    assert found.kind is Kind.PARTNER
    assert [account.number for account in found.accounts] == ["US-002"]


@EVERY
async def test_a_person_with_a_partners_client_is_nobody(shape: Shape) -> None:
    person = shape.person("acme")
    for said in (person, person | EMAIL, person | {"roles": ["gateway-admins", "partner"]}):
        assert await let_in(shape, said) == Reason.PURPOSE


@EVERY
async def test_a_machine_with_another_client_is_no_partner(shape: Shape) -> None:
    assert await let_in(shape, shape.machine("other")) == Reason.NO_CONTACT


@EVERY
async def test_a_person_is_found_by_an_address_that_is_verified(shape: Shape) -> None:
    person = shape.person("shop")
    found = await let_in(shape, person | EMAIL)

    assert isinstance(found, Principal)
    assert (found.kind, str(found.contact and found.contact.id)) == (Kind.CUSTOMER, guid("jane"))
    assert await let_in(shape, person | EMAIL | {"email_verified": False}) == Reason.NO_CONTACT
    assert await let_in(shape, person | {"email": "jane@shop.example"}) == Reason.NO_CONTACT


@EVERY
async def test_who_has_an_identity_at_the_provider_is_found_by_it_alone_there(
    shape: Shape,
) -> None:
    person = shape.person("shop")

    found = await let_in(shape, person, dataverse=bound(person["sub"]))
    recycled = await let_in(shape, person | EMAIL, dataverse=bound("who-had-the-mailbox"))
    elsewhere = await let_in(shape, person | EMAIL, dataverse=bound("x", "https://else.example"))

    assert isinstance(found, Principal)
    assert recycled == Reason.BOUND
    assert isinstance(elsewhere, Principal)


@EVERY
@pytest.mark.parametrize("what", list(ID_TOKENS))
async def test_an_id_token_is_no_access_token(shape: Shape, what: str) -> None:
    sign_in = shape.sign_in("site") | EMAIL | ID_TOKENS[what]

    found = await let_in(dataclasses.replace(shape, typ="JWT"), sign_in)

    assert found in (Reason.PURPOSE, Reason.AUDIENCE)


@EVERY
async def test_an_access_token_of_a_registration_that_is_the_sites_too_is_one(
    shape: Shape,
) -> None:
    person = await let_in(shape, shape.person(AUDIENCE) | EMAIL)
    profile = dataclasses.replace(
        ISSUER, partners={AUDIENCE: Partner(AUDIENCE, (PartnerAccount("US-002", "usmf"),))}
    )
    machine = await let_in(shape, shape.machine(AUDIENCE), profile)

    assert isinstance(person, Principal)
    assert isinstance(machine, Principal)


@EVERY
async def test_an_issuer_vouches_for_no_more_than_its_profile_says(shape: Shape) -> None:
    said = shape.person("shop") | EMAIL | {"roles": ["representative"]}

    async def by(**changes: Any) -> Principal | str:
        return await let_in(shape, said, dataclasses.replace(ISSUER, **changes))

    others = frozenset({PartnerAccount("US-002", "usmf")})
    assert await by(email_domains=frozenset({"other.example"})) == Reason.NO_CONTACT
    assert await by(email_domains=frozenset({"example"})) == Reason.NO_CONTACT
    assert await by(match_email=False) == Reason.NO_CONTACT
    assert await by(accounts=others) == Reason.FOREIGN
    plain = await by(email_domains=frozenset({"shop.example"}), token_roles=False)
    named = await by(accounts=others | {PartnerAccount("US-001", "usmf")})
    assert isinstance(plain, Principal)
    assert isinstance(named, Principal)
    assert plain.roles == {"buyer"}
    assert named.roles == {"buyer", "representative"}


PERSONAL: dict[str, Any] = {
    "name": "Jane",
    "email": "jane@shop.example",
    "preferred_username": "jane",
    "username": "jane",
    "upn": "jane@shop.example",
    "sid": "s",
    "auth_time": 1,
    "amr": ["pwd"],
    "scope": "orders openid",
    "uid": "00u1",
    "act": {"sub": "jane"},
    "idtyp": "user",
    "gty": "password",
    "emails": ["jane@shop.example"],
    "login_hint": "jane",
    "verified_primary_email": ["jane@shop.example"],
    "tfp": "B2C_1_sign_in",
    "picture": "https://shop.example/jane.png",
    "updated_at": 1,
    "locale": "nl",
    "email_verified": True,
    "identities": [{"providerName": "Google"}],
    "origin_jti": "o",
    "user_name": "jane",
}


@EVERY
@pytest.mark.parametrize("mark", list(PERSONAL))
async def test_one_mark_of_a_person_makes_a_token_a_persons(shape: Shape, mark: str) -> None:
    said = shape.machine("acme") | {mark: PERSONAL[mark]}
    if mark == "auth_time":  # without which Cognito issues none
        said |= {"sub": "jane"}

    assert await let_in(shape, said) == Reason.PURPOSE


@EVERY
@pytest.mark.parametrize("scope", [["orders", "openid"], "orders\topenid", ["offline_access"]])
async def test_a_persons_scope_is_one_in_any_form(shape: Shape, scope: object) -> None:
    for name in ("scope", "scp"):
        assert await let_in(shape, shape.machine("acme") | {name: scope}) == Reason.PURPOSE


@EVERY
@pytest.mark.parametrize("name", CLIENTS)
async def test_a_token_that_names_two_applications_is_no_machines(shape: Shape, name: str) -> None:
    found = await let_in(shape, shape.machine("acme") | {name: "other"})

    assert found in (Reason.PURPOSE, Reason.NO_CONTACT)


async def test_a_token_without_any_mark_is_no_machines() -> None:
    plain = {"azp": "acme", "sub": "somebody", "scp": ..., "scope": "orders"}

    assert await let_in(SHAPES["Auth0"], plain) == Reason.PURPOSE


FIRST = '[[issuer]]\nurl = "https://one.example"\naudiences = ["a"]\nkinds = ["customer"]\n'
SECOND = FIRST.replace("one", "two")
WAYS = {
    "nothing": "",
    "no e-mail": 'match_email = "off"\n',
    "a domain": 'email_domains = ["shop.example"]\n',
    "another domain": 'email_domains = ["other.example", "more.example"]\n',
    "an account": 'accounts = "US-001@usmf"\n',
    "another account": 'accounts = ["US-002@usmf", "US-001@dat"]\n',
}
APART = {
    frozenset({"no e-mail"}),
    frozenset({"no e-mail", "a domain"}),
    frozenset({"no e-mail", "another domain"}),
    frozenset({"a domain", "another domain"}),
    frozenset({"an account", "another account"}),
}


@pytest.mark.parametrize(("one", "other"), list(itertools.product(WAYS, WAYS)))
def test_two_issuers_that_could_vouch_for_one_customer_are_refused(
    tmp_path: Path, one: str, other: str
) -> None:
    file = tmp_path / "issuers.toml"
    file.write_text(FIRST + WAYS[one] + SECOND + WAYS[other])
    made = settings(issuers=str(file), match_email=False)
    # The first issuer is the seller's own; here it signs in nobody by e-mail.
    apart = frozenset({one, other}) in APART
    alone = all(way in ("no e-mail", "a domain", "another domain") for way in (one, other))

    if apart and alone:
        assert len(issuers(made)) == 3
    else:
        with pytest.raises(SettingsError, match="could vouch for the same customer"):
            issuers(made)


def test_two_issuers_of_one_provider_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "issuers.toml"
    name = 'match_email = "off"\nidentity_provider = "acme"\n'
    file.write_text(FIRST + name + SECOND + name)

    with pytest.raises(SettingsError, match="have the same identity_provider"):
        issuers(settings(issuers=str(file), match_email=False))


def test_issuers_of_other_kinds_of_caller_are_told_apart_by_them(tmp_path: Path) -> None:
    file = tmp_path / "issuers.toml"
    file.write_text(FIRST.replace("customer", "staff") + SECOND.replace("customer", "partner"))

    assert len(issuers(settings(issuers=str(file)))) == 3


def test_a_further_issuers_tokens_bring_no_roles_unless_told(tmp_path: Path) -> None:
    file = tmp_path / "issuers.toml"
    quiet = 'match_email = "off"\n'
    file.write_text(FIRST + quiet + SECOND + quiet + "token_roles = true\n")

    first, one, two = issuers(settings(issuers=str(file), match_email=False))

    assert (first.token_roles, one.token_roles, two.token_roles) == (True, False, True)
