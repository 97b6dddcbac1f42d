"""
The headers of Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks, by which a
receiver tells our messages from others, old ones from new ones, and repeats from first ones.
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence


def signed(id_: str, moment: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of one message; while a secret follows another, a signature by each of both."""
    content = f"{id_}.{moment}.".encode() + body
    signatures = [b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys]
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
