"""Roles -> permissions: what each role may do, and how far. Additive; deny by default."""

from collections.abc import Iterable, Mapping

from gateway.auth.principal import Access

READS = ("account", "contacts", "orders", "shipments", "invoices", "catalog", "prices")

ROLES: Mapping[str, Mapping[str, Access]] = {
    "buyer": dict.fromkeys((*READS, "orders:create"), Access.ACCOUNT),
    "representative": dict.fromkeys((*READS, "orders:create"), Access.ACCOUNT),
    "administrator": dict.fromkeys(READS, Access.ALL),
    "partner": dict.fromkeys((*READS, "orders:create"), Access.ACCOUNT),
}

STAFF_ROLE = "administrator"
PARTNER_ROLE = "partner"
CUSTOMER_ROLES = frozenset(ROLES) - {STAFF_ROLE, PARTNER_ROLE}
"""What a customer's token may name. The other two are given by configuration, never by a claim."""

_WIDTH = {Access.OWN: 0, Access.ACCOUNT: 1, Access.ALL: 2}


def grants(roles: Iterable[str]) -> dict[str, Access]:
    """The union of what `roles` grant; the widest access wins. Unknown roles grant nothing."""
    union: dict[str, Access] = {}
    for role in roles:
        for permission, access in ROLES.get(role, {}).items():
            held = union.get(permission)
            if held is None or _WIDTH[access] > _WIDTH[held]:
                union[permission] = access
    return union
