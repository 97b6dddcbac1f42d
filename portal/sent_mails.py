"""The memory of mails that went out, so that a message that comes again is not written again."""

from collections import OrderedDict
from enum import Enum
from typing import Final, Protocol

REMEMBERED: Final = 100_000
"""Mails of which a process knows that they went out."""


class MailState(Enum):
    """The state of a mail before somebody begins to send it."""

    NEW = "new"
    UNDER_WAY = "under way"
    SENT = "sent"


class SentMails(Protocol):
    """The memory of one portal. Its methods raise `Unavailable` where it cannot be asked."""

    def begin(self, id_: str) -> MailState:
        """The state of a mail, which is under way from now on if it was new."""

    def end(self, id_: str, *, is_sent: bool) -> None:
        """It was sent, or may be begun again."""


class OwnSentMails:
    """The memory of one process."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, MailState] = OrderedDict()

    def begin(self, id_: str) -> MailState:
        if (found := self._states.get(id_)) is not None:
            return found
        self._states[id_] = MailState.UNDER_WAY
        if len(self._states) > REMEMBERED:
            self._states.popitem(last=False)
        return MailState.NEW

    def end(self, id_: str, *, is_sent: bool) -> None:
        if is_sent:
            self._states[id_] = MailState.SENT
        else:
            self._states.pop(id_, None)
