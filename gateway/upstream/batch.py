"""
Several requests as one `$batch` body (multipart/mixed) and its answer taken apart again.

A part is either a read or, within one change set, a write; the service runs a change set as a whole
or not at all. OData 4.0, "Batch Requests and Responses".
"""

import asyncio
from collections.abc import Iterator, Sequence
from email.message import Message
from uuid import uuid4

from gateway.client.exchange import Reply, Request
from gateway.errors import UpstreamMismatch

CRLF = "\r\n"
LARGE = 524_288
"""Bytes of an answer above which its parts are taken out in several turns."""
NO_BATCH = "The service answered a batch with something else."
AFTER = frozenset({b"\r\n", b"--", b""})
"""The bytes behind a boundary; others make it that of somebody else, which begins the same."""


def reads(parts: Sequence[Request]) -> tuple[str, bytes]:
    """Content type and body of a batch of independent reads."""
    boundary = f"batch_{uuid4()}"
    body = b"".join(_delimited(boundary, _request(part)) for part in parts)
    return _content_type(boundary), body + _end(boundary)


def change_set(parts: Sequence[Request]) -> tuple[str, bytes]:
    """Content type and body of one change set; part n may be referred to as `$n`, from 1."""
    outer, inner = f"batch_{uuid4()}", f"changeset_{uuid4()}"
    body = b"".join(
        _delimited(inner, _request(part, content_id=number))
        for number, part in enumerate(parts, start=1)
    )
    head = f"Content-Type: {_content_type(inner)}{CRLF}{CRLF}".encode()
    return _content_type(outer), _delimited(outer, head + body + _end(inner)) + _end(outer)


def replies(content_type: str, body: bytes) -> list[Reply]:
    """The answers of a batch in the order of its parts, change sets flattened."""
    found = [reply for part in _parts(content_type, body) for reply in _replies(part)]
    if not found:
        raise UpstreamMismatch(NO_BATCH)
    return found


async def replied(response: Reply) -> list[Reply]:
    """
    The answers in a batch's answer, or the one answer that it is. Others go on between the parts of
    a large one.
    """
    kind = response.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return [response]
    if len(response.body) <= LARGE:
        return replies(kind, response.body)
    found: list[Reply] = []
    for part in _parts(kind, response.body):
        found += _replies(part)
        await asyncio.sleep(0)
    if not found:
        raise UpstreamMismatch(NO_BATCH)
    return found


def _parts(content_type: str, body: bytes) -> Iterator[bytes]:
    """
    The parts between the boundaries, each with its headers. The standard library's parser takes a
    second for 40 MiB, in which nobody else has a turn.
    """
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary()
    if not boundary:
        return
    delimiter = f"--{boundary}".encode()
    begin, place = -1, body.find(delimiter)
    while place >= 0:
        end = place + len(delimiter)
        if (place == 0 or body[place - 1 : place] == b"\n") and body[end : end + 2] in AFTER:
            if begin >= 0:
                yield body[begin:place]
            begin = end
            if body.startswith(b"--", end):
                return
        place = body.find(delimiter, end)
    if begin >= 0:
        yield body[begin:]


def _replies(part: bytes) -> list[Reply]:
    """The answer in a part, or the answers of the change set that it is."""
    head, _, content = part.partition(b"\r\n\r\n")
    kind = _headers(head.decode("latin-1").split(CRLF)).get("content-type", "")
    return replies(kind, content) if kind.startswith("multipart/") else [_reply(content)]


def _content_type(boundary: str) -> str:
    return f"multipart/mixed; boundary={boundary}"


def _delimited(boundary: str, content: bytes) -> bytes:
    return f"--{boundary}{CRLF}".encode() + content + CRLF.encode()


def _end(boundary: str) -> bytes:
    return f"--{boundary}--{CRLF}".encode()


def _request(part: Request, *, content_id: int | None = None) -> bytes:
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        outer.append(f"Content-ID: {content_id}")
    inner = [f"{part.method} {part.url} HTTP/1.1", "Accept: application/json"]
    if part.body:
        inner.append("Content-Type: application/json; type=entry")
    inner += [f"{name}: {value}" for name, value in part.headers.items()]
    head = CRLF.join([*outer, "", *inner, "", ""])
    return head.encode() + part.body


def _reply(content: bytes) -> Reply:
    head, _, body = content.partition(b"\r\n\r\n")
    status_line, *header_lines = head.decode("latin-1").split(CRLF)
    try:
        status = int(status_line.split(" ", 2)[1])
    except (IndexError, ValueError):
        raise UpstreamMismatch("A batch part has no status line.") from None
    return Reply(status, _headers(header_lines), body.strip(b"\r\n"))


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
