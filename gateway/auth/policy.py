"""
Roles -> rights: how far each permission of a role reaches, with which privileges, and which columns
it hides. Additive; deny by default.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.auth.principal import Access, Kind, Rights
from gateway.auth.webhooks import Webhook

PRIVILEGES = ("read", "create", "update", "delete")
STAFF_ROLE = "administrator"
VIEW_AS, EXPLAIN = "view-as", "explain"
"""Permissions that belong to no table: looking with a customer's eyes, and being told why."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights of a role to the tables of one permission."""

    access: Access
    privileges: frozenset[str] = frozenset({"read"})
    hidden: frozenset[str] = frozenset()
    """Members of those tables that the role does not show, as `SalesOrder.discount`."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role; only callers of its kind can hold it."""

    kind: Kind
    grants: Mapping[str, Grant]
    quota: int | None = None
    """Calls to Dynamics that one caller may cause in five minutes; None for no such bound."""


@dataclass(frozen=True, slots=True)
class InvitationRules:
    """The bounds of invitations, for those whose role lets them invite at all."""

    daily: int = 10
    """Addresses that may be tried for one account within 24 hours."""
    domains: frozenset[str] = frozenset()
    """The domains of addresses that may be invited; all where there is none."""
    same_domain: bool = False
    """True if an active person of the account must have an address at the domain already."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All roles, and the roles that the web roles of Power Pages stand for."""

    roles: Mapping[str, Role]
    web_roles: Mapping[str, str] = field(default_factory=dict)
    outage: float = 300.0
    """Seconds for which callers stay known while Dataverse cannot be asked who they are."""
    rows_outage: float = 0.0
    """Seconds for which cached rows are shown while their service cannot be asked."""
    seen_outage: float = 0.0
    """Seconds for which callers may see again what they saw, while its service cannot be asked."""
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    invitations: InvitationRules = InvitationRules()
    _rights: dict[frozenset[str], Rights] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    """Worked out once for each set of roles: every request asks. Never handed on by `replace`."""
    _names: dict[Kind, frozenset[str]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def names(self, kind: Kind) -> frozenset[str]:
        """The roles that a caller of this kind may hold."""
        if kind not in self._names:
            held = (name for name, role in self.roles.items() if role.kind is kind)
            self._names[kind] = frozenset(held)
        return self._names[kind]

    def granted(self, kind: Kind) -> frozenset[tuple[str, str]]:
        """The permissions and privileges that some role of this kind has."""
        return frozenset(self.rights(self.names(kind)).reach)

    def rights(self, roles: Iterable[str]) -> Rights:
        """The sum of the rights of these roles; names that are no roles add nothing."""
        held = frozenset(name for name in roles if name in self.roles)
        if held not in self._rights:
            self._rights[held] = self._added_up(held)
        return self._rights[held]

    def _added_up(self, roles: Iterable[str]) -> Rights:
        """
        The sum of these roles: for each privilege the widest access.

        A member is hidden unless a role shows it that itself reaches as far as all together: a
        role for few rows never uncovers the columns of many.
        """
        roles = list(roles)
        granted = list(self._granted(roles))
        reach: dict[tuple[str, str], Access] = {}
        for permission, grant in granted:
            for privilege in grant.privileges:
                held = reach.get((permission, privilege), grant.access)
                reach[permission, privilege] = max(held, grant.access, key=lambda a: a.width)
        quotas = [self.roles[name].quota for name in roles]
        bounds = [quota for quota in quotas if quota is not None]
        return Rights(
            reach,
            _hidden(granted, reach),
            max(bounds) if bounds and len(bounds) == len(quotas) else None,
        )

    def _granted(self, roles: Iterable[str]) -> Iterator[tuple[str, Grant]]:
        for name in roles:
            if name in self.roles:
                yield from self.roles[name].grants.items()


def _hidden(
    granted: Iterable[tuple[str, Grant]], reach: Mapping[tuple[str, str], Access]
) -> frozenset[str]:
    widest: dict[str, frozenset[str]] = {}
    for permission, grant in granted:
        if reach.get((permission, "read")) is grant.access and "read" in grant.privileges:
            widest[permission] = widest.get(permission, grant.hidden) & grant.hidden
    return frozenset().union(*widest.values())


_ORDERING = frozenset({"read", "create", "update"})
_TABLES = ("account", "contacts", "quotes", "shipments", "invoices", "catalog", "prices")


def _ordering(access: Access, orders: frozenset[str]) -> dict[str, Grant]:
    return dict.fromkeys(_TABLES, Grant(access)) | {"orders": Grant(access, orders)}


def _everywhere(access: Access, orders: frozenset[str]) -> dict[str, Grant]:
    return _ordering(access, orders) | {"balance": Grant(access), "returns": Grant(access)}


_BUYER = _ordering(Access.ACCOUNT, _ORDERING) | {
    "contacts": Grant(Access.OWN, frozenset({"read", "update"})),
    "orders": Grant(Access.OWN, _ORDERING),
    "quotes": Grant(Access.OWN),
    "shipments": Grant(Access.PARENT),
    "invoices": Grant(Access.OWN),
}
_REPRESENTATIVE = _everywhere(Access.ACCOUNT, _ORDERING) | {
    "contacts": Grant(Access.ACCOUNT, frozenset({"read", "update"})),
}
_STAFF = _everywhere(Access.ALL, frozenset({"read"})) | {
    VIEW_AS: Grant(Access.ALL),
    EXPLAIN: Grant(Access.ALL),
}

SHIPPED = Policy(
    roles={
        "buyer": Role(Kind.CUSTOMER, _BUYER),
        "representative": Role(Kind.CUSTOMER, _REPRESENTATIVE),
        "administrator": Role(Kind.STAFF, _STAFF),
        "partner": Role(Kind.PARTNER, _everywhere(Access.ACCOUNT, _ORDERING)),
    },
    web_roles={"Authorized users": "buyer", "Customer representative": "representative"},
)
"""
The roles of Microsoft's customer portal, and machines. Buyers see what they ordered themselves,
representatives everything of their accounts, and they alone what these owe and return, which names
no person. The web roles are those of the same template.
"""
