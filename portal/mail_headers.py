"""
Headers of mails with words of people in them: each one header whatever the words are, in lines that
every server takes. Python's own folding takes the quotes from a long name, so that its commas begin
other addresses, and puts a long address into encoded words.
"""

import re
from email.header import Header
from email.headerregistry import Address
from email.policy import Policy
from hashlib import sha256
from typing import Final

ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,190}")
"""Addresses that are written to: plain ones, which need no quotes and hide no second one."""
HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
"""Characters that headers do not have: controls, and those that turn the direction of others."""
SHORT: Final = re.compile(r"(?!.*=\?)[ -~]{0,60}")
"""Words that stand in a header as they are: few, and nothing that reads as an encoded word."""
PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")


class HeaderText(str):
    """A header that is folded already, as `email.policy` takes one: by its name and `fold`."""

    __slots__ = ("name",)
    name: str

    def fold(self, *, policy: Policy) -> str:
        """The lines of the header."""
        return f"{self.name}: {self}{policy.linesep}".replace("\n ", f"{policy.linesep} ")


def header(name: str, text: str) -> HeaderText:
    """A header that is sent as it is."""
    made = HeaderText(text)
    made.name = name
    return made


def one_line(text: str) -> str:
    """A text as one line of characters that a header may have."""
    return " ".join(HIDDEN.sub(" ", text).split())


def words(name: str, text: str) -> HeaderText:
    """A header of words alone, as the subject."""
    found = one_line(text)
    return header(name, found if SHORT.fullmatch(found) else _encoded(name, found))


def address(name: str, person: str | None, spec: str | None) -> HeaderText:
    """A header of one address, with the name of a person; ValueError where it is none."""
    if not ADDRESS.fullmatch(spec or ""):
        raise ValueError("this is no address")
    found = one_line(person or "")
    if SHORT.fullmatch(found):
        return header(name, str(Address(found, addr_spec=spec or "")))
    return header(name, f"{_encoded(name, found)}\n <{spec}>")


def message_id(id_: str, domain: str) -> HeaderText:
    """The same for the same delivery."""
    plain = id_ if PLAIN_ID.fullmatch(id_) else sha256(id_.encode()).hexdigest()
    return header("Message-ID", f"<{plain}@{domain}>")


def _encoded(name: str, text: str) -> str:
    return Header(text, "utf-8", header_name=name).encode()
