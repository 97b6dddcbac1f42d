"""
Row rules: principal -> the condition that every row of a table must meet for this caller.

The reader ANDs the condition into the request and checks it again on what comes back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

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
    """
    A row rule: the condition that a row must meet for a caller to see it.

    Make one with `owned`, `people`, `owned_by_number`, `in_companies`, `in_price_lists` and
    `any_of`, or use `everyone` or `with_parent`; pass it to `table` as `rows`.

    Example:

        MINE: Rule = any_of(
            owned(account=lookup_value("acme_accountid")),
            owned(account=lookup_value("acme_resellerid")),
        )
    """

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
    """True if the access OWN has a meaning: the rows name contacts, or have no owner at all."""


def owned(*, account: str, contact: str = "", party: str = "", through: str = "") -> Rule:
    """
    The rule for rows of the caller's accounts.

    `account` is the column of a lookup to the account (`lookup_value`), or a path to one. With the
    access `own` the row must also name the caller: in the column `contact`, or in `party`, a lookup
    to `msdyn_contactforparties`, which newer environments use instead. Without both columns, the
    access `own` shows no rows. `through` is the lookup to a parent row that has these columns.

    Example:

        VISITS = owned(
            account=lookup_value("acme_accountid"), contact=lookup_value("acme_contactid")
        )
        PARTS_OF_VISITS = owned(account=lookup_value("acme_accountid"), through="acme_visitid")
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
    """
    The rule for rows that meet at least one of the rules; TypeError for anything but rules.

    Example:

        OWNER_OR_USER = any_of(
            owned(account=lookup_value("acme_ownerid")), owned(account=lookup_value("acme_userid"))
        )
    """
    if not rules or not all(isinstance(each, Rule) for each in rules):
        raise TypeError("any_of() takes rules, as `owned(...)` makes them")

    def condition(principal: Principal, access: Access) -> Condition:
        return either(*(rule.condition(principal, access) for rule in rules))

    return Rule(
        condition,
        tuple(column for rule in rules for column in rule.columns),
        by_account=all(rule.by_account for rule in rules),
        knows_contacts=any(rule.knows_contacts for rule in rules),
    )


def in_states(rule: Rule, *, state: str, states: tuple[int, ...]) -> Rule:
    """
    Rows that meet the rule and are in one of these states; the access `all` shows every state.

    `state` is the column of the state, or the path to it.
    """

    def condition(principal: Principal, access: Access) -> Condition:
        found = rule.condition(principal, access)
        return found if access is Access.ALL else both(found, one_of(state, states))

    return replace(rule, condition=condition, columns=(*rule.columns, state))


def marked(rule: Rule, *, column: str, value: int) -> Rule:
    """
    Rows that meet the rule and have this value in `column`, or at the end of that path, whoever
    asks.
    """

    def condition(principal: Principal, access: Access) -> Condition:
        return both(rule.condition(principal, access), Compare(column, "eq", value))

    return replace(rule, condition=condition, columns=(*rule.columns, column))


def people(*, contact: str, account: str) -> Rule:
    """
    The rule for rows about people: the caller's own, and with more than `own` the accounts' too.

    `contact` is the column with the person's contact, `account` the one with the person's account.

    Example:

        CERTIFICATES = people(
            contact=lookup_value("acme_contactid"), account=lookup_value("acme_accountid")
        )
    """

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
    The rule for rows of F&O that belong to the caller's accounts, by legal entity and number.

    `company` is the column with the legal entity, `account` the one with the account number. F&O
    does not know contacts, so the access `own` shows no rows; use the access `parent` for rows that
    belong to the caller's own orders.

    Example:

        CLAIMS = owned_by_number(company="dataAreaId", account="CustomerAccountNumber")
    """

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        accounts = () if access is Access.OWN else principal.accounts_within(access)
        keys = [(Code(a.company), a.number) for a in accounts if a.company and a.number]
        return keyed((company, account), keys) if keys else NOTHING

    return Rule(condition, (company, account), by_account=True, knows_contacts=False)


def in_companies(company: str) -> Rule:
    """
    The rule for rows of the legal entities in which the caller has an account.

    `company` is the column or path with the code of the legal entity.

    Example:

        WAREHOUSES = in_companies("dataAreaId")
    """

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
    """
    The rule for rows of the caller's price lists; `price_list` is the column of that lookup.

    Example:

        OFFERS = in_price_lists(lookup_value("acme_pricelevelid"))
    """

    def condition(principal: Principal, access: Access) -> Condition:
        if access is Access.ALL:
            return EVERYTHING
        return one_of(price_list, sorted(principal.price_lists))

    return Rule(condition, (price_list,))


everyone = Rule(lambda principal, access: EVERYTHING)
"""Reference data: every caller with the permission sees every row."""

nobody = Rule(lambda principal, access: NOTHING)
"""The rule for rows that no caller sees: the gateway itself reads them to identify callers."""

with_parent = Rule(lambda principal, access: EVERYTHING, linked_only=True)
"""Rows without an owner of their own: visible exactly with the row that links to them."""


def _names(principal: Principal, contact: str, party: str) -> Condition:
    """The row names the caller's contact in one of the columns that the table has."""
    person = principal.contact
    if person is None:
        return NOTHING
    by_contact = one_of(contact, [person.id]) if contact else NOTHING
    return either(by_contact, one_of(party, person.parties) if party else NOTHING)
