"""Errors that stop a page, one class for each thing that a person would do about it."""

from collections.abc import Mapping
from typing import Any

from portal.outcomes import Placed


class PortalError(Exception):
    """The page cannot be shown as it was asked for; `kind` picks the words."""

    status = 500
    kind = "defect"
    details: Mapping[str, Any] = {}
    """The members of the gateway's error, where that is the reason."""


class SignInNeeded(PortalError):
    """The page needs a signed-in visitor."""

    status = 401
    kind = "sign-in"


class Stranger(PortalError):
    """Signed in at the issuer just now, and yet the gateway does not know them as a customer."""

    status = 403
    kind = "stranger"


class Refused(PortalError):
    """Signed in, but this is not for them."""

    status = 403
    kind = "refused"


class NotInvited(Refused):
    """A person is not given access to the account; `details` has the reason."""


class Stale(PortalError):
    """A form without its token: from another site, or from before the session ended."""

    status = 403
    kind = "stale"


class NotFound(PortalError):
    """The thing does not exist, or the caller may not see it; the gateway does not tell which."""

    status = 404
    kind = "not-found"


class BadLink(PortalError):
    """The address asks for something that cannot be: a cursor of another list, say."""

    status = 400
    kind = "bad-link"


class TooLarge(PortalError):
    """A form or a file with more in it than any order needs."""

    status = 413
    kind = "too-large"


class Unavailable(PortalError):
    """The gateway or the issuer did not answer, or could not; trying again may help."""

    status = 503
    kind = "unavailable"


class Closed(PortalError):
    """The gateway writes nothing now, or does not know the document: nothing was ordered."""

    status = 503
    kind = "closed"


class Waiting(PortalError):
    """An order was sent, and until it is known what became of it nothing else is entered."""

    status = 303
    kind = "waiting"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Overtaken(PortalError):
    """The draft was changed since the form was shown; what was typed can be sent again."""

    status = 409
    kind = "overtaken"


class DraftEnded(PortalError):
    """The draft is not there any more; `placed` is the order that it became, if that is known."""

    status = 409

    def __init__(self, placed: Placed | None = None) -> None:
        super().__init__(placed)
        self.placed = placed


class Gone(DraftEnded):
    """The draft of the form was placed, or discarded."""

    kind = "gone"


class Unshared(DraftEnded):
    """The draft of a colleague is no longer shared: it was ordered, discarded or taken back."""

    kind = "unshared"
