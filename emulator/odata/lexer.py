"""Cuts OData text into tokens, and lists such as `$select` or `$expand` into their items."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from emulator.errors import BadQuery

TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|z|[+-]\d\d:\d\d))
  | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:[mMdDfFlL](?!\w))?)
  | (?P<enum>[A-Za-z_][\w.]*'(?:[^']|'')*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"\\]|\\.)*")
  | (?P<name>[@$]?[A-Za-z_][\w.]*)
  | (?P<mark>[()\[\],/=:*])
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise BadQuery(f"Syntax error at position {at} in '{text}'.")
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found.group(), at)
        at = found.end()


def split(text: str, separator: str) -> list[str]:
    """Cut at a separator that stands outside of quotes and parentheses."""
    parts, depth, start, quote = [], 0, 0, ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    if depth or quote:
        raise BadQuery(f"Unbalanced parentheses or quotes in '{text}'.")
    return [part.strip() for part in (*parts, text[start:])]
