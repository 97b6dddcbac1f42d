"""
Webhooks as the policy file declares them: addresses at which partners are told of changes, or a
portal is told of news for persons, whom it writes mail to.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, Final, TypeGuard
from urllib.parse import urlsplit

PREFIX: Final = "whsec_"
"""The beginning of secrets of Standard Webhooks."""
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""
OF_PARTNERS: Final = frozenset({"client", "tables", "document"})
"""The words of a webhook that tells a partner of changes."""
PERSONS: Final = "persons"
"""The word, with the value true, of one that tells of news for persons."""
EITHER: Final = frozenset({"address", "secrets"})
WORDS: Final = OF_PARTNERS | EITHER | {"allow", PERSONS}
MOST_SECRETS: Final = 2
"""One secret, or a pair while one follows the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One address that is told of changes."""

    name: str
    address: str
    secrets: tuple[str, ...] = field(repr=False)
    persons: bool = False
    """True if it tells of news for persons, with the rights of each, and of nothing else."""
    client: str = ""
    """The client id of the partner, whose rights decide on all that is told."""
    tables: tuple[str, ...] = ()
    document: str = ""
    """The id of the trusted document that makes the payload; it takes `$id: ID!`."""
    allow: tuple[str, ...] = ()
    """Networks that may be reached although nobody else could; over plain http too."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The bytes of the secrets."""
        return tuple(b64decode(each.removeprefix(PREFIX)) for each in self.secrets)


def webhook_of(name: str, said: Mapping[str, Any]) -> Webhook:
    """The webhook of a section that has no mistakes."""
    given: dict[str, Any] = {
        word: tuple(value) if word in LISTS else value for word, value in said.items()
    }
    return Webhook(name=name, **given)


def webhook_mistakes(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The words of a section that are wrong, each with the problem."""
    for word in sorted(said.keys() - WORDS):
        yield word, f"'{word}' is none of {', '.join(sorted(WORDS))}"
    theirs = frozenset() if said.get(PERSONS) is True else OF_PARTNERS
    for word in sorted((EITHER | theirs) - said.keys()):
        yield word, f"'{word}' is missing"
    for word in sorted((OF_PARTNERS - theirs) & said.keys()):
        yield word, f"'{word}' is of webhooks for partners, and not of those for persons"
    for word in sorted(WORDS & said.keys()):
        if problem := _problem(word, said[word]):
            yield word, problem
    address = said.get("address")
    if isinstance(address, str) and (problem := _address_problem(address, said.get("allow"))):
        yield "address", problem


def _problem(word: str, value: object) -> str:
    if word == PERSONS:
        return "" if value is True else f"'{PERSONS}' can only be true"
    if word not in LISTS:
        is_text = isinstance(value, str) and bool(value)
        return "" if is_text else f"'{word}' must be a text"
    if not _are_texts(value):
        return f"'{word}' must be a list of texts"
    return LISTS[word](value)


def _tables_problem(tables: Sequence[str]) -> str:
    return "" if tables else "'tables' must name a type of rows at least"


def _secrets_problem(secrets: Sequence[str]) -> str:
    if not 1 <= len(secrets) <= MOST_SECRETS:
        return "'secrets' must be one, or two while one follows the other"
    if all(map(_is_secret, secrets)):
        return ""
    return f"a secret must be {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64"


def _allow_problem(networks: Sequence[str]) -> str:
    wrong = [each for each in networks if not _is_network(each)]
    return f"'{wrong[0]}' is no network such as 10.1.0.0/16" if wrong else ""


LISTS: Final[Mapping[str, Callable[[Sequence[str]], str]]] = {
    "tables": _tables_problem,
    "secrets": _secrets_problem,
    "allow": _allow_problem,
}
"""The words whose values are lists of texts, and what is wrong with a list."""


def _are_texts(said: object) -> TypeGuard[list[str]]:
    return isinstance(said, list) and all(isinstance(each, str) for each in said)


def _address_problem(address: str, allow: object) -> str:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "'address' is no address"
    if parts.scheme != "https" and not (parts.scheme == "http" and allow):
        return "'address' must begin with https://"
    if not parts.hostname or parts.username or parts.password or parts.fragment or port == 0:
        return "'address' must name a host, and neither a user nor a fragment"
    if not address.isascii() or any(each <= " " for each in address):
        return "'address' must be written in plain letters, without blanks"
    return ""


def _is_secret(text: str) -> bool:
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(PREFIX) and SHORTEST <= len(key) <= LONGEST


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
