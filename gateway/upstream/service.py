"""
One upstream service's HTTP: queries become requests, answers become rows or errors of ours.

Everything that differs between the embedded emulator, a sandbox and production is the base URL and
the credential of the client that is handed in.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil
from typing import Any, Literal

import httpx2
import msgspec

from gateway.errors import (
    InvalidInput,
    LimitExceeded,
    UpstreamError,
    UpstreamMismatch,
    UpstreamRefused,
    UpstreamThrottled,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.upstream import batch
from gateway.upstream.batch import Part, Reply
from gateway.upstream.odata import Dialect, Query
from gateway.upstream.sender import Sender, Sent, now, retry_after

log = logging.getLogger(__name__)

URL_LIMIT = 32_000
"""Longest URL sent as a plain GET, in characters; Dataverse refuses 32,768 and counts its host."""
BATCHED_URL_LIMIT = 64_000
"""Longest URL sent inside a `$batch`, in characters; Dataverse refuses 65,536."""
CONDITIONS = 500
"""Conditions in one filter; Dataverse refuses more."""
PAGE_SIZE = 5_000
"""Rows per page asked for; the most that Dataverse gives."""

Row = dict[str, Any]
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)

HEADERS = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
    "If-None-Match": "null",
}
NO_TABLE = (404, "0x80060888"), (404, "0x8006088a")
"""How Dataverse says that it has no entity set of the name; a missing column is a 400."""
COUNT_LIMIT = "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"


@dataclass(slots=True)
class Allowance:
    """What one operation may still spend: upstream calls, and time until `deadline` (see `now`)."""

    calls: int
    deadline: float
    spent: int = 0

    def spend(self, calls: int = 1) -> None:
        """Count `calls`; raises LimitExceeded or UpstreamTimeout before anything is sent."""
        if self.spent + calls > self.calls:
            raise LimitExceeded(
                "The operation needs too many calls to Dynamics; ask for less at once.",
                limit="upstream_calls",
                maximum=self.calls,
                actual=self.spent + calls,
            )
        if self.remaining <= 0:
            raise UpstreamTimeout("The operation ran out of time.")
        self.spent += calls

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - now()

    def extend(self, seconds: float) -> None:
        """Let the operation go on for so many seconds from now, if it may not anyway."""
        self.deadline = max(self.deadline, now() + seconds)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as the service sent them. `count` is the total of the filter, where asked for."""

    rows: list[Row]
    count: int | None = None
    count_is_exact: bool = True
    complete: bool = True
    """Whether the service has no further rows for the query."""
    last: Row | None = None
    """The last row that the service sent, behind which further rows stand."""


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
    """Dataverse or F&O, through a client that carries base URL, credential and time-outs."""

    client: httpx2.AsyncClient
    dialect: Dialect
    max_rows: int = 20_000
    """Rows after which a read of "all" gives up: a guard for memory, not a page size."""
    headers: dict[str, str] = field(default_factory=lambda: dict(HEADERS))
    write_patience: float = 10.0
    """Seconds after which one try of a write is given up; the write may go on at the service."""
    sender: Sender = field(default_factory=Sender)

    async def fetch(self, query: Query, allowance: Allowance) -> Page:
        """The rows of `query`: `top` of them from one request, else all of its pages."""
        (page,) = await self.fetch_all([query], allowance)
        return page

    async def fetch_all(self, queries: Sequence[Query], allowance: Allowance) -> list[Page]:
        """The pages of several queries: a GET for one that fits into a URL, else a `$batch`."""
        allowance.spend(len(queries))
        if len(queries) == 1 and self.fits(queries[0]):
            answer = await self._get(self._url(queries[0]), allowance, _page_size(queries[0]))
            return [await self._complete(answer, queries[0], allowance)]
        if not all(map(self._fits_batch, queries)):
            raise InvalidInput("The filter is too long.", argument="filter")
        parts = [
            Part("GET", self._url(query), headers=self._prefer(_page_size(query)))
            for query in queries
        ]
        replies = await self._batch(*batch.reads(parts), allowance)
        if len(replies) != len(queries):
            raise UpstreamMismatch("A batch was answered with another number of parts.")
        return [
            await self._complete(
                _rows_of(reply.status, reply.headers, reply.body), query, allowance
            )
            for reply, query in zip(replies, queries, strict=True)
        ]

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

    def fits(self, query: Query) -> bool:
        """Whether the service takes the query as a GET."""
        return len(self._url(query)) <= URL_LIMIT and self._countable(query)

    def _fits_batch(self, query: Query) -> bool:
        return len(self._url(query)) <= BATCHED_URL_LIMIT and self._countable(query)

    def _countable(self, query: Query) -> bool:
        return self.dialect.conditions(query.where) <= CONDITIONS

    @property
    def _root(self) -> str:
        return str(self.client.base_url)

    def _url(self, query: Query) -> str:
        return self._root + self.dialect.url(query)

    def _prefer(self, page_size: int | None) -> dict[str, str]:
        if self.dialect.service == "finops":
            return {}
        preferences = ['odata.include-annotations="Microsoft.Dynamics.CRM.*"']
        if page_size is not None:
            preferences.append(f"odata.maxpagesize={page_size}")
        return {"Prefer": ",".join(preferences)}

    async def _get(self, url: str, allowance: Allowance, page_size: int | None) -> Row:
        sent = await self._send("GET", url, allowance, headers=self._prefer(page_size))
        response = sent.response
        return _rows_of(response.status_code, response.headers, response.content)

    async def _complete(self, answer: Row, query: Query, allowance: Allowance) -> Page:
        """Follow the pages of an answer until its end, or until the rows asked for are there."""
        rows: list[Row] = answer["value"]
        count, exact = answer.get("@odata.count"), not answer.get(COUNT_LIMIT, False)
        while query.top is None and "@odata.nextLink" in answer:
            if len(rows) > self.max_rows:
                raise LimitExceeded(
                    "Too many rows at once; ask for fewer parents or add a filter.",
                    limit="upstream_rows",
                    maximum=self.max_rows,
                    actual=len(rows),
                )
            allowance.spend()
            link = self._own(answer["@odata.nextLink"])
            answer = await self._get(link, allowance, PAGE_SIZE)
            rows += answer["value"]
        complete = len(rows) < query.top if query.top is not None else True
        return Page(rows, count, exact, complete, rows[-1] if rows else None)

    def _own(self, link: str) -> str:
        """A next link, refused unless it leads to this very service: it would get our token."""
        if not link.startswith(self._root):
            raise UpstreamMismatch("The service sent a link that leads elsewhere.")
        return link

    async def _batch(self, content_type: str, body: bytes, allowance: Allowance) -> list[Reply]:
        headers = {"Content-Type": content_type, "Accept": "multipart/mixed"}
        sent = await self._send("POST", "$batch", allowance, headers=headers, content=body)
        replies = _replies(sent.response)
        if sent.response.is_error and len(replies) == 1:
            _raise_for(replies[0].status, replies[0].headers, replies[0].body)
        return replies

    async def _change(self, changes: Sequence[Write], allowance: Allowance) -> Sent:
        (change,) = changes
        headers = {"Content-Type": "application/json"} | change.headers
        return await self._send(
            change.method,
            change.url,
            allowance,
            patience=self.write_patience,
            headers=headers,
            content=change.body,
        )

    async def _change_set(self, changes: Sequence[Write], allowance: Allowance) -> Sent:
        content_type, body = batch.change_set(
            [Part(each.method, self._root + each.url, each.body, each.headers) for each in changes]
        )
        headers = {"Content-Type": content_type, "Accept": "multipart/mixed"}
        return await self._send(
            "POST",
            "$batch",
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
        headers: dict[str, str],
        content: bytes | None = None,
        patience: float | None = None,
    ) -> Sent:
        """`patience`: seconds for one try, the client's own time-out for reads if None."""
        request = self.client.build_request(
            method, url, headers=self.headers | headers, content=content
        )
        seconds = patience or self.client.timeout.read or allowance.remaining
        return await self.sender.send(self.client, request, allowance.deadline, seconds)


def _replies(response: httpx2.Response) -> list[Reply]:
    """The answers in a batch's answer, or the one answer that it is."""
    kind = response.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        return batch.replies(kind, response.content)
    return [Reply(response.status_code, dict(response.headers), response.content)]


def is_no_table(error: UpstreamRefused) -> bool:
    """Whether a query was refused because its table does not exist in the environment."""
    return (error.status, error.details["reason"]) in NO_TABLE


def _page_size(query: Query) -> int | None:
    """Dataverse ignores `$top` where a page size is asked for, so only one of them is sent."""
    return None if query.top is not None else PAGE_SIZE


def _rows_of(status: int, headers: Any, body: bytes) -> Row:
    _raise_for(status, headers, body)
    try:
        answer = _decoder.decode(body)
    except msgspec.DecodeError:
        raise UpstreamMismatch("The service's answer is not JSON.") from None
    if not isinstance(answer.get("value"), list):
        raise UpstreamMismatch("The service's answer holds no rows.")
    return answer


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
