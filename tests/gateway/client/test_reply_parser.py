"""An answer is the same in whatever pieces it comes; what is no answer is refused in any."""

from collections.abc import Iterator
from itertools import pairwise

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.exchange import Reply, Unacceptable
from gateway.client.reply_parser import MAX_HEAD, AnswerParser

MAXIMUM = 1_000_000
START = b"HTTP/1.1 200 OK\r\n"
WHOLE = {
    "of a known length": (START + b"Content-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello", True),
    "empty": (START + b"Content-Length: 0\r\n\r\n", True),
    "in chunks": (
        START
        + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nTrail: x\r\n\r\n",
        True,
    ),
    "the last": (START + b"Content-Length: 2\r\nConnection: close\r\n\r\nok", False),
    "of an old server": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
    "after interim ones": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + START
        + b"Content-Length: 2\r\n\r\nok",
        True,
    ),
    "without content": (b"HTTP/1.1 204 No Content\r\nOData-EntityId: x\r\n\r\n", True),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", True),
    "an error that is packed": (
        b"HTTP/1.1 503 Busy\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz",
        True,
    ),
}
BROKEN = {
    "no HTTP": b"220 smtp.example ESMTP\r\n",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "no status": b"HTTP/1.1 abc OK\r\n\r\n",
    "a blank before the colon": START + b"A : b\r\nContent-Length: 0\r\n\r\n",
    "a folded header": START + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a header without a colon": START + b"nonsense\r\n\r\n",
    "a bare line feed": START + b"A: b\nContent-Length: 0\r\n\r\n",
    "a zero byte": START + b"A: \0\r\nContent-Length: 0\r\n\r\n",
    "two lengths": START + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "two lengths in one": START + b"Content-Length: 2, 2\r\n\r\nok",
    "length and chunks": START
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "a length below nothing": START + b"Content-Length: -2\r\n\r\nok",
    "a chunk of no size": START + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk below nothing": START + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
    "a chunk that overflows": START + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
    "a chunk that is longer": START + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
    "another coding": START + b"Transfer-Encoding: gzip\r\n\r\nok",
    "another coding in chunks": START + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhi",
    "headers without end": START + b"A: " + b"b" * MAX_HEAD + b"\r\n\r\n",
    "many headers": START + b"A: b\r\n" * (MAX_HEAD // 5) + b"Content-Length: 0\r\n\r\n",
    "many interim answers": b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n" * (MAX_HEAD // 5),
}
UNWANTED = {
    "packed": START + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz",
    "too long by its own word": START + b"Content-Length: 1000001\r\n\r\n",
    "too long in chunks": START
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + (b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 16,
    "too long without a length": START + b"\r\n" + b"x" * MAXIMUM,
}


def each(table: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("data", table.values(), ids=table.keys())


def cut(data: bytes, at: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(at), len(data)]
    return (data[start:end] for start, end in pairwise(places) if end > start)


def parsed(*pieces: bytes, method: str = "GET") -> AnswerParser:
    parser = AnswerParser(method, MAXIMUM)
    for piece in pieces:
        parser.feed(piece)
    return parser


@pytest.mark.parametrize(("data", "keep"), WHOLE.values(), ids=WHOLE.keys())
@given(source=st.data())
def test_pieces_make_no_difference(source: st.DataObject, data: bytes, keep: bool) -> None:
    whole = parsed(data)
    pieces = cut(data, source.draw(st.lists(st.integers(0, len(data)))))

    found = parsed(*pieces)

    assert found.reply is not None
    assert (found.reply, found.keep_alive) == (whole.reply, keep)


def test_what_an_answer_says_is_what_is_read() -> None:
    assert parsed(WHOLE["of a known length"][0]).reply == Reply(
        200, {"content-length": "5", "x-a": "1, 2"}, b"hello"
    )
    assert parsed(WHOLE["in chunks"][0]).reply == Reply(
        200, {"transfer-encoding": "chunked"}, b"hello"
    )
    assert parsed(WHOLE["after interim ones"][0]).reply == Reply(
        200, {"content-length": "2"}, b"ok"
    )
    assert parsed(WHOLE["not modified"][0]).reply == Reply(304, {"content-length": "9"}, b"")


def test_an_answer_to_head_has_no_body() -> None:
    found = parsed(START + b"Content-Length: 5\r\n\r\n", method="HEAD")

    assert found.reply == Reply(200, {"content-length": "5"}, b"")
    assert not found.keep_alive


@given(st.binary(max_size=50))
def test_a_body_without_a_length_goes_on_until_the_end(body: bytes) -> None:
    found = parsed(START + b"\r\n", body)
    assert found.reply is None

    found.end()

    assert found.reply == Reply(200, {}, body)
    assert not found.keep_alive


@pytest.mark.parametrize("kind", ["of a known length", "in chunks", "after interim ones"])
def test_an_end_before_the_end_is_no_answer(kind: str) -> None:
    data = WHOLE[kind][0]
    for length in range(len(data)):
        found = parsed(data[:length])
        assert found.reply is None
        with pytest.raises(httpx2.RemoteProtocolError):
            found.end()


@each(BROKEN)
@given(source=st.data())
def test_what_is_no_answer_is_refused(source: st.DataObject, data: bytes) -> None:
    pieces = cut(data, source.draw(st.lists(st.integers(0, len(data)), max_size=5)))

    with pytest.raises(httpx2.RemoteProtocolError) as caught:
        parsed(*pieces)
    assert not isinstance(caught.value, Unacceptable)


@each(UNWANTED)
def test_what_we_would_not_take_again_is_told_apart(data: bytes) -> None:
    with pytest.raises(Unacceptable):
        parsed(*cut(data, [*range(0, len(data), 50_000)]))


@given(st.binary(min_size=1).filter(lambda extra: extra.strip(b"\r\n")), st.data())
def test_what_comes_behind_an_answer_ends_the_connection(
    extra: bytes, source: st.DataObject
) -> None:
    answer = WHOLE["of a known length"][0]
    at = source.draw(st.integers(0, len(answer)))

    found = parsed(answer[:at], answer[at:] + extra)

    assert found.reply is not None
    assert found.reply.body == b"hello"
    assert not found.keep_alive


@given(st.binary(max_size=300))
def test_no_bytes_are_anything_but_an_answer_or_refused(data: bytes) -> None:
    for start in (b"", START, START + b"Transfer-Encoding: chunked\r\n\r\n"):
        parser = AnswerParser("GET", MAXIMUM)
        try:
            parser.feed(start + data)
            if parser.reply is None:
                parser.end()
        except httpx2.RemoteProtocolError:
            continue
        assert parser.reply is not None
