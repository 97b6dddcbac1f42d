"""Bytes as text that fits anywhere, base64 for URLs: each content has one spelling and no other."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def written(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def read(text: str) -> bytes:
    """The content of a text that `written` made; ValueError for anything else."""
    content = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if written(content) != text:  # Python's own decoder passes over what it does not know
        raise ValueError("another spelling")
    return content
