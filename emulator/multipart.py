"""Takes a `multipart/mixed` body apart into HTTP requests, and puts answers together into one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from emulator.errors import BadQuery
from emulator.exchange import Answer

BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
# Microsoft's own client leaves the blanks of a filter as they are.
REQUEST_LINE = re.compile(r"(\w+)\s+(\S.*?)\s+HTTP/\d\.\d\s*")
JSON = "application/json; odata.metadata=minimal"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body: its own headers and what they describe."""

    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class PartRequest:
    """The HTTP request inside of a part."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str


def boundary(content_type: str) -> str:
    found = BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/mixed") or not found:
        raise BadQuery("The content type of a batch is multipart/mixed with a boundary.")
    return found[1] or found[2]


def parts(body: bytes, mark: str) -> Iterator[Part]:
    """The parts between boundaries; some clients end lines with LF only, which is understood."""
    body = body.replace(b"\r\n", b"\n")
    pieces = (b"\n" + body).split(b"\n--" + mark.encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BadQuery("The batch request lacks its closing boundary.")
    for piece in pieces[1:-1]:
        head, _, content = piece.lstrip(b"\n").partition(b"\n\n")
        yield Part(_headers(head), content)


def request(part: Part) -> PartRequest:
    if not part.headers.get("content-type", "").lower().startswith("application/http"):
        raise BadQuery("A batch part must have the content type application/http.")
    head, _, body = part.content.lstrip(b"\n").partition(b"\n\n")
    line, _, rest = head.partition(b"\n")
    found = REQUEST_LINE.fullmatch(line.decode("utf-8", "replace"))
    if found is None:
        raise BadQuery(f"Invalid request line in a batch part: '{line.decode(errors='replace')}'.")
    headers = _headers(rest)
    content_id = part.headers.get("content-id") or headers.get("content-id", "")
    return PartRequest(found[1].upper(), found[2], headers, body.strip(b"\n"), content_id)


def _headers(text: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in text.decode("latin-1").split("\n") if line.strip())
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def joined(mark: str, contents: list[bytes]) -> bytes:
    """The body of a multipart answer."""
    start = f"--{mark}\r\n".encode()
    return b"".join(start + content + b"\r\n" for content in contents) + f"--{mark}--\r\n".encode()


def part_of(answer: Answer, content_id: str = "") -> bytes:
    """An answer as the part of a batch answer."""
    body = answer.encoded()
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    headers = {"OData-Version": "4.0", **answer.headers}
    if body:
        headers.setdefault("Content-Type", JSON)
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def change_set(mark: str, contents: list[bytes]) -> bytes:
    """The answers of a change set as one part."""
    head = f"Content-Type: multipart/mixed; boundary={mark}\r\n\r\n".encode()
    return head + joined(mark, contents)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
