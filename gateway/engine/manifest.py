"""
A manifest file -> the trusted documents in it, by id.

It is an object of id -> text, as Relay's compiler writes it, or an
`apollo-persisted-query-manifest`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from gateway.config.settings import SettingsError
from variables.environment_values import text_of

VARIABLE: Final = "GATEWAY_TRUSTED_DOCUMENTS"
OURS: Final = "gateway:"
"""The beginning of the ids of our own documents."""
PREFIX: Final = "sha256:"
"""The prefix that GraphQL over HTTP puts before an id that is the hash of its document."""
HASH: Final = re.compile(r"[0-9a-fA-F]{64}|sha256:.*", re.DOTALL)
"""Ids that say of themselves that they are the hash of a text."""

Manifest = Mapping[str, str]


class _Operation(msgspec.Struct):
    id: str
    body: str


class _Apollo(msgspec.Struct):
    format: Literal["apollo-persisted-query-manifest"]
    version: Literal[1]
    operations: list[_Operation]


def load(path: str) -> Manifest:
    """The documents of the manifest at `path`; SettingsError with all ids that cannot be right."""
    try:
        listed = list(_documents(text_of(path)))
    except msgspec.MsgspecError as error:
        raise SettingsError([f"{VARIABLE}: is no manifest: {error}"]) from None
    except ValueError as error:
        raise SettingsError([f"{VARIABLE}: {error}"]) from None
    found: dict[str, str] = {}
    mistakes = [mistake for id_, text in listed for mistake in _added(found, id_, text)]
    if mistakes:
        raise SettingsError(mistakes)
    return found


def manifest(texts: Iterable[str]) -> Manifest:
    """A manifest of these documents."""
    return {hash_of(text): text for text in texts}


def hash_of(text: str) -> str:
    """The SHA-256 of a document, in lower-case hexadecimal digits."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def misnames(id_: str, text: str) -> bool:
    """True if an id claims to be the hash of a text and is not that of this one."""
    return HASH.fullmatch(id_) is not None and id_.removeprefix(PREFIX) != hash_of(text)


def _documents(content: str) -> Iterable[tuple[str, str]]:
    found = msgspec.json.decode(content, type=dict[str, Any])
    if "operations" in found:
        operations = msgspec.convert(found, _Apollo).operations
        return [(each.id, each.body) for each in operations]
    msgspec.convert(found, dict[str, str])
    # As they are listed: an id that stands there twice would be found once.
    listed: list[tuple[str, str]] = json.loads(content, object_pairs_hook=list)
    return listed


def _added(found: dict[str, str], id_: str, text: str) -> Iterator[str]:
    """Add a document to those found; yield the mistake in its id."""
    if misnames(id_, text):
        yield f"{VARIABLE}: {id_}: is not the SHA-256 of its text, which is {hash_of(text)}"
    if found.setdefault(id_, text) != text:
        yield f"{VARIABLE}: {id_}: names two documents"
