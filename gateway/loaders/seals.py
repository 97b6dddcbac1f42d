"""Text that callers carry back to us unchanged: readable by them, but made by us alone."""

import hmac

from gateway import encoding

DIGEST = 16
LONGEST = 32_768


class Broken(ValueError):
    """The text was not sealed by this gateway, or was altered."""


class Seal:
    """Seals with a key that all processes of a gateway share, see `gateway.derived_keys`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, content: bytes) -> str:
        return encoding.written(self._digest(content) + content)

    def open(self, text: str) -> bytes:
        """Return the content of a sealed text; raises Broken for anything else."""
        try:
            raw = encoding.read(text) if len(text) <= LONGEST else b""
        except ValueError:
            raise Broken from None
        digest, content = raw[:DIGEST], raw[DIGEST:]
        if not hmac.compare_digest(digest, self._digest(content)):
            raise Broken
        return content

    def _digest(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")[:DIGEST]
