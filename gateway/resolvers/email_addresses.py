"""Addresses and names that people type for others, and what is wrong with them. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from gateway.persons import EMAIL

MOST: Final = 100
"""Characters of an address: the bare platform's column holds no more."""
LOCAL: Final = re.compile(r"[^.]+(?:\.[^.]+)*")
DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?")
LABEL: Final = 63
JOINERS: Final = "\u200c\u200d"
"""Signs that nobody sees and that names of some languages need."""
FILLERS: Final = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters that nobody sees."""
OF_ADDRESSES: Final = re.compile(r"[<>@\\/:;\"]|[^\W_]{2,}\.[^\W\d_]{2,}")
"""The signs by which a name would read as an address, and mails make a link of it."""


def usable(text: str) -> str | None:
    """
    An address as it is kept, in lower case; None for one by which nobody would be found who signs
    in: the same that callers are looked up by, with a domain that can be.
    """
    typed = text.strip(" ")
    # Looked at before it is in lower case, where the sign of the kelvin is the letter k.
    fits = len(typed) <= MOST and EMAIL.fullmatch(typed)
    found = typed.lower() if fits else ""
    local, _, domain = found.rpartition("@")
    labels = domain.split(".")
    is_domain = DOMAIN.fullmatch(domain) and max(map(len, labels)) <= LABEL
    return found if LOCAL.fullmatch(local) and is_domain else None


def name_mistakes(text: str, *, of_person: bool) -> Iterator[str]:
    """The reasons for which a text is no name on one line; `of_person`: nor like an address."""
    if not all(map(_is_seen, text)):
        yield "must be one line, without characters that cannot be seen."
    elif text and all(unicodedata.category(sign)[0] in "CMZ" for sign in text):
        yield "must have something that can be seen."
    elif of_person and OF_ADDRESSES.search(text):
        yield "must be a name, not an address; a blank follows a full stop."


def _is_seen(sign: str) -> bool:
    """False for line ends, and for what nobody sees or what turns the direction of writing."""
    return (sign.isprintable() or sign in JOINERS) and sign not in FILLERS
