"""
Refusals of Dynamics or the ERP -> messages of the gateway, because theirs may quote other people's
rows.
"""

import re

from gateway.errors import UpstreamRefused
from gateway.resolvers.orders.user_errors import OrderRefused

KNOWN = (
    (r"missing \w+ privilege|permission for the secured", "The gateway lacks a right to do this."),
    (r"connection attempt failed|did not properly respond|timed? ?out", "The ERP does not answer."),
    (r"dimension \w+ is mandatory", "The ERP lacks a site or warehouse for a line."),
    (r"credit limit", "The ERP refused the order because of the credit limit."),
    (r"on hold|blocked|stopped", "The customer or a product is on hold in the ERP."),
    (
        r"status .*(cannot|not allowed)|cannot be cancel",
        "The order can no longer be changed in the ERP.",
    ),
    (r"period|number sequence", "The ERP does not accept orders at present."),
    (r"DualWrite|Integrator", "The ERP refused the order."),
)
"""Patterns of refusals, and the words that callers read for them; the first that fits counts."""


def refusal(error: UpstreamRefused) -> OrderRefused:
    said = next(
        (ours for theirs, ours in KNOWN if re.search(theirs, error.words, re.IGNORECASE)),
        "Dynamics refused the order.",
    )
    return OrderRefused(
        message=f"{said} Nothing was written.", path=["input"], reason=str(error.details["reason"])
    )
