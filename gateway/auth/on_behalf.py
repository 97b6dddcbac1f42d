"""A caller -> the account, caller and urgency of the calls to the services."""

import re
from typing import Final

from gateway.admission.errands import Errand, Lane
from gateway.auth.principal import Kind, Principal

PRIORITY: Final = b"priority"
"""The header by which a caller says how urgent a request is (RFC 9218)."""
CAN_WAIT: Final = re.compile(rb"(?:^|,)\s*u=[4-7]\s*(?:$|[,;])")
"""Urgencies below the usual one, which is 3."""
LANES: Final = {
    Kind.CUSTOMER: Lane.PEOPLE,
    Kind.PARTNER: Lane.PARTNERS,
    Kind.STAFF: Lane.STAFF,
}


def asker_of(principal: Principal) -> tuple[str, str]:
    """The issuer and subject of whoever asks: of staff who look with a customer's eyes, theirs."""
    asking = principal.viewer or principal
    return asking.issuer, asking.subject


def errand_of(principal: Principal, priority: bytes | None = None) -> Errand:
    """The errand of one request; staff who look with a customer's eyes ask as staff."""
    asking = principal.viewer or principal
    caller = asking.issuer, asking.subject
    account = asking.accounts[0].id if asking.accounts else caller
    if priority is not None and CAN_WAIT.search(priority):
        lane = Lane.EXPORTS
    else:
        lane = LANES[asking.kind]
    return Errand(lane, account, caller, asking.rights.quota)
