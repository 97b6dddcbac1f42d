"""The prepared queries of all callers who are kept: counted now and then, forgotten together."""

from collections.abc import Callable, Iterable
from typing import Final

from gateway.auth.principal import Principal
from gateway.ceiling import unheld

PREPARED: Final = 8_000
"""Bytes that a prepared query takes at most."""


class PreparedQueries:
    """
    The prepared queries of callers. They hold plans whose documents are kept no longer, so those
    count too.
    """

    def __init__(self, callers: Callable[[], Iterable[Principal]]) -> None:
        self._callers = callers
        self._counted = self._outlived = 0
        self.grown: Callable[[], None] = unheld

    @property
    def size(self) -> int:
        """The bytes that they took when they were counted, with the plans that may outlive."""
        return self._counted + self._outlived

    def outlived(self, size: int) -> None:
        """Plans of so many bytes are kept no longer, but by prepared queries."""
        if self._counted:
            self._outlived += size

    def count(self) -> None:
        """Count them: whoever prepares a query does not wait for that."""
        self._counted = PREPARED * sum(len(each.recalled) for each in self._callers())
        if not self._counted:
            self._outlived = 0
        self.grown()

    def drop(self) -> None:
        """Forget all of them; the next time each is wanted it is prepared again."""
        for each in self._callers():
            each.recalled.clear()
        self._counted = self._outlived = 0
