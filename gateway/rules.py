"""
Row rules: principal -> the condition that every row of a table must meet for this caller.

The reader ANDs the condition into the request and checks it again on what comes back.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.auth.principal import Access, Principal
from gateway.upstream.odata import EVERYTHING, NOTHING, Condition, both, keyed, one_of


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows of a table a caller sees."""

    condition: Callable[[Principal, Access], Condition]
    linked_only: bool = False
    """Rows are visible only through a row that the caller sees, never by themselves."""


def owned(*, account: str, contact: str | None = None) -> Rule:
    """
    Rows of the caller's accounts. `account` and `contact` are lookup columns or paths to them.

    With the access OWN the row must also name the caller's contact, where the table has one.
    """

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        mine = one_of(account, (held.id for held in principal.accounts))
        if access is not Access.OWN or contact is None:
            return mine
        person = principal.contact
        return both(mine, one_of(contact, [person.id] if person else []))

    return Rule(condition)


def owned_by_number(*, company: str, account: str) -> Rule:
    """Rows of the caller's accounts in F&O, which knows them by legal entity and account number."""

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        keys = [(a.company, a.number) for a in principal.accounts if a.company and a.number]
        return keyed((company, account), keys) if keys else NOTHING

    return Rule(condition)


def in_companies(company: str) -> Rule:
    """Rows of the legal entities in which the caller has an account."""

    def condition(principal: Principal, access: Access) -> Condition:
        return EVERYTHING if access is Access.ALL else one_of(company, sorted(principal.companies))

    return Rule(condition)


def in_price_lists(price_list: str) -> Rule:
    """Rows of the caller's price lists."""

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        return one_of(price_list, sorted(principal.price_lists))

    return Rule(condition)


everyone = Rule(lambda principal, access: EVERYTHING)
"""Reference data: every caller with the permission sees every row."""

with_parent = Rule(lambda principal, access: EVERYTHING, linked_only=True)
"""Rows without an owner of their own: visible exactly with the row that links to them."""
