"""A request and its answer as the services see them, be they alone or parts of a batch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, unquote_plus

import msgspec

from emulator.errors import BadPayload, BadQuery
from emulator.odata.lexer import split

ENCODER = msgspec.json.Encoder(decimal_format="number")
# Amounts must not pass through binary floats on their way in.
DECODER = msgspec.json.Decoder(float_hook=Decimal)
PREFERENCE = re.compile(r'\s*([\w.\-]+)\s*(?:=\s*(?:"([^"]*)"|([^,;\s]*)))?\s*(?:[,;]|$)')


@dataclass(frozen=True, slots=True)
class Ask:
    """One request below a service's root; `base` is that root as the caller addressed it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    base: str

    def options(self) -> dict[str, str]:
        """The query options, decoded; an option given twice is an error in OData."""
        found: dict[str, str] = {}
        for pair in self.query.split("&"):
            name, _, value = pair.partition("=")
            if not name:
                continue
            name = unquote_plus(name)
            if name in found:
                raise BadQuery(f"Query option '{name}' was specified more than once.")
            found[name] = unquote_plus(value)
        return found

    def preferences(self) -> dict[str, str]:
        header = self.headers.get("prefer", "")
        return {name.lower(): quoted or bare for name, quoted, bare in PREFERENCE.findall(header)}

    def json(self) -> dict[str, Any]:
        if not self.headers.get("content-type", "").lower().startswith("application/json"):
            raise BadPayload("The body of the request must be application/json.", status=415)
        try:
            value = DECODER.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadPayload(f"An error occurred while validating input parameters: {error}") from (
                error
            )
        if not isinstance(value, dict):
            raise BadPayload("The body of the request must be a JSON object.")
        return value


@dataclass(slots=True)
class Answer:
    """An answer to send back; `body` is a JSON value unless it is bytes already."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else ENCODER.encode(self.body)


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a resource path: a name, with a key or arguments in parentheses if any."""

    name: str
    args: str | None = None


def segments(path: str) -> list[Segment]:
    """The steps of a raw path; it is cut before decoding, as a key may hold an encoded slash."""
    return [_segment(unquote(part)) for part in split_path(path) if part]


def split_path(path: str) -> list[str]:
    return split(path.strip("/"), "/")


def _segment(text: str) -> Segment:
    name, opened, rest = text.partition("(")
    if not opened:
        return Segment(name)
    if not rest.endswith(")"):
        raise BadQuery(f"Bad Request - Error in query syntax: '{text}'.")
    return Segment(name, rest[:-1].strip())
