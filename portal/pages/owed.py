"""The debts of all the caller's accounts, by currency: for the overview and the invoices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portal.figures import money
from portal.visits import Visit

Money = Mapping[str, str | None]


@dataclass(slots=True)
class Owed:
    """The debts in one currency."""

    currency: str
    total: Decimal = Decimal(0)
    late: Decimal = Decimal(0)
    items: list[Mapping[str, Any]] = field(default_factory=list)
    """Open items, longest overdue first."""

    @property
    def open(self) -> Money:
        return money(self.total, self.currency)

    @property
    def overdue(self) -> Money | None:
        return money(self.late, self.currency) if self.late else None


def owes(visit: Visit) -> bool:
    """True if the page can say what is owed; staff look after too many accounts to add them up."""
    is_staff = visit.viewer["viewer"]["kind"] == "staff"
    return visit.may("balance:read") and visit.has("Account.balance") and not is_staff


def owed(found: Mapping[str, Any] | None) -> Sequence[Owed]:
    """The balances of a list of accounts, added up by currency; none where some are not there."""
    if found is None or found["totalCount"] > len(found["nodes"]):
        return ()
    balances = [each for account in found["nodes"] for each in account["balance"] or ()]
    sums: dict[str, Owed] = {}
    for each in balances:
        one = sums.setdefault(each["currency"], Owed(each["currency"]))
        one.total += Decimal(each["open"]["amount"])
        one.late += Decimal(each["overdue"]["amount"])
        one.items += each.get("items", ())
    for one in sums.values():
        one.items.sort(key=lambda item: -item["daysOverdue"])
    return [*sums.values()]
