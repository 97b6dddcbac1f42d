"""Bytes that come as base64 inside of JSON, in any pieces, are those bytes or an error."""

import base64
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamMismatch
from gateway.upstream.base64_values import Base64Value

SPELLED = {"/": r"\/", "+": r"\u002B", "=": r"\u003d"}
"""Ways in which writers of JSON escape letters of base64."""


def pieces(whole: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    return [whole[start:end] for start, end in pairwise(places)]


def read(parts: list[bytes]) -> bytes:
    value = Base64Value()
    found = b"".join(part for piece in parts for part in value.feed(piece))
    value.end()
    return found


CONTENT = st.binary(max_size=300)
ESCAPED = st.sets(st.sampled_from(sorted(SPELLED)))
CUTS = st.lists(st.integers(0, 10_000), max_size=40)


@given(
    CONTENT, CUTS, st.sets(st.sampled_from(sorted(SPELLED))), st.text(max_size=20), st.booleans()
)
def test_the_bytes_are_the_same_however_they_come(
    content: bytes, cuts: list[int], escaped: set[str], context: str, spaced: bool
) -> None:
    text = base64.b64encode(content).decode()
    for letter in escaped:
        text = text.replace(letter, SPELLED[letter])
    colon = ' :\n "' if spaced else ':"'
    before = json.dumps({"@odata.context": f'{context}"value":"x', "value": 1})[:-4]
    whole = f'{before}{colon}{text}", "more": "QUJD"}}'.encode()

    assert read(pieces(whole, cuts)) == content


@given(CONTENT, CUTS, st.integers(1, 400))
def test_a_part_is_never_taken_for_the_whole(content: bytes, cuts: list[int], less: int) -> None:
    whole = b'{"value":"' + base64.b64encode(content) + b'"'

    with pytest.raises(UpstreamMismatch):
        read(pieces(whole[: max(len(whole) - less, 0)], cuts))


@given(st.binary(max_size=300), CUTS)
def test_anything_else_is_refused(junk: bytes, cuts: list[int]) -> None:
    with pytest.raises(UpstreamMismatch):
        read(pieces(b'{"value":null,"x":"' + junk.replace(b'"', b"") + b'"}', cuts))


@pytest.mark.parametrize("text", ["QQ=Q", "Q", "QQ==QQ==", "Q Q=", "QUJ\\n", "QUJ\\u0041\\", "é"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(UpstreamMismatch):
        read([f'{{"value":"{text}"}}'.encode()])


def test_a_long_head_is_not_kept() -> None:
    value = Base64Value()
    value.feed(b" " * 60_000)

    with pytest.raises(UpstreamMismatch):
        value.feed(b" " * 60_000)


def test_parts_are_no_longer_than_what_came() -> None:
    value = Base64Value()

    parts = value.feed(b'{"value":"' + base64.b64encode(bytes(1_000_000)) + b'"}')

    assert max(map(len, parts)) <= 65_536
    assert sum(map(len, parts)) == 1_000_000
