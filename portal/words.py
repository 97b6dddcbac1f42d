"""The gateway's enumerations -> words for people and the tone of their badge. Pure.

`N_` marks what the catalogues translate; templates translate it when they show it.
"""

from collections.abc import Mapping
from typing import Final

Words = Mapping[str, tuple[str, str]]


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for a marker
    return message


ORDER: Final[Words] = {
    "RECEIVED": (N_("Received"), "open"),
    "ACTIVE": (N_("Open"), "open"),
    "CONFIRMED": (N_("Confirmed"), "busy"),
    "PICKED": (N_("Being picked"), "busy"),
    "PARTIALLY_DELIVERED": (N_("Partly delivered"), "busy"),
    "DELIVERED": (N_("Delivered"), "good"),
    "PARTIALLY_INVOICED": (N_("Partly invoiced"), "good"),
    "DELIVERED_AND_PARTIALLY_INVOICED": (N_("Delivered, partly invoiced"), "good"),
    "INVOICED": (N_("Invoiced"), "done"),
    "CANCELED": (N_("Cancelled"), "bad"),
    "UNKNOWN": (N_("Unknown"), "done"),
}
LINE: Final[Words] = {
    "RECEIVED": (N_("Received"), "open"),
    "NONE": (N_("Open"), "open"),
    "BACKORDER": (N_("To be delivered"), "open"),
    "DELIVERED": (N_("Delivered"), "good"),
    "INVOICED": (N_("Invoiced"), "done"),
    "CANCELED": (N_("Cancelled"), "bad"),
    "UNKNOWN": (N_("Unknown"), "done"),
}
INVOICE: Final[Words] = {
    "ACTIVE": (N_("Issued"), "busy"),
    "CLOSED": (N_("Closed"), "done"),
    "PAID": (N_("Paid"), "good"),
    "CANCELED": (N_("Cancelled"), "bad"),
    "UNKNOWN": (N_("Unknown"), "done"),
}
QUOTE: Final[Words] = {
    "DRAFT": (N_("Draft"), "open"),
    "ACTIVE": (N_("Offered"), "busy"),
    "WON": (N_("Accepted"), "good"),
    "CLOSED": (N_("Closed"), "done"),
    "UNKNOWN": (N_("Unknown"), "done"),
}
RETURN: Final[Words] = {
    "NONE": (N_("New"), "open"),
    "CREATED": (N_("Waiting for the goods"), "open"),
    "OPEN": (N_("In process"), "busy"),
    "CLOSED": (N_("Closed"), "done"),
    "CANCELED": (N_("Cancelled"), "bad"),
    "UNKNOWN": (N_("Unknown"), "done"),
}
RETURN_LINE: Final[Words] = {
    "NONE": (N_("New"), "open"),
    "AWAITING": (N_("Expected"), "open"),
    "REGISTERED": (N_("Arrived"), "busy"),
    "QUARANTINE": (N_("Being inspected"), "busy"),
    "RECEIVED": (N_("Received"), "good"),
    "INVOICED": (N_("Settled"), "done"),
    "CANCELED": (N_("Cancelled"), "bad"),
    "UNKNOWN": (N_("Unknown"), "done"),
}
PAYMENT: Final[Words] = {
    "OPEN": (N_("Unpaid"), "open"),
    "PARTLY_PAID": (N_("Partly paid"), "busy"),
    "PAID": (N_("Paid"), "good"),
    "OVERDUE": (N_("Overdue"), "bad"),
    "UNKNOWN": (N_("Unknown"), "done"),
}
TRANSACTION: Final[Words] = {
    "INVOICE": (N_("Invoice"), "open"),
    "CREDIT_NOTE": (N_("Credit note"), "good"),
    "PAYMENT": (N_("Payment"), "good"),
    "UNKNOWN": (N_("Other"), "done"),
}
HOLD: Final[Words] = {
    "NONE": (N_("No hold"), "good"),
    "NEVER": (N_("No hold"), "good"),
    "INVOICE": (N_("Invoicing is on hold"), "bad"),
    "ALL": (N_("Everything is on hold"), "bad"),
    "PAYMENT": (N_("Payments are on hold"), "bad"),
    "REQUISITION": (N_("Requisitions are on hold"), "bad"),
    "UNKNOWN": (N_("Unknown"), "done"),
}
PURPOSE: Final[Words] = {
    "SHIP_TO": (N_("Delivery address"), "open"),
    "PRIMARY": (N_("Main address"), "open"),
    "BILL_TO": (N_("Invoice address"), "open"),
    "OTHER": (N_("Address of the account"), "open"),
    "UNKNOWN": (N_("Address of the account"), "open"),
}
ROLES: Final[Mapping[str, str]] = {
    "buyer": N_("Buyer: sees and places their own orders"),
    "representative": N_("Representative: sees and places all orders of the account"),
    "administrator": N_("Staff of the seller"),
    "partner": N_("Customer's system"),
}
STEPS: Final[Mapping[str, str]] = {
    "BASE": N_("List price"),
    "AGREEMENT": N_("Agreed price"),
    "SALES_AGREEMENT": N_("Price by your sales agreement"),
    "ADJUSTMENT": N_("Adjusted price"),
    "DISCOUNT": N_("Discount"),
}
"""The steps that led to a price."""
SOLD: Final = ("ACTIVE", "UNDER_REVISION")
"""The states of products that can be ordered; the gateway has the last word."""
CHANGEABLE: Final = (None, "ACTIVE", "CONFIRMED")
"""The statuses of orders that their buyers may still change; the gateway has the last word."""
LINE_OPEN: Final = (None, "NONE", "BACKORDER")
"""The statuses of lines that may still be changed."""
OPEN: Final = ("ACTIVE", "CONFIRMED", "PICKED", "PARTIALLY_DELIVERED")
"""The statuses of orders that something is still to be delivered of."""
SHIPPED: Final = (
    "PARTIALLY_DELIVERED",
    "DELIVERED",
    "PARTIALLY_INVOICED",
    "DELIVERED_AND_PARTIALLY_INVOICED",
    "INVOICED",
)
KINDS: Final[Mapping[str, Words]] = {
    "order": ORDER,
    "line": LINE,
    "invoice": INVOICE,
    "quote": QUOTE,
    "return": RETURN,
    "return line": RETURN_LINE,
    "payment": PAYMENT,
    "transaction": TRANSACTION,
    "hold": HOLD,
}


def words_for(kind: str, value: str | None) -> tuple[str, str]:
    """The ERP has not said anything of what has no status yet."""
    return KINDS[kind].get(value or "RECEIVED", KINDS[kind]["UNKNOWN"])
