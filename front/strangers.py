"""A connection whose client nobody knows yet, as an app tells its server that it does now."""

from collections.abc import Callable, Mapping
from typing import Any, Final

KNOWN: Final = "front.known"
"""The extension of an ASGI scope that has the function to call."""


def known(scope: Mapping[str, Any]) -> None:
    """Tell the server that the client of this connection is known, and may have more of it."""
    tell: Callable[[], None] | None = scope.get("extensions", {}).get(KNOWN)
    if tell is not None:
        tell()
