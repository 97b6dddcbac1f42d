"""Batches are written as multipart/mixed, and their answers are taken apart whatever is in them."""

import asyncio
from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.exchange import Reply, Request
from gateway.errors import UpstreamMismatch
from gateway.upstream import batch


def answer(*bodies: bytes, boundary: str = "batchresponse_1") -> bytes:
    parts = [
        f"--{boundary}\r\nContent-Type: application/http\r\n"
        f"Content-Transfer-Encoding: binary\r\n\r\n"
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".encode()
        + body
        + b"\r\n"
        for body in bodies
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


@given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs"))), min_size=1, max_size=5))
def test_bodies_come_back_as_they_were_sent(texts: list[str]) -> None:
    bodies = [text.encode() for text in texts]

    replies = batch.replies("multipart/mixed; boundary=batchresponse_1", answer(*bodies))

    assert [reply.body for reply in replies] == bodies
    assert {reply.status for reply in replies} == {200}


def test_a_quoted_boundary_is_understood() -> None:
    replies = batch.replies('multipart/mixed; boundary="batchresponse_1"', answer(b"{}"))

    assert [reply.headers for reply in replies] == [{"content-type": "application/json"}]


def test_a_boundary_that_begins_like_another_ends_nothing() -> None:
    inner = answer(b'{"a": 1}', b'{"b": 2}', boundary="x1")
    outer = b"--x\r\nContent-Type: multipart/mixed; boundary=x1\r\n\r\n" + inner + b"\r\n--x--\r\n"

    replies = batch.replies("multipart/mixed; boundary=x", outer)

    assert [reply.body for reply in replies] == [b'{"a": 1}', b'{"b": 2}']


@pytest.mark.anyio
async def test_others_go_on_between_the_parts_of_a_large_answer() -> None:
    bodies = [b"%d" % number * batch.LARGE for number in range(1, 4)]
    kind = "multipart/mixed; boundary=batchresponse_1"
    rounds = 0

    async def others() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1

    task = asyncio.create_task(others())
    found = await batch.replied(Reply(200, {"content-type": kind}, answer(*bodies)))
    task.cancel()
    await asyncio.wait([task])

    assert [reply.body for reply in found] == bodies
    assert rounds >= len(bodies) - 1


@pytest.mark.anyio
@pytest.mark.parametrize("size", [1, batch.LARGE + 1])
async def test_an_answer_that_is_no_batch_is_one_answer_or_a_mismatch(size: int) -> None:
    plain = Reply(503, {"content-type": "application/json"}, b" " * size)
    broken = Reply(200, {"content-type": "multipart/mixed; boundary=x"}, b" " * size)

    assert await batch.replied(plain) == [plain]
    with pytest.raises(UpstreamMismatch):
        await batch.replied(broken)


@pytest.mark.parametrize("body", [b"", b"not a batch", b"--x\r\n\r\nno status\r\n--x--\r\n"])
def test_anything_else_is_a_mismatch(body: bytes) -> None:
    with pytest.raises(UpstreamMismatch):
        batch.replies("multipart/mixed; boundary=x", body)


def test_the_parts_of_a_change_set_are_numbered_from_one() -> None:
    content_type, body = batch.change_set([Request("POST", "https://x/a", b"{}")] * 2)
    message = BytesParser(policy=HTTP).parsebytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body
    )
    leaves = [part for part in message.walk() if not part.is_multipart()]

    assert [part["Content-ID"] for part in leaves] == ["1", "2"]
