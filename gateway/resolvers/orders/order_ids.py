"""
The ids of what a mutation makes, derived from its idempotency key: the same key makes the same row.
"""

from uuid import UUID, uuid5

import msgspec

from gateway.auth.principal import Principal

NAMESPACE = UUID("5e1b0b0e-6a0c-5f0e-9f0a-6f2d0c1e7a11")
"""Namespace of the ids that are derived from idempotency keys. Never changed."""


def derived_id(principal: Principal, account: UUID, operation: str, key: str) -> UUID:
    """The one id that this key of this caller can make for this account and operation."""
    said = [*_caller(principal), str(account), operation, key]
    return uuid5(NAMESPACE, msgspec.json.encode(said).decode())


def shared_id(account: UUID, operation: str, key: str) -> UUID:
    """The one id that this key can make for this account and operation, whoever sends it."""
    said = ["account", str(account), operation, key]
    return uuid5(NAMESPACE, msgspec.json.encode(said).decode())


def accepting_id(quote: UUID) -> UUID:
    """The id of the one order that can come of a quote, whoever accepts it."""
    return uuid5(NAMESPACE, msgspec.json.encode(["quote", str(quote)]).decode())


def _caller(principal: Principal) -> tuple[str, ...]:
    """
    The caller as the owner of idempotency keys: a person, however signed in, or a machine by the
    name its issuer gives it.
    """
    if principal.contact is not None:
        return ("contact", str(principal.contact.id))
    return (principal.kind.value, principal.issuer, principal.subject)


def line_id(identity: UUID, number: int) -> UUID:
    """The id of the line `number`, counted from 1, of what `identity` stands for."""
    return uuid5(identity, str(number))
