"""The secrets of the settings -> keys, each for one purpose, so that none serves two."""

import hashlib
from functools import lru_cache

WORK = 2**14
"""The cost of trying a guess of a secret: some 50 ms, 16 MiB; keys are made once a process."""


@lru_cache
def key_for(purpose: str, secret: str) -> bytes:
    """The key that `secret` gives for one purpose; it leads back to no other key."""
    salt = b"dynamics-gateway " + purpose.encode()
    return hashlib.scrypt(secret.encode(), salt=salt, n=WORK, r=8, p=1, dklen=32)
