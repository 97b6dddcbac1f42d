"""
The document of a request: sent whole, or named by the id of a trusted document.

Ids stand in `documentId`, as GraphQL over HTTP has it, or where Apollo's clients put the hash.
Besides its id in the manifest, each document has the SHA-256 of its text as an id.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from gateway.config.settings import SettingsError
from gateway.engine.manifest import OURS, PREFIX, VARIABLE, Manifest, hash_of, misnames
from gateway.engine.outcome import Refused, refused
from gateway.errors import InvalidInput, UnknownDocument

DOCUMENT_ID: Final = "documentId"
PERSISTED: Final = "persistedQuery"
SEND_THE_TEXT: Final = "PersistedQueryNotFound"
"""The message by which Apollo's clients know that they should send the text as well."""


class PersistedQuery(msgspec.Struct):
    """`extensions.persistedQuery`."""

    version: Literal[1]
    hash: str = msgspec.field(name="sha256Hash")


class Trusted:
    """The documents of a manifest. Unless they are the only ones, others may be sent as text."""

    def __init__(self, manifest: Manifest, *, only: bool = False) -> None:
        self._manifest = manifest
        self.only = only
        self._texts = frozenset(manifest.values())
        hashes = {hash_of(text): text for text in self._texts}
        prefixed = {PREFIX + digest: text for digest, text in hashes.items()}
        self._by_id = {**hashes, **prefixed, **manifest}

    def prepare(self, trust: Callable[[str], object]) -> None:
        """Hand every text to `trust`; SettingsError with all ids whose documents it refuses."""
        mistakes = []
        for id_, text in self._manifest.items():
            try:
                trust(text)
            except Refused as refusal:
                reasons = "; ".join(error["message"] for error in refusal.errors)
                ours = "GATEWAY_LIMIT_...: too low for a document of the gateway's own"
                mistakes.append(f"{ours if id_.startswith(OURS) else VARIABLE}: {id_}: {reasons}")
        if mistakes:
            raise SettingsError(mistakes)

    def text(
        self, query: str | None, document_id: str | None, extensions: Mapping[str, Any]
    ) -> str:
        """
        The text of the document that a request names in one way or in several.

        InvalidInput where they contradict one another; Refused where it is not known or trusted.
        """
        text = query
        for place, id_ in _ids(document_id, extensions):
            known = self._by_id.get(id_)
            if text is None:
                text = _found(known, place)
            elif known != text and (known is not None or misnames(id_, text)):
                raise InvalidInput(f"{place} names another document.", argument=place)
        if text is None:
            raise InvalidInput(
                "The request has no document: send `query` or `documentId`.", argument="query"
            )
        if self.only and text not in self._texts:
            raise refused(
                UnknownDocument(
                    "Only trusted documents are answered here; ask the operator to add this one."
                )
            )
        return text


NONE_TRUSTED: Final = Trusted({})


def _ids(document_id: str | None, extensions: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The ids in a request, each with the name of its place."""
    if document_id is not None:
        yield DOCUMENT_ID, document_id
    if extensions.get(PERSISTED) is not None:
        try:
            yield PERSISTED, msgspec.convert(extensions[PERSISTED], PersistedQuery).hash
        except msgspec.ValidationError as error:
            raise InvalidInput(f"{PERSISTED}: {error}", argument=PERSISTED) from None


def _found(text: str | None, place: str) -> str:
    if text is None:
        message = (
            SEND_THE_TEXT
            if place == PERSISTED
            else "No trusted document has this id; send the text, or ask the operator to add it."
        )
        raise refused(UnknownDocument(message))
    return text
