"""The application that calls a service, by its token, which was verified before."""

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache

import msgspec


def application(headers: Mapping[str, str]) -> str | None:
    """The client id of the application behind a request, whatever token of its it came with."""
    return _client(headers.get("authorization", ""))


@lru_cache(maxsize=1_000)
def _client(header: str) -> str | None:
    payload = header.partition(".")[2].partition(".")[0]
    try:
        padded = payload + "=" * (-len(payload) % 4)
        found = msgspec.json.decode(base64.urlsafe_b64decode(padded))["azp"]
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
