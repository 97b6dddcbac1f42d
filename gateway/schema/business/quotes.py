"""Quotes and their lines, which dual-write keeps in step with the ERP's sales quotations."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.kinds import OptionSet, option, unknown
from gateway.model.rules import in_states, owned
from gateway.model.tables import (
    Node,
    column,
    column_of,
    computed,
    link,
    lookup,
    paths,
    table,
)
from gateway.schema.business.accounts import Account, Contact
from gateway.schema.business.catalog import Product
from gateway.schema.business.values import Money, money
from gateway.upstream.names import lookup_value


@strawberry.enum(description="The state of a quote.")
class QuoteState(OptionSet):
    """`quote.statecode`; a seller activates a draft once it is ready to be sent."""

    DRAFT = option(0, "Being prepared by the seller, who alone sees it.")
    ACTIVE = option(1, "Offered to the customer.")
    WON = option(2, "Accepted by the customer.")
    CLOSED = option(3, "Lost, canceled or replaced by a revision.")
    UNKNOWN = unknown()


OFFERED_TO = {
    "account": lookup_value("customerid"),
    "party": lookup_value("msdyn_associatedcontact"),
}
"""The customer: the account, and the person by the newer model of contacts, the only one here."""
STATE = "statecode"
SENT = (1, 2, 3)
"""The states that customers see: a draft is not theirs yet."""


@table(
    "quote",
    key="quoteid",
    rows=in_states(owned(**OFFERED_TO), state=STATE, states=SENT),
    needs="quotes",
    order="-created_at",
    root=("quote", "quotes"),
)
class Quote(Node):
    """A quote to a customer account. Prices of an order are those of its day, not of a quote."""

    number: str | None = column(
        "msdyn_quotenumber", "The number of the quote, the same in Dataverse and the ERP."
    )
    name: str | None = column("name", "The name of the quote.")
    state: QuoteState | None = column(STATE, "The state of the quote.")
    created_at: datetime | None = column("createdon", "The time at which the quote was made.")
    valid_until: date | None = column(
        "msdyn_salesquotationexpirydate", "The last day on which the seller stands by the quote."
    )
    customer_reference: str | None = column(
        "msdyn_customersreference", "The customer's own reference."
    )
    total: Money | None = money("totalamount", "The total with tax.")
    tax: Money | None = money("totaltax", "The tax in the total.")
    discount: Money | None = money("discountamount", "The discount on the whole quote.")
    freight: Money | None = money("freightamount", "The charges on the quote.")
    account: Account | None = link(
        "customerid",
        "The account that the quote is for.",
        back="quotes",
        back_doc="The quotes to the account, newest first.",
        polymorphic=True,
        inside="up",
    )
    contact: Contact | None = link(
        {f"msdyn_associatedcontact/{lookup_value('msdyn_contactid')}": ""},
        "The person whom the quote is for.",
    )
    _id: UUID = column("quoteid", "The key.")
    _company_id: UUID | None = lookup("msdyn_company", "The legal entity.")
    _currency_id: UUID | None = lookup("transactioncurrencyid", "The currency.")
    _price_list_id: UUID | None = lookup("pricelevelid", "The price list.")
    _version: int = column("versionnumber", "The version.")
    _discount_percentage: Decimal | None = column(
        "discountpercentage", "The discount on the whole quote, where it is a part of it."
    )

    @computed(
        "quoteid",
        "versionnumber",
        doc="The version of the quote with all its lines; whoever accepts it names it.",
        loads=("QuoteLine",),
    )
    async def version(self, loaders: Loaders) -> str | None:
        lines = await lines_of(loaders, self._id, VERSIONED)
        return version_with(self._version, lines)


@table(
    "quotedetail",
    key="quotedetailid",
    rows=in_states(owned(**OFFERED_TO, through="quoteid"), state=f"quoteid/{STATE}", states=SENT),
    needs="quotes",
    order="sequence",
    root=("quoteLine", "quoteLines"),
)
class QuoteLine(Node):
    """A line of a quote: the price of a quantity of one product."""

    sequence: int | None = column("sequencenumber", "The place of the line in its quote.")
    description: str | None = column("description", "The name of the product.")
    quantity: Decimal | None = column("quantity", "The quantity that is offered.")
    unit: str | None = column("uomid/msdyn_symbol", "The unit of the quantity.")
    unit_price: Money | None = money("priceperunit", "The price of one unit.")
    discount: Money | None = money("manualdiscountamount", "The discount on the line.")
    tax: Money | None = money("tax", "The tax on the line.")
    amount: Money | None = money("extendedamount", "The amount of the line.")
    quote: Quote | None = link(
        "quoteid",
        "The quote that the line belongs to.",
        back="lines",
        back_doc="The lines of the quote.",
        inside="both",
    )
    product: Product | None = link("productid", "The product that is offered.", inside="up")
    _id: UUID = column("quotedetailid", "The key.")
    _unit_id: UUID | None = lookup("uomid", "The unit.")
    _product_id: UUID | None = lookup("productid", "The product.")
    _version: int = column("versionnumber", "The version.")


VERSIONED = paths(QuoteLine, "_version")
"""The columns of lines that the version of their quote is made of."""


async def lines_of(loaders: Loaders, quote: UUID, select: frozenset[str]) -> list[QuoteLine]:
    return await loaders.matching(QuoteLine, {column_of(QuoteLine, "quote"): quote}, select)


def version_with(header: int, lines: Sequence[QuoteLine]) -> str:
    """
    The version of a quote with its lines, as the seller may change a line and not the header.

    Versions of an organization only grow: a line that is changed or added has the last one, and one
    that is removed is missing in the count.
    """
    return f"{header}.{max((line._version for line in lines), default=0)}.{len(lines)}"
