"""Text that callers carry back to us unchanged: readable by them, but made by us alone."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

DIGEST = 16
LONGEST = 32_768


class Broken(ValueError):
    """The text was not sealed here, or is not what it was."""


class Seal:
    """Seals with a key that all processes of a gateway share."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"gateway operation ids\x00" + secret.encode()).digest()

    def seal(self, content: bytes) -> str:
        return urlsafe_b64encode(self._digest(content) + content).rstrip(b"=").decode()

    def open(self, text: str) -> bytes:
        """What was sealed; raises Broken for anything else."""
        try:
            raw = urlsafe_b64decode(text[:LONGEST].encode("ascii") + b"=" * (-len(text) % 4))
        except ValueError:
            raise Broken from None
        digest, content = raw[:DIGEST], raw[DIGEST:]
        if not hmac.compare_digest(digest, self._digest(content)):
            raise Broken
        return content

    def _digest(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")[:DIGEST]
