"""
Bytes as text that fits anywhere: in base64 for URLs, where each content has one spelling and no
other, or encrypted.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import OctKey

ENCRYPTED: Final = {"alg": "dir", "enc": "A256GCM"}
_KNOWN: Final = JWERegistry(algorithms=list(ENCRYPTED.values()))
_KNOWN.max_ciphertext_length = 2**30  # who reads a text bounds it, and not by 64 KiB


def written(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def read(text: str) -> bytes:
    """The content of a text that `written` made; ValueError for anything else."""
    content = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if written(content) != text:  # Python's own decoder passes over what it does not know
        raise ValueError("another spelling")
    return content


def encrypted(content: bytes, key: OctKey) -> str:
    """The content as text that nobody reads, alters or makes without the key, of 32 bytes."""
    return jwe.encrypt_compact(ENCRYPTED, content, key)


def decrypted(text: str | bytes, key: OctKey) -> bytes | None:
    """The content of a text that `encrypted` made with the key; None for anything else."""
    try:
        found = jwe.decrypt_compact(text, key, registry=_KNOWN)
    except (JoseError, ValueError, TypeError):  # the last one for a list in place of a name
        return None
    return found.plaintext
