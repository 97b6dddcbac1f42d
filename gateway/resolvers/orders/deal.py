"""The terms of an order: who sells to whom, by which prices, in which currency."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from gateway.auth.principal import Terms
from gateway.schema.business.values import Money


@dataclass(frozen=True, slots=True)
class Currency:
    """The currency of an order."""

    id: UUID
    code: str | None
    decimals: int
    rate: Decimal | None
    """The amount of it that is one unit of the organization's own currency, for this order."""

    def rounded(self, amount: Decimal) -> Decimal:
        """As the ERP rounds: to the decimals of the currency, halves away from zero."""
        return amount.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Deal:
    """The seller, the buyer and the terms. The order decides them, whoever adds to the order."""

    account: UUID
    number: str | None
    """The number of the account in the ERP."""
    company: str | None
    price_list: UUID | None
    currency: Currency | None

    @property
    def terms(self) -> Terms | None:
        """The terms that decide its prices; None where it has no price list or no currency."""
        if self.price_list is None or self.currency is None:
            return None
        return Terms(self.price_list, self.currency.id)

    def amount(self, quantity: Decimal, price: Money | None) -> Decimal:
        """The amount of a quantity; 0 without a price."""
        if price is None or self.currency is None:
            return Decimal()
        return self.currency.rounded(quantity * price.amount)
