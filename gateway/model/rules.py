"""
Row rules: principal -> the condition that every row of a table must meet for this caller.

The reader ANDs the condition into the request and checks it again on what comes back.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.auth.principal import Access, Principal
from gateway.upstream.conditions import (
    EVERYTHING,
    NOTHING,
    Code,
    Compare,
    Condition,
    both,
    either,
    keyed,
    one_of,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """The rows of a table a caller sees."""

    condition: Callable[[Principal, Access], Condition]
    columns: tuple[str, ...] = ()
    """The columns and paths that the condition may compare."""
    linked_only: bool = False
    """Rows are visible only through a row that the caller sees, never by themselves."""
    by_account: bool = False
    """True if the rows belong to accounts, so that a caller of several may choose one."""
    linked: Callable[[Principal, Access], Condition] | None = None
    """The condition on a row that a row of the caller's points at, where that is less."""
    knows_contacts: bool = True
    """True if the access OWN has a meaning: the rows name contacts, or nobody at all."""


def owned(*, account: str, contact: str = "", party: str = "", through: str = "") -> Rule:
    """
    Rows of the caller's accounts; `account` is a lookup column or a path to one.

    With the access OWN the row must also name the caller: in the lookup `contact`, or in `party`,
    which newer environments use instead and which leads to `msdyn_contactforparties`. A table with
    neither shows nothing to OWN. `through` is the lookup to the parent that has these columns.
    """
    at = f"{through}/" if through else ""

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        accounts = principal.accounts_within(access)
        mine = one_of(at + account, (held.id for held in accounts))
        if access is not Access.OWN:
            return mine
        return both(mine, _names(principal, contact and at + contact, party and at + party))

    compared = tuple(at + each for each in (account, contact, party) if each)
    return Rule(condition, compared, by_account=True, knows_contacts=bool(contact or party))


def any_of(*rules: Rule) -> Rule:
    """Rows that one of these rules lets the caller see."""

    def condition(principal: Principal, access: Access) -> Condition:
        return either(*(rule.condition(principal, access) for rule in rules))

    return Rule(
        condition,
        tuple(column for rule in rules for column in rule.columns),
        by_account=all(rule.by_account for rule in rules),
        knows_contacts=any(rule.knows_contacts for rule in rules),
    )


def people(*, contact: str, account: str) -> Rule:
    """The caller's own contact, always; with more than OWN those of the caller's accounts too."""

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        own = _names(principal, contact, "")
        if access is Access.OWN:
            return own
        return either(own, one_of(account, (a.id for a in principal.accounts_within(access))))

    return Rule(condition, (contact, account), by_account=True)


def owned_by_number(*, company: str, account: str) -> Rule:
    """
    Rows of the caller's accounts in F&O, which knows them by legal entity and account number.

    It does not know contacts, so OWN shows nothing; PARENT leads to the rows of one's own orders.
    """

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        accounts = () if access is Access.OWN else principal.accounts_within(access)
        keys = [(Code(a.company), a.number) for a in accounts if a.company and a.number]
        return keyed((company, account), keys) if keys else NOTHING

    return Rule(condition, (company, account), by_account=True, knows_contacts=False)


def in_companies(company: str) -> Rule:
    """Rows of the legal entities in which the caller has an account."""

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        return one_of(company, map(Code, sorted(principal.companies_within(access))))

    return Rule(condition, (company,))


def released_in(company: str, *, lookup: str, state: str, states: tuple[int, ...]) -> Rule:
    """
    Rows that one of the caller's legal entities has released, or that belong to none of them, in
    one of these states.

    `company` is the path to the entity's code, `lookup` the lookup that leads there. What a row of
    the caller's points at is the caller's to see in these states, whoever released it.
    """

    def linked(principal: Principal, access: Access) -> Condition:
        return EVERYTHING if access is Access.ALL else one_of(state, states)

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        mine = one_of(company, map(Code, sorted(principal.companies_within(access))))
        return both(either(mine, Compare(lookup, "eq", None)), linked(principal, access))

    return Rule(condition, (company, lookup, state), linked=linked)


def in_price_lists(price_list: str) -> Rule:
    """Rows of the caller's price lists."""

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        return one_of(price_list, sorted(principal.price_lists))

    return Rule(condition, (price_list,))


everyone = Rule(lambda principal, access: EVERYTHING)
"""Reference data: every caller with the permission sees every row."""

nobody = Rule(lambda principal, access: NOTHING)
"""Rows that no caller sees: those by which the gateway itself tells who somebody is."""

with_parent = Rule(lambda principal, access: EVERYTHING, linked_only=True)
"""Rows without an owner of their own: visible exactly with the row that links to them."""


def _names(principal: Principal, contact: str, party: str) -> Condition:
    """The row names the caller's contact in one of the columns that the table has."""
    person = principal.contact
    if person is None:
        return NOTHING
    by_contact = one_of(contact, [person.id]) if contact else NOTHING
    return either(by_contact, one_of(party, person.parties) if party else NOTHING)
