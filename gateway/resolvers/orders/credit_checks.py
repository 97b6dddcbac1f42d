"""Credit checks of an account: its hold and its mandatory credit limit. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from gateway.auth.principal import Access, Principal
from gateway.resolvers.orders.deal import Currency, Deal
from gateway.resolvers.orders.user_errors import AccountOnHold, CreditLimitExceeded, Errors
from gateway.schema.business.values import Money

WHOLE_ACCOUNT = frozenset({Access.ACCOUNT, Access.ACCOUNT_AND_CHILDREN, Access.ALL})
"""The reaches with which one sees all orders of an account."""


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """The standing of an account."""

    id: UUID
    on_hold: bool
    limit: Decimal | None
    """The credit limit, in the account's currency; None where it is not mandatory."""
    currency: Currency | None


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in a currency, and what it comes to in the organization's own."""

    amount: Decimal
    currency: UUID | None
    base: Decimal | None
    rate: Decimal | None
    """The amount of the currency that is one unit of the organization's own; for want of a base."""

    def within(self, account: AccountStanding) -> Decimal | None:
        """The amount in the account's currency; None where nothing says what it comes to there."""
        theirs = account.currency.id if account.currency else None
        if not self.amount or self.currency == theirs:
            return self.amount
        base = self.base if self.base is not None else self._by_rate()
        rate = account.currency.rate if account.currency else Decimal(1)
        return None if base is None or rate is None else base * rate

    def _by_rate(self) -> Decimal | None:
        if self.currency is None:
            return self.amount
        return self.amount / self.rate if self.rate else None


def held(account: AccountStanding) -> Errors:
    """The mistake where the seller has stopped all business with the account."""
    said = "The account is on hold; ask the seller."
    return [AccountOnHold(message=said, path=["input"])] if account.on_hold else []


def exceeded(
    account: AccountStanding,
    deal: Deal,
    ordered: Iterable[Amount],
    growth: Decimal,
    caller: Principal,
) -> Errors:
    """The mistake where open orders and `growth` exceed a mandatory credit limit."""
    if account.limit is None:
        return []
    theirs = (deal.currency.id, None, deal.currency.rate) if deal.currency else (None, None, None)
    more = Amount(growth, *theirs)
    sums = [each.within(account) for each in (more, *ordered)]
    told = [each for each in sums if each is not None]
    # What cannot be compared might be any amount.
    if len(told) == len(sums) and sum(told, Decimal()) <= account.limit:
        return []
    before = sum((each for each in sums[1:] if each is not None), Decimal())
    return [_exceeded(account, account.limit, before, caller)]


def _exceeded(
    account: AccountStanding, limit: Decimal, ordered: Decimal, caller: Principal
) -> CreditLimitExceeded:
    """The error, with no figure that the caller could not read elsewhere."""
    code = account.currency.code if account.currency else None
    total = account.currency.rounded(ordered) if account.currency else ordered
    return CreditLimitExceeded(
        message="This order and the open orders exceed the credit limit; ask the seller.",
        path=["input"],
        limit=Money(amount=limit, currency=code) if _sees_limit(caller) else None,
        ordered=Money(amount=total, currency=code) if _sees_orders(caller) else None,
    )


def _sees_limit(caller: Principal) -> bool:
    return caller.may("account") and not caller.hides("Account", "creditLimit")


def _sees_orders(caller: Principal) -> bool:
    hidden = {"SalesOrder.total", "SalesOrder.account", "SalesOrder.status"} & caller.rights.hidden
    return not hidden and caller.access("orders") in WHOLE_ACCOUNT
