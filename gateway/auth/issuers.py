"""The profile of one OIDC issuer, pinned by configuration: what may be believed of its tokens."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from gateway.auth.policy import SHIPPED, Policy
from gateway.auth.principal import Kind
from gateway.config import parsers
from gateway.config.parsers import Partner, PartnerAccount
from gateway.config.settings import Settings, SettingsError
from variables.environment_values import said_in
from variables.spelling import suggestion
from variables.toml_files import toml
from variables.web_addresses import GUID, is_entra


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """
    One issuer and how its access tokens are read. Nothing that a token says changes this.

    `partners` has the machines by their client ids; `scope`, where set, is demanded of
    every token; `jwks_url` replaces discovery; of `kinds` are the callers that it may vouch for.
    """

    url: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    jwks_url: str | None = None
    scope: str | None = None
    subject_claim: str = "sub"
    identity_provider: str | None = None
    """The name of the issuer in Power Pages, where that is not its address."""
    email_claim: str = "email"
    email_verified_claim: str = "email_verified"
    roles_claim: str = "roles"
    customer_roles: frozenset[str] = frozenset({"buyer"})
    staff_roles: frozenset[str] = frozenset()
    partners: Mapping[str, Partner] = field(default_factory=dict)
    kinds: frozenset[Kind] = frozenset(Kind)
    match_email: bool = True
    """True if a contact without an identity at the provider is found by verified e-mail."""
    email_domains: frozenset[str] = frozenset()
    """The domains of e-mail addresses that are believed; all where there is none."""
    accounts: frozenset[PartnerAccount] = frozenset()
    """The accounts that its customers may act for, if they are theirs; all where there is none."""
    token_roles: bool = True
    """True if customers' tokens may name roles."""

    @property
    def provider(self) -> str:
        """The name of the provider in Power Pages."""
        return self.identity_provider or self.url

    def vouches_for(self, email: str) -> bool:
        """True if a contact may be found by this address."""
        domain = email.rpartition("@")[2].lower()
        return self.match_email and (not self.email_domains or domain in self.email_domains)


def issuers(settings: Settings, policy: Policy = SHIPPED) -> tuple[Issuer, ...]:
    """The issuers of the settings and of `GATEWAY_ISSUERS`; SettingsError with all mistakes."""
    found = [_first(settings), *_further(settings.issuers)]
    mistakes = [mistake for issuer in found for mistake in _strangers(issuer, policy)]
    mistakes += [mistake for issuer in found for mistake in _audience(issuer)]
    if len({issuer.url for issuer in found}) < len(found):
        mistakes.append("GATEWAY_ISSUERS: names an issuer twice")
    else:
        mistakes += _confusable(found)
    if mistakes:
        raise SettingsError(mistakes)
    return tuple(found)


def _strangers(issuer: Issuer, policy: Policy) -> Iterator[str]:
    """The roles that are given to callers of a kind that cannot hold them."""
    machines = {role for partner in issuer.partners.values() for role in partner.roles}
    for variable, given, kind in (
        ("GATEWAY_CUSTOMER_ROLES", issuer.customer_roles, Kind.CUSTOMER),
        ("GATEWAY_PARTNERS", machines, Kind.PARTNER),
    ):
        if not given <= policy.names(kind):
            yield f"{variable}: roles may be {', '.join(sorted(policy.names(kind)))}"
    if others := issuer.staff_roles & (policy.names(Kind.CUSTOMER) | policy.names(Kind.PARTNER)):
        yield f"GATEWAY_STAFF_ROLES: {', '.join(sorted(others))} is no role of staff"
    # A role that only marks staff need not be in the policy, and makes administrators: a misspelled
    # one would give all rights.
    for role in sorted(issuer.staff_roles - policy.roles.keys()):
        if near := suggestion(role, policy.roles):
            lacks = f"'{role}' is no role of the policy{near}"
            yield f"GATEWAY_STAFF_ROLES: {lacks} If not, declare it in GATEWAY_POLICY"


def _audience(issuer: Issuer) -> Iterator[str]:
    """The audiences of an issuer of Entra's that none of its tokens can have."""
    if is_entra(issuer.url) and not any(map(GUID.fullmatch, issuer.audiences)):
        yield (
            f"GATEWAY_AUDIENCE: tokens of {issuer.url} name the API by its client id: add that id"
        )


def _confusable(found: Iterable[Issuer]) -> Iterator[str]:
    """Pairs of which each could vouch for the same customer."""
    customers = [issuer for issuer in found if Kind.CUSTOMER in issuer.kinds]
    for one, other in combinations(customers, 2):
        if one.provider == other.provider:
            yield f"GATEWAY_ISSUERS: {one.url} and {other.url} have the same identity_provider"
        elif not _are_apart(one, other):
            yield (
                f"GATEWAY_ISSUERS: {one.url} and {other.url} could vouch for the same customer; "
                'tell them apart by email_domains, by accounts, or by match_email = "off"'
            )


def _are_apart(one: Issuer, other: Issuer) -> bool:
    """True if no person can be a customer by both issuers."""
    if one.accounts and other.accounts and not one.accounts & other.accounts:
        return True
    by_email = [issuer.email_domains for issuer in (one, other) if issuer.match_email]
    bounded = all(by_email)
    return bounded and (len(by_email) < 2 or not by_email[0] & by_email[1])


def _first(settings: Settings) -> Issuer:
    return Issuer(
        url=settings.issuer,
        audiences=settings.audience,
        algorithms=settings.algorithms,
        jwks_url=settings.jwks_url,
        scope=settings.scope,
        subject_claim=settings.subject_claim,
        identity_provider=settings.identity_provider,
        email_claim=settings.email_claim,
        email_verified_claim=settings.email_verified_claim,
        roles_claim=settings.roles_claim,
        customer_roles=frozenset(settings.customer_roles),
        staff_roles=frozenset(settings.staff_roles),
        partners={partner.client_id: partner for partner in settings.partners},
        match_email=settings.match_email,
        email_domains=frozenset(settings.email_domains),
        token_roles=settings.token_roles,
    )


def _further(path: str | None) -> list[Issuer]:
    """The `[[issuer]]` tables of a file."""
    if path is None:
        return []
    try:
        document = toml(said_in(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path}: {error}"]) from None
    except ValueError as error:
        raise SettingsError([f"GATEWAY_ISSUERS: {path}: {error}"]) from None
    tables = document.get("issuer", [])
    if document.keys() - {"issuer"} or not isinstance(tables, list):
        raise SettingsError([f"{path}: holds [[issuer]] tables and nothing else"])
    return [_told(said, f"{path}: issuer {n}") for n, said in enumerate(tables, 1)]


def _told(said: Mapping[str, Any], at: str) -> Issuer:
    """One table as a profile; each word of it is checked as the variable of its name is."""
    mistakes = [f"{at}: '{word}' is unknown" for word in said.keys() - READ.keys()]
    mistakes += [f"{at}: '{word}' is missing" for word in ("url", "audiences") if word not in said]
    found: dict[str, Any] = {}
    for word in said.keys() & READ.keys():
        try:
            found[word] = READ[word](_text(said[word]))
        except ValueError as error:
            mistakes.append(f"{at}: '{word}' {error}")
    if mistakes:
        raise SettingsError(mistakes)
    # Roles from a customer's own provider count only if the profile allows them.
    return Issuer(**{"token_roles": False} | found)


def _text(said: object) -> str:
    """A value as a variable would have it: a list with commas between its items."""
    if isinstance(said, bool):
        return "on" if said else "off"
    if isinstance(said, list):
        return ",".join(map(_text, said))
    if not isinstance(said, str):
        raise ValueError("must be text, or a list of it")
    return said


def _kinds(raw: str) -> frozenset[Kind]:
    try:
        return frozenset(Kind(word) for word in parsers.words(raw))
    except ValueError:
        raise ValueError("must be some of customer, partner, staff") from None


READ: Mapping[str, Callable[[str], Any]] = {
    "url": parsers.issuer,
    "audiences": parsers.audiences,
    "algorithms": parsers.algorithms,
    "jwks_url": parsers.url,
    "scope": parsers.one_word,
    "subject_claim": parsers.text,
    "identity_provider": parsers.text,
    "email_claim": parsers.text,
    "email_verified_claim": parsers.text,
    "roles_claim": parsers.text,
    "customer_roles": lambda raw: frozenset(parsers.words(raw)),
    "staff_roles": lambda raw: frozenset(parsers.words(raw)),
    "partners": lambda raw: {each.client_id: each for each in parsers.partners(raw)},
    "kinds": _kinds,
    "match_email": parsers.switch,
    "email_domains": lambda raw: frozenset(parsers.domains(raw)),
    "accounts": lambda raw: frozenset(parsers.accounts(raw)),
    "token_roles": parsers.switch,
}
"""The words of an `[[issuer]]` table and how each is read."""
