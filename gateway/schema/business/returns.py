"""
Return orders and their lines, read from the ERP.

Names and types are those of F&O's metadata. Neither the original order nor the sign of a quantity
or of an amount is documented: there is no link to an order that was returned, and numbers are as
the ERP has them. The cost of what comes back is never read.
"""

from datetime import date
from decimal import Decimal
from typing import Final

import strawberry

from gateway.model.kinds import OptionSet, option, unknown
from gateway.model.rules import owned_by_number, with_parent
from gateway.model.tables import Node, Row, column, group, link, table
from gateway.schema.business.accounts import Account
from gateway.schema.business.catalog import COMPANY, Product
from gateway.schema.business.sales import SalesOrder
from gateway.schema.business.values import Address, Money

_SELLER: Final = "msdyn_company/cdm_companycode"
_RETURN: Final = {"dataAreaId": "dataAreaId", "ReturnOrderNumber": "ReturnOrderNumber"}


@strawberry.enum(description="The progress of a return.")
class ReturnStatus(OptionSet):
    """The members of F&O's `ReturnStatusHeader`."""

    NONE = option("None", description="None yet.")
    CREATED = option("Created", description="Made; the ERP does not yet list it among its orders.")
    OPEN = option("Open", description="In process.")
    CLOSED = option("Closed", description="Closed.")
    CANCELED = option("Canceled", description="Canceled.")
    UNKNOWN = unknown()


@strawberry.enum(description="The progress of a line of a return.")
class ReturnLineStatus(OptionSet):
    """The members of F&O's `ReturnStatusLine`."""

    NONE = option("None", description="None yet.")
    AWAITING = option("Awaiting", description="The seller expects the goods.")
    REGISTERED = option("Registered", description="The goods have arrived.")
    QUARANTINE = option("Quarantine", description="The goods are inspected.")
    RECEIVED = option("Received", description="The receipt of the goods is posted.")
    INVOICED = option("Invoiced", description="Invoiced, as a credit where one was agreed.")
    CANCELED = option("Canceled", description="Canceled.")
    UNKNOWN = unknown()


@table(
    "ReturnOrderHeadersV2",
    service="finops",
    key={"dataAreaId": str, "ReturnOrderNumber": str},
    rows=owned_by_number(company="dataAreaId", account="CustomerAccountNumber"),
    needs="returns",
    order="-number",
    root=("returnOrder", "returns"),
)
class ReturnOrder(Node):
    """A return order: the seller's consent that a customer sends goods back, or is credited."""

    number: str | None = column("ReturnOrderNumber", "The number of the return order.")
    rma_number: str | None = column(
        "RMANumber", "The return material authorization, to be named on the parcel."
    )
    company: str | None = column("dataAreaId", "The code of the legal entity that sells.")
    customer_reference: str | None = column(
        "CustomersOrderReference", "The customer's own reference."
    )
    requisition_number: str | None = column(
        "CustomerRequisitionNumber", "The customer's requisition number."
    )
    status: ReturnStatus | None = column("ReturnStatus", "The progress of the return.")
    reason: str | None = column(
        "CustomerReturnReasonCode", "The seller's code for the customer's reason."
    )
    return_by: date | None = column("ReturnDeadline", "The last day on which goods can go back.")
    return_to: Address | None = group(
        Address,
        "The address to which the goods go back.",
        name="ReturnAddressName",
        street="ReturnAddressStreet",
        street_number="ReturnAddressStreetNumber",
        postal_code="ReturnAddressZipCode",
        city="ReturnAddressCity",
        state="ReturnAddressStateId",
        country="ReturnAddressCountryRegionId",
    )
    replacement_number: str | None = column(
        "ReplacementSalesOrderNumber", "The number of the order that replaces the goods."
    )
    currency: str | None = column("CurrencyCode", "The currency of the amounts.")
    total: Money | None = group(
        Money,
        "The total with tax, with the sign that the ERP gives it.",
        essential="amount",
        amount="OrderTotalAmount",
        currency="CurrencyCode",
    )
    account: Account | None = link(
        {"dataAreaId": _SELLER, "CustomerAccountNumber": "accountnumber"},
        "The account that returns the goods.",
        back="returns",
        back_doc="The returns of the account, highest number first.",
    )
    replacement: SalesOrder | None = link(
        {"dataAreaId": _SELLER, "ReplacementSalesOrderNumber": "msdyn_salesordernumber"},
        "The order that replaces the goods; null without one.",
    )


@table(
    "ReturnOrderLinesV2",
    service="finops",
    key={"dataAreaId": str, "ReturnOrderNumber": str, "ReturnInventoryLotId": str},
    rows=with_parent,
    needs="returns",
    order="sequence",
)
class ReturnOrderLine(Row):
    """A line of a return order: how much of one product goes back."""

    sequence: int | None = column(
        "LineCreationSequenceNumber", "The place of the line in its return."
    )
    item_number: str | None = column("ItemNumber", "The item number.")
    name: str | None = column("LineDescription", "The name of the item.")
    quantity: Decimal | None = column(
        "ReturnSalesQuantity", "The quantity to return, with the sign that the ERP gives it."
    )
    returned_quantity: Decimal | None = column(
        "ReturnedSalesQuantity", "The quantity that was returned, with the sign likewise."
    )
    unit: str | None = column("SalesUnitSymbol", "The unit of the quantities.")
    unit_price: Decimal | None = column(
        "SalesPrice", "The price of one unit, in the currency of the return."
    )
    amount: Decimal | None = column(
        "LineAmount", "The amount of the line in that currency, with the ERP's sign."
    )
    status: ReturnLineStatus | None = column("ReturnStatus", "The progress of the line.")
    expected_on: date | None = column(
        "ExpectedReturnArrivalDate", "The day on which the goods are expected."
    )
    arrived_on: date | None = column(
        "ActualReturnArrivalDate", "The day on which the goods arrived."
    )
    closed_on: date | None = column("ReturnClosedDate", "The day on which the line was closed.")
    return_order: ReturnOrder | None = link(
        _RETURN,
        "The return that the line belongs to.",
        back="lines",
        back_doc="The lines of the return.",
    )
    product: Product | None = link(
        {"dataAreaId": COMPANY, "ItemNumber": "msdyn_itemnumber"},
        "The product that goes back; null where it is one of several variants.",
    )
