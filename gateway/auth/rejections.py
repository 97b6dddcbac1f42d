"""
The reasons for rejecting a caller. They go to the log only; every rejected caller gets the same
answer.
"""

from enum import StrEnum


class Reason(StrEnum):
    """The reason in the log for refusing a caller."""

    ABSENT = "no bearer token"
    TOO_LONG = "the token is too long"
    MALFORMED = "not a signed compact JWT"
    HEADER = "a header member that is not accepted"
    ALGORITHM = "the algorithm is not one of the issuer's"
    ISSUER = "not a configured issuer"
    KEY = "the issuer has no such key"
    SIGNATURE = "the signature is wrong"
    PURPOSE = "not an access token for this gateway"
    AUDIENCE = "meant for somebody else"
    TIME = "expired, or not valid yet"
    CLAIM = "a claim is missing or unusable"
    NO_CONTACT = "no contact belongs to the token"
    AMBIGUOUS = "more than one contact could be meant"
    INACTIVE = "the contact is deactivated"
    BOUND = "the contact has another identity at this provider"
    FOREIGN = "the issuer may not vouch for the caller's accounts"
    NO_ACCOUNT = "the caller has no active account"


class Rejected(Exception):
    """The caller is rejected; carries the reason, never a part of the token."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
