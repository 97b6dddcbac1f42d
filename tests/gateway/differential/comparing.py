"""
The results of one request on two sides -> the traits in which they differ.

The way that an explanation tells of is left out; it is what differs on purpose. Besides, the
reference leaves five things to timing, and only those are let pass: how loads that share a
loader were merged into reads, which reads were given up when a null took their branch away, in what
order an explanation tells of reads that were under way together, a second or two in an age, and the
time and the number of a link to a document.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import GraphQLError, get_operation_ast, parse

from gateway.encoding import read
from gateway.loaders.seals import DIGEST
from tests.gateway.differential import calls
from tests.gateway.differential.operations import Asked
from tests.gateway.differential.wire import Read

AGE = re.compile(rb'"ageSeconds":(\d+)')
LINK = re.compile(rb'"/documents/([\w-]+)"')
EXPIRES = re.compile(rb'"expiresAt":"[^"]+"')
PASSED = 30
"""Seconds that may lie between the two sides of one request on a busy machine."""
WAY = re.compile(
    rb',"execution":\{"way":"(?:compiled|core|fallback)"(?:,"reason":"[^"\\]+")?\}(?=\}\}\Z)'
)
"""The way that an explained operation went, at the end of its answer."""
CRASHED = 599
"""The status of a request that was not answered at all."""


@dataclass(frozen=True)
class Seen:
    """The answer of one side, and what it did for that."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reads: tuple[Read, ...]
    log: tuple[str, ...]
    ways: Counter[tuple[str, str]]

    @property
    def answer(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.body)
        return found


def differences(asked: Asked, left: Seen, right: Seen) -> Iterator[str]:
    """The traits in which the compiled side (`right`) is not as the reference."""
    if CRASHED in (left.status, right.status):
        yield "crash"
    if left.status != right.status:
        yield "status"
    if left.headers != right.headers:
        yield "headers"
    same_reads = Counter(left.reads) == Counter(right.reads)
    shared = 0 if same_reads else sharing(asked)
    given_up = not (same_reads and left.log == right.log) and _gave_up(left)
    yield from _of_bodies(asked, left, right, untold=shared > 0 or given_up)
    # The order of keys inside a call, and with it where a long one is cut, is nobody's promise.
    explained = not _more(left, right, shared, given_up=given_up) or (
        given_up and (_within(left.reads, right.reads) or _within(right.reads, left.reads))
    )
    if not same_reads and not explained:
        yield "calls"
    if left.log != right.log and not (
        (shared and set(left.log) == set(right.log))
        or (given_up and (_within(left.log, right.log) or _within(right.log, left.log)))
    ):
        yield "log"


def _of_bodies(asked: Asked, left: Seen, right: Seen, *, untold: bool) -> Iterator[str]:
    mine, theirs = _body(left, right), _body(right, left)
    if mine == theirs or (asked.explain and _same_but_for_the_order(mine, theirs, untold=untold)):
        return
    if _sorted(mine) == _sorted(theirs):
        yield "order of errors"
    elif not _same_but_for_what_was_given_up(mine, theirs):
        yield "body"


def _same_but_for_the_order(mine: bytes, theirs: bytes, *, untold: bool) -> bool:
    """
    True if only the explanations differ, and those only in their order; if `untold`, what they tell
    of is a matter of timing too: how loads that share a loader were merged into reads, and which
    were given up.
    """
    (rest, told), (rest_there, told_there) = _explained(mine), _explained(theirs)
    return rest == rest_there and (untold or told == told_there)


def _body(seen: Seen, other: Seen) -> bytes:
    """
    The body without the way that it went, with ages in seconds set to the other's where a second
    or two passed between.
    """
    theirs = iter(AGE.findall(other.body))

    def age(found: re.Match[bytes]) -> bytes:
        there = next(theirs, b"")
        near = there and abs(int(found[1]) - int(there)) <= PASSED
        return b'"ageSeconds":' + (max(found[1], there, key=int) if near else found[1])

    plain = LINK.sub(_content, EXPIRES.sub(b'"expiresAt":""', WAY.sub(b"", seen.body)))
    return AGE.sub(age, plain)


def _content(link: re.Match[bytes]) -> bytes:
    """The caller and the row of a link, without its time and its number."""
    _, holder, _, *row = msgspec.json.decode(read(link[1].decode())[DIGEST:])
    return msgspec.json.encode([holder, *row])


def _explained(text: bytes) -> tuple[bytes, list[bytes]]:
    """The body without the explanation, and the reads that this tells of."""
    body = msgspec.json.decode(text)
    told = body.get("extensions", {}).pop("explain", [])
    return msgspec.json.encode(body), sorted(map(msgspec.json.encode, told))


def _same_but_for_what_was_given_up(mine: bytes, theirs: bytes) -> bool:
    """
    True if only errors below a null differ, of which graphql-core adds those that it had met when
    the null took their branch away. The error that did it must be the same, except where it was a
    read: of several that failed in one moment, any is the first.
    """
    (kept, lost), (kept_there, lost_there) = _errors(mine), _errors(theirs)
    same = kept == kept_there and bool(lost & lost_there)
    return same and _sorted(mine)[0] == _sorted(theirs)[0]


def _errors(text: bytes) -> tuple[set[bytes], set[bytes]]:
    """The errors whose places are in the answer, and those of which a null is left above."""
    body = msgspec.json.decode(text)
    found: tuple[set[bytes], set[bytes]] = set(), set()
    for error in body.get("errors", []):
        taken = _taken(body.get("data"), error.get("path", []))
        of_reading = taken and error["extensions"]["code"].startswith("UPSTREAM_")
        found[taken].add(b"a read" if of_reading else msgspec.json.encode(error))
    return found


def _sorted(text: bytes) -> tuple[bytes, list[bytes]]:
    """The data, and the errors in an order of their own."""
    body = msgspec.json.decode(text)
    errors = sorted(map(msgspec.json.encode, body.get("errors", [])))
    return msgspec.json.encode(body.get("data")), errors


def sharing(asked: Asked) -> int:
    """Count the places of the operation that use a loader that another place uses too."""
    return sum(n for n in _places(asked).values() if n > 1)


def listing(asked: Asked) -> int:
    """Count the places of the operation that list rows below others, which may be read in vain."""
    found = _places(asked).items()
    return sum(n for loader, n in found if isinstance(loader, tuple) and loader[0] == "many")


def _places(asked: Asked) -> Counter[object]:
    """The number of places of the operation that use each loader."""
    try:
        document = parse(asked.document)
    except GraphQLError:
        return Counter()
    operation = get_operation_ast(document, asked.operation)
    return Counter() if operation is None else calls.places(document, operation)


def _more(left: Seen, right: Seen, shared: int, *, given_up: bool) -> bool:
    """
    True if the compiled side asked for something else, or in more calls than merging explains.

    The reference has at least one call for each loader, however many places it serves; the compiled
    side may have one for each place instead, and each may take pages and chunks.
    """
    if len(right.reads) > len(left.reads) + 2 * shared:
        return True
    mine, theirs = calls.asked(left.reads), calls.asked(right.reads)
    columns, columns_there = calls.columns(mine), calls.columns(theirs)
    if given_up:
        return not (mine.keys() <= theirs.keys() and columns <= columns_there)
    return mine.keys() != theirs.keys() or columns != columns_there


def _gave_up(seen: Seen) -> bool:
    """
    True if a null took a branch of the answer away: graphql-core then gives up what is under way
    below it, where a plan has begun the level as a whole.
    """
    body = seen.answer
    return any(_taken(body.get("data"), error.get("path", [])) for error in body.get("errors", []))


def _taken(data: Any, path: list[str | int]) -> bool:
    """True if the null of an error at `path` stands above it."""
    for step in path:
        if data is None:
            return True
        data = data[step]
    return False


def _within(some: tuple[Any, ...], more: tuple[Any, ...]) -> bool:
    return not Counter(some) - Counter(more)
