"""Text that only this portal can read or make: cookies of visitors, and drafts on disk."""

from hashlib import sha256
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import OctKey

SEALED: Final = {"alg": "dir", "enc": "A256GCM"}
_KNOWN: Final = JWERegistry(algorithms=list(SEALED.values()))
_KNOWN.max_ciphertext_length = 2**30  # a draft may be long: 64 KiB is the library's limit


class Seals:
    """The first of the secrets seals, all of them open, so that a secret can be renewed."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = secrets

    def seal(self, purpose: str, content: bytes) -> str:
        return jwe.encrypt_compact(SEALED, content, _key(self._secrets[0], purpose))

    def open(self, purpose: str, text: str) -> bytes | None:
        """None for what was not sealed here for this purpose."""
        for secret in self._secrets:
            try:
                return jwe.decrypt_compact(text, _key(secret, purpose), registry=_KNOWN).plaintext
            except (JoseError, ValueError, TypeError):  # the last one for a list in place of a name
                continue
        return None


def _key(secret: str, purpose: str) -> OctKey:
    return OctKey.import_key(sha256(f"{purpose}\0{secret}".encode()).digest())
