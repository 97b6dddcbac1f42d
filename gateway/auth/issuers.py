"""What the gateway believes of one OIDC issuer: a profile, pinned by configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.auth.policy import SHIPPED, Policy
from gateway.auth.principal import Kind
from gateway.parsers import PartnerAccount
from gateway.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """
    One issuer and how its access tokens are read. Nothing that a token says changes this.

    `partners` maps the client id of a machine to its accounts; `scope`, where set, is demanded of
    every token; `jwks_url` replaces discovery.
    """

    url: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    jwks_url: str | None = None
    scope: str | None = None
    email_claim: str = "email"
    email_verified_claim: str = "email_verified"
    roles_claim: str = "roles"
    customer_roles: frozenset[str] = frozenset({"buyer"})
    staff_roles: frozenset[str] = frozenset()
    partners: Mapping[str, tuple[PartnerAccount, ...]] = field(default_factory=dict)


def issuers(settings: Settings, policy: Policy = SHIPPED) -> tuple[Issuer, ...]:
    """The issuers that the settings name; one, as yet. SettingsError for a role of no customer."""
    customers = policy.names(Kind.CUSTOMER)
    if not customers.issuperset(settings.customer_roles):
        known = ", ".join(sorted(customers))
        raise SettingsError([f"GATEWAY_CUSTOMER_ROLES: may be {known}"])
    return (
        Issuer(
            url=settings.issuer,
            audiences=settings.audience,
            algorithms=settings.algorithms,
            jwks_url=settings.jwks_url,
            scope=settings.scope,
            email_claim=settings.email_claim,
            email_verified_claim=settings.email_verified_claim,
            roles_claim=settings.roles_claim,
            customer_roles=frozenset(settings.customer_roles),
            staff_roles=frozenset(settings.staff_roles),
            partners={partner.client_id: partner.accounts for partner in settings.partners},
        ),
    )
