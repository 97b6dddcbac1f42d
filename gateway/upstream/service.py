"""
One upstream service's HTTP: queries become requests, answers become rows or errors of ours.

Everything that differs between the embedded emulator, a sandbox and production is the root URL and
the transport that is handed in, which carries the credential.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import ceil
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.errors import (
    InvalidInput,
    LimitExceeded,
    UpstreamError,
    UpstreamMismatch,
    UpstreamRefused,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from gateway.upstream import batch
from gateway.upstream.allowance import Allowance
from gateway.upstream.answers import PLAIN, Answer, Decoder, Outcome, Page, Row, opened
from gateway.upstream.exchange import Reply, Request, Transport
from gateway.upstream.odata import Dialect, Query
from gateway.upstream.replay import GivenUp
from gateway.upstream.sender import Sender, Sent, retry_after

log = logging.getLogger(__name__)

URL_LIMIT = 32_000
"""Longest URL sent as a plain GET, in characters; Dataverse refuses 32,768 and counts its host."""
BATCHED_URL_LIMIT = 64_000
"""Longest URL sent inside a `$batch`, in characters; Dataverse refuses 65,536."""
CONDITIONS = 500
"""Conditions in one filter; Dataverse refuses more."""
SHORT_URL = 5_000
"""Characters of a URL with `CONDITIONS` at least, as each takes ten or more: `a%20eq%201`."""
PAGE_SIZE = 5_000
"""Rows per page asked for; the most that Dataverse gives."""

_encoder = msgspec.json.Encoder(decimal_format="number")

NO_HEADERS: Mapping[str, str] = {}
HEADERS = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
    "If-None-Match": "null",
}
NO_TABLE = (404, "0x80060888"), (404, "0x8006088a")
"""How Dataverse says that it has no entity set of the name; a missing column is a 400."""
COUNT_ANNOTATIONS = (
    'odata.include-annotations="Microsoft.Dynamics.CRM.totalrecordcount,'
    'Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"'
)


class Call(Struct, frozen=True):
    """A query on its way to a service: the absolute URL, and the conditions that make it long."""

    query: Query
    url: str
    conditions: int

    @property
    def fits(self) -> bool:
        """Whether the service takes it as a GET."""
        return len(self.url) <= URL_LIMIT and self.conditions <= CONDITIONS

    @property
    def fits_batch(self) -> bool:
        return len(self.url) <= BATCHED_URL_LIMIT and self.conditions <= CONDITIONS

    @property
    def page_size(self) -> int | None:
        """Dataverse ignores `$top` where a page size is asked for, so only one of them is sent."""
        return None if self.query.top is not None else PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Write:
    """One change of one row: `url` below the service's root, `row` as the Web API takes it."""

    method: Literal["POST", "PATCH", "DELETE"]
    url: str
    row: Row | None = None
    match: str | None = None
    """The ETag that the row must have; `*` for any, so that a PATCH cannot create."""

    @property
    def body(self) -> bytes:
        return b"" if self.row is None else _encoder.encode(self.row)

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.match is None else {"If-Match": self.match}


@dataclass(frozen=True, slots=True)
class Service:
    """Dataverse or F&O, below a root URL that ends in `/` and over a transport that signs."""

    transport: Transport
    root: str
    dialect: Dialect
    max_rows: int = 20_000
    """Rows after which a read of "all" gives up: a guard for memory, not a page size."""
    write_patience: float = 10.0
    """Seconds after which one try of a write is given up; the write may go on at the service."""
    sender: Sender = field(default_factory=Sender)

    def call(self, query: Query) -> Call:
        url = self.root + self.dialect.url(query)
        many = len(url) > SHORT_URL
        return Call(query, url, self.dialect.conditions(query.where) if many else 0)

    async def fetch(self, query: Query, allowance: Allowance) -> Page:
        """The rows of `query`: `top` of them from one request, else all of its pages."""
        (page,) = await self.fetch_all([self.call(query)], allowance)
        return page

    async def fetch_all(
        self, calls: Sequence[Call], allowance: Allowance, decoder: Decoder = PLAIN
    ) -> list[Page]:
        """The pages of several queries: a GET for one that fits into a URL, else a `$batch`."""
        allowance.spend(len(calls))
        outcomes = await self._outcomes(calls, allowance)
        pages = []
        for outcome, call in zip(outcomes, calls, strict=True):
            answer = _opened(outcome, allowance, decoder)
            if call.query.top is None and answer.next_link is not None:
                answer = await self._complete(answer, call.query, allowance, decoder)
            pages.append(_page(answer, call.query.top))
        return pages

    async def write(self, changes: Sequence[Write], allowance: Allowance) -> None:
        """
        Make all `changes`, or none: one request for one, a change set for more.

        Raises UpstreamError; its `doubtful` says whether the changes may stand all the same.
        """
        allowance.spend()
        sent = await (self._change_set if len(changes) > 1 else self._change)(changes, allowance)
        try:
            for reply in _replies(sent.response):
                _raise_for(reply.status, reply.headers, reply.body)
        except UpstreamError as error:
            # An answer that cannot be read leaves open what was done.
            unclear = isinstance(error, UpstreamMismatch | UpstreamUnavailable)
            error.doubtful = sent.doubtful or unclear
            raise

    async def _outcomes(self, calls: Sequence[Call], allowance: Allowance) -> list[Outcome]:
        replay = allowance.replay
        if replay is not None and not replay.keeping:
            if all(replay.has(call.url) for call in calls):
                return [await replay.take(call.url) for call in calls]
            replay = None
        sent = [replay.sent(call.url) for call in calls] if replay else ()
        try:
            outcomes = await self._ask(calls, allowance)
        except UpstreamError as error:
            outcomes = [error] * len(calls)
        except BaseException as error:
            for had in sent:
                had.fail(error)
            raise
        for had, call, outcome in zip(sent, calls, outcomes, strict=False):
            good = not isinstance(outcome, UpstreamError)
            had.come(outcome, partial(self._kept_as, call, good=good))
        if replay is not None and not replay.keeping:
            raise GivenUp
        return outcomes

    def _kept_as(self, call: Call, *, good: bool) -> str:
        """Its URL; that without rows inside of rows, which a good answer serves as well."""
        if not call.query.expands or not good:
            return call.url
        return self.call(replace(call.query, expands=())).url

    async def _ask(self, calls: Sequence[Call], allowance: Allowance) -> list[Outcome]:
        """A GET for a query that fits into a URL, else a `$batch`."""
        if len(calls) == 1 and calls[0].fits:
            (call,) = calls
            headers = self._preferred(call)
            sent = await self._send("GET", call.url, allowance, headers=headers)
            return [_outcome(sent.response)]
        if not all(call.fits_batch for call in calls):
            raise InvalidInput("The filter is too long.", argument="filter")
        parts = [Request("GET", call.url, headers=self._preferred(call)) for call in calls]
        replies = await self._batch(*batch.reads(parts), allowance)
        if len(replies) != len(calls):
            raise UpstreamMismatch("A batch was answered with another number of parts.")
        return list(map(_outcome, replies))

    def _preferred(self, call: Call) -> Mapping[str, str]:
        if self.dialect.service == "finops":
            return NO_HEADERS
        return _prefer(counted=call.query.count, page_size=call.page_size)

    async def _complete(
        self, first: Answer[Any], query: Query, allowance: Allowance, decoder: Decoder
    ) -> Answer[Any]:
        """An answer with the rows of all pages that follow it."""
        answer, rows = first, first.value
        while answer.next_link is not None:
            if len(rows) > self.max_rows:
                raise LimitExceeded(
                    "Too many rows at once; ask for fewer parents or add a filter.",
                    limit="upstream_rows",
                    maximum=self.max_rows,
                    actual=len(rows),
                )
            allowance.spend()
            further = Call(query, self._own(answer.next_link), conditions=0)
            (outcome,) = await self._outcomes([further], allowance)
            answer = _opened(outcome, allowance, decoder)
            rows = rows + answer.value
        return Answer(rows, first.count, first.count_is_limited)

    def _own(self, link: str) -> str:
        """A next link, refused unless it leads to this very service: it would get our token."""
        if not link.startswith(self.root):
            raise UpstreamMismatch("The service sent a link that leads elsewhere.")
        return link

    async def _batch(self, content_type: str, body: bytes, allowance: Allowance) -> list[Reply]:
        headers = {"Content-Type": content_type, "Accept": "multipart/mixed"}
        sent = await self._send(
            "POST", self.root + "$batch", allowance, headers=headers, content=body
        )
        replies = _replies(sent.response)
        if sent.response.status >= 400 and len(replies) == 1:
            _raise_for(replies[0].status, replies[0].headers, replies[0].body)
        return replies

    async def _change(self, changes: Sequence[Write], allowance: Allowance) -> Sent:
        (change,) = changes
        headers = {"Content-Type": "application/json"} | change.headers
        return await self._send(
            change.method,
            self.root + change.url,
            allowance,
            patience=self.write_patience,
            headers=headers,
            content=change.body,
        )

    async def _change_set(self, changes: Sequence[Write], allowance: Allowance) -> Sent:
        content_type, body = batch.change_set(
            [
                Request(each.method, self.root + each.url, each.body, each.headers)
                for each in changes
            ]
        )
        headers = {"Content-Type": content_type, "Accept": "multipart/mixed"}
        return await self._send(
            "POST",
            self.root + "$batch",
            allowance,
            patience=self.write_patience,
            headers=headers,
            content=body,
        )

    async def _send(
        self,
        method: str,
        url: str,
        allowance: Allowance,
        *,
        headers: Mapping[str, str],
        content: bytes = b"",
        patience: float | None = None,
    ) -> Sent:
        """`patience`: seconds for one try, the sender's own time-out for reads if None."""
        request = Request(method, url, content, {**HEADERS, **headers})
        seconds = patience or self.sender.timeouts.read
        return await self.sender.send(
            self.transport, request, allowance.deadline, seconds, allowance.clock
        )


def _replies(response: Reply) -> list[Reply]:
    """The answers in a batch's answer, or the one answer that it is."""
    kind = response.headers.get("content-type", "")
    return batch.replies(kind, response.body) if kind.startswith("multipart/") else [response]


def is_no_table(error: UpstreamRefused) -> bool:
    """Whether a query was refused because its table does not exist in the environment."""
    return (error.status, error.details["reason"]) in NO_TABLE


@lru_cache
def _prefer(*, counted: bool, page_size: int | None) -> Mapping[str, str]:
    """Annotations are asked for where they are read, as each lookup of each row brings two."""
    preferences = [COUNT_ANNOTATIONS] if counted else []
    if page_size is not None:
        preferences.append(f"odata.maxpagesize={page_size}")
    return {"Prefer": ",".join(preferences)} if preferences else NO_HEADERS


def _page(answer: Answer[Any], top: int | None) -> Page:
    """The rows of an answer, of which so many were asked for, or all."""
    rows = answer.value
    complete = top is None or len(rows) < top
    exact = not answer.count_is_limited
    return Page(rows, answer.count, exact, complete, rows[-1] if rows else None)


def _opened(outcome: Outcome, allowance: Allowance, decoder: Decoder) -> Answer[Any]:
    answer = opened(outcome, decoder)
    if allowance.replay is not None:
        allowance.replay.made(outcome, answer)
    return answer


def _outcome(reply: Reply) -> Outcome:
    if reply.status < 400:
        return reply.body
    try:
        _raise_for(reply.status, reply.headers, reply.body)
    except UpstreamError as error:
        return error
    return reply.body


def _raise_for(status: int, headers: Any, body: bytes) -> None:
    """Raise what a status means; nothing for a success."""
    if status < 400:
        return
    code, text = _reason(body)
    log.warning("upstream answered %s %s", status, code)
    log.debug("upstream said: %s", text)
    raise _error(status, headers, code, text)


def _error(status: int, headers: Any, code: str, text: str) -> UpstreamError:
    if status == 429:
        seconds = ceil(retry_after(headers))
        return UpstreamThrottled("Dynamics is busy; try again later.", retryAfter=seconds)
    if status >= 500 or status in (401, 408):
        return UpstreamUnavailable("Dynamics could not answer.")
    refused = UpstreamRefused("Dynamics refused the request.", reason=code)
    refused.words, refused.status = text, status
    return refused


def _reason(body: bytes) -> tuple[str, str]:
    """The service's own code and text. The text may quote anybody's rows: never for a caller."""
    try:
        error = msgspec.json.decode(body)["error"]
        return str(error["code"]), str(error["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return "", ""
