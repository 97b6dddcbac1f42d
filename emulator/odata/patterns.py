"""Turns the wildcards of either service into a GLOB pattern for SQLite.

Dataverse lets SQL's `%`, `_`, `[]` and `[^]` act inside its string functions; F&O has `*` in `eq`.
"""

import re

WILD = re.compile(r"\[\^?[^\]]*\]|.", re.DOTALL)
SHAPES = {"contains": "*{}*", "startswith": "{}*", "endswith": "*{}"}


def pattern(function: str, text: str, *, wild: bool) -> str:
    """The pattern of `contains`, `startswith` or `endswith`."""
    inner = "".join(_piece(each) for each in WILD.findall(text)) if wild else _plain(text)
    return SHAPES[function].format(inner)


def starred(text: str) -> str:
    """The pattern of an F&O comparison, in which only the star is special."""
    return "*".join(_plain(part) for part in text.split("*"))


def like(text: str) -> str:
    """The pattern of a FetchXML `like`."""
    return "".join(_piece(each) for each in WILD.findall(text))


def _piece(piece: str) -> str:
    if piece == "%":
        return "*"
    if piece == "_":
        return "?"
    return piece if len(piece) > 1 else _plain(piece)


def _plain(text: str) -> str:
    return re.sub(r"[*?\[]", lambda found: f"[{found.group()}]", text)
