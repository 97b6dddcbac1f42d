"""Every kind of caller gets what it may have, and every refusal looks the same from outside."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from gateway.auth import authenticator as authenticating
from gateway.auth.authenticator import REFUSAL, Authenticator
from gateway.auth.issuers import Issuer, issuers
from gateway.auth.policy import SHIPPED, Grant, Policy, Role
from gateway.auth.principal import Access, Kind, Principal
from gateway.auth.tokens import Tokens
from gateway.config.parsers import Partner, PartnerAccount
from gateway.config.settings import Settings, SettingsError
from gateway.errors import Unauthenticated, UpstreamUnavailable
from tests.gateway.auth.dataverse import Dataverse, guid, identity
from tests.gateway.auth.issuing import PROFILE, Clock, TestIssuer, claims, token

pytestmark = pytest.mark.anyio

ISSUER = dataclasses.replace(
    PROFILE,
    staff_roles=frozenset({"gateway-admins"}),
    partners={"acme": Partner("acme", (PartnerAccount("US-002", "usmf"),))},
)
JANE: dict[str, Any] = {"email": "jane@shop.example", "email_verified": True}


def authenticator(
    dataverse: Dataverse | None = None, issuer: TestIssuer | None = None, profile: Issuer = ISSUER
) -> Authenticator:
    keys = (issuer or TestIssuer()).keys_at(Clock(), profile)
    directory = (dataverse or Dataverse()).directory(Clock())
    return Authenticator(Tokens([keys], Clock()), directory, lambda: SHIPPED)


async def principal(**changes: Any) -> Principal:
    return await authenticator().authenticate(f"Bearer {token(claims(**changes))}")


async def test_a_customer_is_its_contact_with_its_accounts() -> None:
    found = await principal(**JANE)

    assert found.kind is Kind.CUSTOMER
    assert found.contact is not None
    assert str(found.contact.id) == guid("jane")
    assert [account.number for account in found.accounts] == ["US-001"]
    assert found.roles == {"buyer"}
    assert found.access("orders") is Access.OWN


async def test_a_principal_is_kept_for_a_token_and_replaced_by_that_of_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(authenticating, "MADE", 2)
    door = authenticator()
    first, second = (f"Bearer {token(claims(**JANE, jti=jti))}" for jti in ("one", "two"))

    kept = await door.authenticate(first)
    assert await door.authenticate(first) is kept
    assert await door.authenticate(second) is not kept
    assert len(door.made) == 1
    for n in range(3):
        await door.authenticate(f"Bearer {token(claims(**JANE, sub=f'also-jane-{n}'))}")
    assert len(door.made) == 2


async def test_a_customers_token_may_name_customers_roles_only() -> None:
    found = await principal(
        **JANE, roles=["representative", "administrator", "partner", "root", 7, None]
    )

    assert found.roles == {"buyer", "representative"}
    assert Access.ALL not in found.rights.reach.values()


async def test_an_address_that_is_not_verified_is_nobodys() -> None:
    unverified: list[Any] = [False, None, "false", "", "yes", ["true"], {}]
    for verified in unverified:
        with pytest.raises(Unauthenticated):
            await principal(email="jane@shop.example", email_verified=verified)
    with pytest.raises(Unauthenticated):
        await principal(email="jane@shop.example")


async def test_names_that_are_not_e_mail_claims_are_not_believed() -> None:
    for name in ("upn", "preferred_username", "unique_name", "name"):
        with pytest.raises(Unauthenticated):
            await principal(**{name: "jane@shop.example", "email_verified": True})


async def test_staff_see_all_and_need_no_contact() -> None:
    found = await principal(roles=["gateway-admins"])

    assert (found.kind, found.contact, found.accounts) == (Kind.STAFF, None, ())
    assert found.access("orders") is Access.ALL


async def test_nobody_is_staff_unless_configured() -> None:
    plain = authenticator(profile=PROFILE)

    with pytest.raises(Unauthenticated):
        await plain.authenticate(f"Bearer {token(claims(roles=['gateway-admins']))}")


async def test_users_that_power_pages_knows_by_other_names_are_found() -> None:
    provider = "https://login.windows.net/contoso/"
    profile = dataclasses.replace(ISSUER, subject_claim="oid", identity_provider=provider)
    dataverse = Dataverse()
    dataverse.tables["adx_externalidentities"] = [identity("object-1", "sam", provider)]
    door = authenticator(dataverse, profile=profile)

    found = await door.authenticate(f"Bearer {token(claims(oid='object-1'))}")

    assert (found.subject, str(found.contact and found.contact.id)) == ("object-1", guid("sam"))
    for oid in ("object-1' or 1 eq 1", "", None, 7, ["object-1"], "Object-1"):
        with pytest.raises(Unauthenticated):
            await door.authenticate(f"Bearer {token(claims(oid=oid))}")
    with pytest.raises(Unauthenticated):
        await door.authenticate(f"Bearer {token(claims(sub='object-1'))}")


@pytest.mark.parametrize("name", ["azp", "client_id", "appid", "cid"])
async def test_a_partner_is_its_client_with_the_accounts_of_the_configuration(name: str) -> None:
    found = await principal(**{"azp": ..., name: "acme"}, sub="acme", scp=..., roles=["orders"])

    assert found.kind is Kind.PARTNER
    assert [account.number for account in found.accounts] == ["US-002"]
    assert found.roles == {"partner"}


async def test_a_partner_holds_the_roles_of_the_configuration_and_no_others() -> None:
    reader = Role(Kind.PARTNER, {"invoices": Grant(Access.ACCOUNT)})
    policy = Policy({**SHIPPED.roles, "reader": reader})
    machine = Partner("acme", (PartnerAccount("US-002", "usmf"),), ("reader", "buyer"))
    profile = dataclasses.replace(ISSUER, partners={"acme": machine})
    keys, directory = TestIssuer().keys_at(Clock(), profile), Dataverse().directory(Clock())
    door = Authenticator(Tokens([keys], Clock()), directory, lambda: policy)
    said = claims(azp="acme", sub="acme", scp=..., roles=["partner", "gateway-admins", "orders"])

    found = await door.authenticate(f"Bearer {token(said)}")

    assert found.roles == {"reader"}, "neither the token's nor those of another kind"
    assert set(found.rights.reach) == {("invoices", "read")}


async def test_a_person_does_not_become_a_partner_by_using_its_client() -> None:
    for person in (JANE, {"scp": "orders"}):
        with pytest.raises(Unauthenticated):
            await principal(azp="acme", roles=["orders"], **{"scp": ..., **person})


async def test_a_partners_client_is_never_staff() -> None:
    found = await principal(azp="acme", sub="acme", scp=..., roles=["gateway-admins"])

    assert found.kind is Kind.PARTNER


async def test_an_external_identity_comes_before_the_address() -> None:
    dataverse = Dataverse()
    dataverse.tables["adx_externalidentities"] = [identity("jane", "may")]

    found = await authenticator(dataverse).authenticate(f"bearer {token(claims(**JANE))}")

    assert found.contact is not None
    assert str(found.contact.id) == guid("may")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        f"Basic {token()}",
        token(),
        f"Bearer{token()}",
        f"Bearer {token()} {token()}",
        f"Bearer {token()}, Bearer {token()}",
        f"Bearer\t{token()}",
        f"Bearer {token()}\n",
        f" Bearer {token()}",
        "Bearer ü",
        "Bearer " + "x" * 100_000,
        f"Bearer {token(claims(exp=1))}",
        f"Bearer {token(claims(sub='stranger'))}",
        f"Bearer {token(claims(email='nobody@shop.example', email_verified=True))}",
    ],
)
async def test_every_refusal_looks_the_same_and_logs_no_token(
    header: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(Unauthenticated) as caught:
        await authenticator().authenticate(header)

    assert (str(caught.value), caught.value.details) == (REFUSAL, {})
    assert caught.value.__cause__ is None
    assert "caller refused: " in caplog.text
    assert "eyJ" not in caplog.text


async def test_a_broken_token_causes_no_call_at_all() -> None:
    dataverse, issuer = Dataverse(), TestIssuer()
    door = authenticator(dataverse, issuer)

    for header in (None, "Bearer x", "Bearer a.b.c", f"Bearer {token(claims(iss='x'))}"):
        with pytest.raises(Unauthenticated):
            await door.authenticate(header)
    assert issuer.requests == []
    with pytest.raises(Unauthenticated):
        await door.authenticate(f"Bearer {token(claims(sub='*'))}")
    assert dataverse.asked == []


async def test_an_issuer_that_is_down_is_not_the_callers_fault() -> None:
    issuer = TestIssuer()
    issuer.break_down()

    with pytest.raises(UpstreamUnavailable):
        await authenticator(issuer=issuer).authenticate(f"Bearer {token()}")


def settings(**changes: Any) -> Settings:
    plain: dict[str, Any] = {
        "dataverse_url": "https://contoso.example",
        "finops_url": "https://contoso.example",
        "client_id": "gateway",
        "issuer": "https://issuer.example",
        "audience": ("gateway",),
    }
    return Settings(**plain | changes)


def test_the_settings_cannot_make_every_customer_an_administrator() -> None:
    assert issuers(settings(customer_roles=()))[0].customer_roles == frozenset()
    for role in ("administrator", "partner", "buyr"):
        with pytest.raises(SettingsError, match="GATEWAY_CUSTOMER_ROLES"):
            issuers(settings(customer_roles=("buyer", role)))


FURTHER = """
[[issuer]]
url = "https://people.example"
audiences = ["shop", "gateway"]
algorithms = ["ES256"]
kinds = ["customer"]
email_claim = "mail"
email_domains = ["people.example"]
customer_roles = ["representative"]

[[issuer]]
url = "https://staff.example/v2.0"
audiences = ["gateway"]
kinds = ["staff"]
staff_roles = ["support"]

[[issuer]]
url = "https://machines.example"
audiences = ["gateway"]
kinds = ["partner"]
partners = "acme=US-002@usmf,US-003@dat"
"""


def test_further_issuers_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "issuers.toml"
    file.write_text(FURTHER)

    own = settings(issuers=str(file), email_domains=("seller.example",))
    first, people, staff, machines = issuers(own)

    assert first.kinds == frozenset(Kind)
    assert (people.algorithms, people.email_claim) == (("ES256",), "mail")
    assert people.audiences == ("shop", "gateway")
    assert staff.kinds == {Kind.STAFF}
    assert machines.partners["acme"].accounts[1] == PartnerAccount("US-003", "dat")


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[[issuer]]", "issuer 1: 'url' is missing"),
        ('[[issuer]]\nurl = "http://far.example"\naudiences = ["a"]', "'url' must be an https"),
        ('[[issuer]]\nurl = "https://a.example"\naudiences = [1]', "'audiences' must be text"),
        ('[[issuer]]\nulr = "https://a.example"', "'ulr' is unknown"),
        (FURTHER.replace("ES256", "none"), "'algorithms' must be some of RS256"),
        (FURTHER.replace('["staff"]', '["root"]'), "issuer 2: 'kinds' must be some of"),
        (FURTHER.replace('"representative"', '"administrator"'), "GATEWAY_CUSTOMER_ROLES"),
        (FURTHER.replace('dat"', 'dat as buyer"'), "GATEWAY_PARTNERS: roles may be partner"),
        (FURTHER.replace("people", "issuer"), "GATEWAY_ISSUERS: names an issuer twice"),
        ("issuer = 1", "holds [[issuer]] tables and nothing else"),
        ("[[issuer", "issuers.toml: "),
    ],
)
def test_mistakes_in_the_file_of_issuers_are_named(tmp_path: Path, text: str, mistake: str) -> None:
    file = tmp_path / "issuers.toml"
    file.write_text(text)

    with pytest.raises(SettingsError) as caught:
        issuers(settings(issuers=str(file)))
    assert mistake in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        (JANE, Kind.CUSTOMER),
        ({"roles": ["gateway-admins"]}, Kind.STAFF),
        ({"azp": "acme", "sub": "acme", "scp": ..., "roles": ["orders"]}, Kind.PARTNER),
    ],
)
async def test_an_issuer_vouches_for_its_kinds_of_caller_alone(
    changes: dict[str, Any], kind: Kind
) -> None:
    header = f"Bearer {token(claims(**changes))}"
    alone = dataclasses.replace(ISSUER, kinds=frozenset({kind}))
    others = dataclasses.replace(ISSUER, kinds=frozenset(Kind) - {kind})

    assert (await authenticator(profile=alone).authenticate(header)).kind is kind
    with pytest.raises(Unauthenticated):
        await authenticator(profile=others).authenticate(header)


async def test_staff_see_by_the_roles_that_customers_get_where_customers_sign_in() -> None:
    ours = dataclasses.replace(ISSUER, kinds=frozenset({Kind.STAFF}))
    theirs = dataclasses.replace(
        PROFILE,
        url="https://shops.example",
        kinds=frozenset({Kind.CUSTOMER}),
        customer_roles=frozenset({"representative"}),
    )
    keys = [TestIssuer().keys_at(Clock(), profile) for profile in (ours, theirs)]
    door = Authenticator(Tokens(keys, Clock()), Dataverse().directory(Clock()), lambda: SHIPPED)
    staff = await door.authenticate(f"Bearer {token(claims(roles=['gateway-admins']))}")

    seen = await door.seen_as(staff, "jane@shop.example")

    assert seen.roles == {"representative"}


async def test_a_mark_of_staff_that_is_a_role_means_that_role() -> None:
    auditor = Role(Kind.STAFF, {"orders": Grant(Access.ALL)})
    policy = Policy({**SHIPPED.roles, "auditor": auditor})
    profile = dataclasses.replace(PROFILE, staff_roles=frozenset({"auditor", "gateway-admins"}))
    keys, directory = TestIssuer().keys_at(Clock(), profile), Dataverse().directory(Clock())
    door = Authenticator(Tokens([keys], Clock()), directory, lambda: policy)

    async def roles(*named: str) -> frozenset[str]:
        return (await door.authenticate(f"Bearer {token(claims(roles=list(named)))}")).roles

    assert await roles("auditor") == {"auditor"}
    assert await roles("gateway-admins") == {"administrator"}
