"""Texts that are encrypted open again, however long they are."""

import os

import pytest
from joserfc.jwk import OctKey

from gateway.encoding import decrypted, encrypted

KEY = OctKey.import_key(bytes(range(32)))


@pytest.mark.parametrize("length", [0, 1, 50_000, 70_000, 3_000_000])
def test_a_text_opens_by_its_key_alone(length: int) -> None:
    content = os.urandom(length)
    text = encrypted(content, KEY)

    assert decrypted(text, KEY) == content
    assert decrypted(text, OctKey.import_key(bytes(32))) is None
    assert decrypted(text[:-3] + "AAA", KEY) is None
