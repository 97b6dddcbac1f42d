"""
One upstream service's HTTP: queries become requests, answers become rows or errors of ours.

Everything that differs between the embedded emulator, a sandbox and production is the root URL and
the transport that is handed in, which carries the credential.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

import msgspec
from msgspec import Struct, field

from gateway.client.exchange import Reply, Request, Transport
from gateway.errors import (
    InvalidInput,
    LimitExceeded,
    UpstreamError,
    UpstreamMismatch,
    UpstreamRefused,
    UpstreamUnavailable,
)
from gateway.upstream import batch
from gateway.upstream.allowance import Allowance
from gateway.upstream.breaker import Sort
from gateway.upstream.conditions import NOTHING
from gateway.upstream.diagnosis import diagnose, diagnose_write
from gateway.upstream.failures import outcome_of, raise_for
from gateway.upstream.names import Names, NamesChanged
from gateway.upstream.odata import Dialect, ODataQuery, row_url
from gateway.upstream.pages import (
    PLAIN,
    Decoder,
    Envelope,
    Page,
    ReadOutcome,
    opened,
    opened_in_pieces,
    page_of,
    rows_made,
)
from gateway.upstream.preferences import NO_HEADERS, preferred
from gateway.upstream.renaming import Rename, rename_plain
from gateway.upstream.row_writes import Write
from gateway.upstream.sender import Sender, Sent

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

HEADERS = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
    "If-None-Match": "null",
}
EACH_BY_ITSELF = {"Prefer": "odata.continue-on-error"}
"""The header by which a read that is refused ends no others of its batch."""


class Call(Struct, frozen=True):
    """A query on its way to a service: the absolute URL, and the conditions that make it long."""

    query: ODataQuery
    url: str
    conditions: int
    finds: bool = True
    """True if any row can meet the query; if not it is not sent."""

    @property
    def fits(self) -> bool:
        """True if the service takes it as a GET."""
        return len(self.url) <= URL_LIMIT and self.conditions <= CONDITIONS

    @property
    def fits_batch(self) -> bool:
        return len(self.url) <= BATCHED_URL_LIMIT and self.conditions <= CONDITIONS

    @property
    def page_size(self) -> int | None:
        """Dataverse ignores `$top` where a page size is asked for, so only one of them is sent."""
        return None if self.query.top is not None else PAGE_SIZE


class Service(Struct, frozen=True, eq=False):
    """
    Dataverse or F&O, below a root URL that ends in `/` and over a transport that signs.

    All reads of tables go through `ask` and `open`, by which others stand before a service.
    """

    transport: Transport
    root: str
    dialect: Dialect
    max_rows: int = 20_000
    """Rows after which a read of "all" gives up: a guard for memory, not a page size."""
    write_patience: float = 10.0
    """Seconds after which one try of a write is given up; the write may go on at the service."""
    sender: Sender = field(default_factory=Sender)
    names: Names = field(default_factory=Names)
    _diagnosed: set[tuple[str, str]] = field(default_factory=set)

    def call(self, query: ODataQuery) -> Call:
        named = self.names.query(query)
        if named.where == NOTHING:
            return Call(query, "", 0, finds=False)
        url = self.root + self.dialect.url(named)
        many = len(url) > SHORT_URL
        return Call(query, url, self.dialect.conditions(named.where) if many else 0)

    async def fetch(self, query: ODataQuery, allowance: Allowance) -> Page:
        """The rows of `query`: `top` of them from one request, else all of its pages."""
        (page,) = await self.fetch_together([query], allowance)
        return page

    async def fetch_together(
        self, queries: Sequence[ODataQuery], allowance: Allowance
    ) -> list[Page]:
        """The rows of several queries, of whichever tables, by one call."""
        while True:
            try:
                return await self.fetch_all([self.call(each) for each in queries], allowance)
            except NamesChanged:
                continue

    async def fetch_all(
        self,
        calls: Sequence[Call],
        allowance: Allowance,
        decoder: Decoder = PLAIN,
        *,
        spared: int = 0,
    ) -> list[Page]:
        """
        The pages of several queries: a GET for one that fits into a URL, else a `$batch`. `spared`
        is the number of calls that were not needed, and are paid for all the same.

        NamesChanged where they named what the service lacks: make them again, from their queries.
        """
        for call in calls:
            if not call.finds:
                return await self._found(calls, allowance, decoder, spared)
        if not calls and not spared:
            return []
        asked = self.names.version
        # By the names of the question: those that are known may be others when the answer comes.
        renames = [self._renaming(call.query) for call in calls] if decoder is PLAIN else []
        outcomes = await self.ask(calls, allowance, spared=spared)
        for call, outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, UpstreamRefused):
                diagnose(self.names, self.dialect, call.query, outcome, self._diagnosed, asked)
        pages = []
        for place, (outcome, call) in enumerate(zip(outcomes, calls, strict=True)):
            answer = await self.open(outcome, allowance, decoder)
            if call.query.top is None and answer.next_link is not None:
                answer = await self._complete(answer, call.query, allowance, decoder)
            if renames:
                await rename_plain(answer.value, renames[place])
            pages.append(page_of(answer, call.query.top))
        return pages

    async def _found(
        self, calls: Sequence[Call], allowance: Allowance, decoder: Decoder, spared: int
    ) -> list[Page]:
        """As `fetch_all`, with an empty page for each query that no row can meet."""
        finding = [call for call in calls if call.finds]
        rest = iter(await self.fetch_all(finding, allowance, decoder, spared=spared))
        return [next(rest) if call.finds else Page([], 0) for call in calls]

    async def opened(self, sent: Page, query: ODataQuery, decoder: Decoder) -> Page:
        """A page of bytes with its rows as the decoder makes them; another page as it is."""
        page = await rows_made(sent, decoder)
        if decoder is PLAIN and page is not sent:
            await rename_plain(page.rows, self._renaming(query))
        return page

    def _renaming(self, query: ODataQuery) -> Rename | None:
        return self.names.rename(query.entity, query.select)

    async def read(self, resource: str, allowance: Allowance) -> Any:
        """
        The JSON of a resource that is no table, below the root, or with `/` in front at the origin.

        Raises UpstreamError.
        """
        allowance.spend()
        url = urljoin(self.root, resource) if resource.startswith("/") else self.root + resource
        sent = await self._send("GET", url, allowance, ("reads", resource), headers=NO_HEADERS)
        raise_for(sent.response.status, sent.response.headers, sent.response.body)
        try:
            return msgspec.json.decode(sent.response.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UpstreamMismatch("The service's answer is not JSON.") from None

    async def write(self, changes: Sequence[Write], allowance: Allowance) -> None:
        """
        Make all `changes`, or none: one request for one, a change set for more.

        Raises UpstreamError; its `doubtful` says whether the changes may stand all the same.
        """
        allowance.spend()
        sent = await (self._change_set if len(changes) > 1 else self._change)(changes, allowance)
        try:
            for reply in await batch.replied(sent.response):
                raise_for(reply.status, reply.headers, reply.body)
        except UpstreamError as error:
            # After an unreadable answer it is unknown if the write succeeded.
            unclear = isinstance(error, UpstreamMismatch | UpstreamUnavailable)
            error.doubtful = sent.doubtful or unclear
            if isinstance(error, UpstreamRefused):
                diagnose_write(error)
            raise

    def spare(self, allowance: Allowance) -> None:
        """Pay for a call that need not be sent, unless it was paid for in an earlier attempt."""
        if not allowance.is_prepaid():
            self.sender.spare(allowance.errand, allowance.clock())

    async def ask(
        self, calls: Sequence[Call], allowance: Allowance, *, spared: int = 0
    ) -> list[ReadOutcome]:
        """
        The outcomes of reads, each by itself, after they and the `spared` ones are paid for.

        Raises LimitExceeded or UpstreamTimeout where the allowance does not reach.
        """
        allowance.spend(len(calls) + spared)
        if not calls:
            return []
        try:
            return await self._answers(calls, allowance)
        except UpstreamError as error:
            return [error] * len(calls)

    async def open(
        self, outcome: ReadOutcome, allowance: Allowance, decoder: Decoder
    ) -> Envelope[Any]:
        """The rows of an outcome, whose bytes count; raises the error that it is."""
        if outcome.__class__ is bytes and allowance.receive(outcome):
            return await opened_in_pieces(outcome, decoder, allowance.look)
        return opened(outcome, decoder)

    async def _answers(self, calls: Sequence[Call], allowance: Allowance) -> list[ReadOutcome]:
        """A GET for a query that fits into a URL, else a `$batch`."""
        if len(calls) == 1 and calls[0].fits:
            (call,) = calls
            sort: Sort = ("reads", call.query.entity)
            headers = self._preferred(call)
            sent = await self._send("GET", call.url, allowance, sort, headers=headers)
            return [outcome_of(sent.response)]
        if not all(call.fits_batch for call in calls):
            raise InvalidInput(
                "The filter is too long; split it into several requests.", argument="filter"
            )
        parts = [Request("GET", call.url, headers=self._preferred(call)) for call in calls]
        sort = ("reads", calls[0].query.entity)
        replies = await self._batch(*batch.reads(parts), allowance, sort)
        if len(replies) != len(calls):
            raise UpstreamMismatch("A batch was answered with another number of parts.")
        return list(map(outcome_of, replies))

    def _preferred(self, call: Call) -> Mapping[str, str]:
        if not self.dialect.takes_preferences:
            return NO_HEADERS
        return preferred(counted=call.query.count, page_size=call.page_size)

    async def _complete(
        self, first: Envelope[Any], query: ODataQuery, allowance: Allowance, decoder: Decoder
    ) -> Envelope[Any]:
        """An answer with the rows of all pages that follow it."""
        answer, rows = first, first.value
        while answer.next_link is not None:
            if len(rows) > self.max_rows:
                raise LimitExceeded(
                    "Too many rows at once; use a smaller page or add a filter.",
                    limit="upstream_rows",
                    maximum=self.max_rows,
                    actual=len(rows),
                )
            further = Call(query, self._own(answer.next_link), conditions=0)
            (outcome,) = await self.ask([further], allowance)
            answer = await self.open(outcome, allowance, decoder)
            rows = rows + answer.value
        return Envelope(rows, first.count, first.count_is_limited)

    def _own(self, link: str) -> str:
        """A next link, refused unless it leads to this very service: it would get our token."""
        if not link.startswith(self.root):
            raise UpstreamMismatch("The service sent a link that leads elsewhere.")
        return link

    async def _batch(
        self, content_type: str, body: bytes, allowance: Allowance, sort: Sort
    ) -> list[Reply]:
        headers = {"Content-Type": content_type, "Accept": "multipart/mixed", **EACH_BY_ITSELF}
        sent = await self._send(
            "POST", self.root + "$batch", allowance, sort, headers=headers, content=body
        )
        replies = await batch.replied(sent.response)
        if sent.response.status >= 400 and len(replies) == 1:
            raise_for(replies[0].status, replies[0].headers, replies[0].body)
        return replies

    async def _change(self, changes: Sequence[Write], allowance: Allowance) -> Sent:
        request = self._request(changes[0])
        headers = {"Content-Type": "application/json", **request.headers}
        return await self._send(
            request.method,
            request.url,
            allowance,
            ("writes", changes[0].entity),
            patience=self.write_patience,
            headers=headers,
            content=request.body,
        )

    def _request(self, change: Write) -> Request:
        """A change in the names of the environment."""
        if change.action is not None:
            return Request("POST", self.root + change.action, _encoder.encode(change.row))
        collection = self.names.collection(change.entity)
        url = self.root + (collection if change.key is None else row_url(collection, change.key))
        body = b""
        if change.row is not None:
            body = _encoder.encode(self.names.row(change.entity, change.row, change.company))
        return Request(change.method, url, body, change.headers)

    async def _change_set(self, changes: Sequence[Write], allowance: Allowance) -> Sent:
        content_type, body = batch.change_set([self._request(each) for each in changes])
        headers = {"Content-Type": content_type, "Accept": "multipart/mixed"}
        return await self._send(
            "POST",
            self.root + "$batch",
            allowance,
            ("writes", changes[0].entity),
            patience=self.write_patience,
            headers=headers,
            content=body,
        )

    async def _send(
        self,
        method: str,
        url: str,
        allowance: Allowance,
        sort: Sort,
        *,
        headers: Mapping[str, str],
        content: bytes = b"",
        patience: float | None = None,
    ) -> Sent:
        """`patience`: seconds for one try, the sender's own time-out for reads if None."""
        request = Request(method, url, content, {**HEADERS, **headers})
        seconds = patience or self.sender.timeouts.read
        return await self.sender.send(
            self.transport,
            request,
            allowance.deadline,
            seconds,
            allowance.clock,
            allowance.errand,
            sort,
        )
