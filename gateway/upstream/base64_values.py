"""
The answer of an action that returns bytes, `{"value": "<base64>"}`, or a row with one such member,
in pieces -> the bytes, in pieces; no more of it is held than a piece.
"""

import binascii
import re

from gateway.errors import UpstreamMismatch

ESCAPED = re.compile(rb"\\(?:/|u00(2[bBfF]|3[dD]))")
"""The ways in which JSON may write a letter of base64 otherwise."""
LONGEST_ESCAPE = 6
HEAD = 65_536
"""Bytes that may come before the value begins."""
STEP = 65_536
"""Bytes of text that are read at once."""


class Base64Value:
    """Takes the pieces of one answer; UpstreamMismatch as soon as it is another one."""

    def __init__(self, member: str = "value") -> None:
        """Its quotes would be escaped inside of any other text."""
        self._value = re.compile(b'"%s"\\s*:\\s*"' % member.encode())
        self._text = b""
        self._letters = b""
        """Letters of a group of four that is not whole yet."""
        self._begun = self._ended = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The bytes that are known with this piece, in parts that are no longer than it."""
        view = memoryview(piece)
        parts = (self._fed(bytes(view[at : at + STEP])) for at in range(0, len(view), STEP))
        return [part for part in parts if part]

    def end(self) -> None:
        """Nothing more comes."""
        if not self._ended:
            raise UpstreamMismatch("The answer has no document, or only a part of one.")

    def _fed(self, piece: bytes) -> bytes:
        if self._ended:
            return b""
        self._text += piece
        if not self._begun and not self._begins():
            return b""
        text, quote, _ = self._text.partition(b'"')
        self._ended = bool(quote)
        # An escape that may go on in the next piece waits for it.
        escape = -1 if quote else text.rfind(b"\\", max(len(text) - LONGEST_ESCAPE + 1, 0))
        ready = text if escape < 0 else text[:escape]
        self._text = b"" if quote else text[len(ready) :]
        return self._decoded(ESCAPED.sub(_meant, ready) if b"\\" in ready else ready)

    def _begins(self) -> bool:
        found = self._value.search(self._text)
        if found is not None:
            self._begun, self._text = True, self._text[found.end() :]
        elif len(self._text) > HEAD:
            raise UpstreamMismatch("The answer has no document.")
        return self._begun

    def _decoded(self, letters: bytes) -> bytes:
        letters = self._letters + letters
        whole = len(letters) if self._ended else len(letters) // 4 * 4
        self._letters = letters[whole:]
        try:
            return binascii.a2b_base64(letters[:whole], strict_mode=True)
        except binascii.Error:
            raise UpstreamMismatch("The document is not in base64.") from None


def _meant(escaped: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escaped[1].decode()) if escaped[1] else b"/"
