"""
A report of Finance & Operations, printed by the action `RunCopilotReport` -> its PDF, in pieces.

Action, parameters and names of reports are seen in public clients and on no page of the vendor's.
"""

from asyncio import Semaphore, timeout_at
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Iterator, Mapping
from contextlib import aclosing, contextmanager

import httpx2
import msgspec
from msgspec import Struct

from gateway.client.exchange import Request
from gateway.client.streaming import StreamedTransport
from gateway.errors import (
    NotAvailableHere,
    NotFound,
    RateLimited,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.upstream.allowance import Allowance
from gateway.upstream.base64_values import Base64Value
from gateway.upstream.credentials import ServiceLogin, Signed
from gateway.upstream.failures import NOT_FOUND, raise_for
from gateway.upstream.forbidden import do_without
from gateway.upstream.odata import ODataQuery
from gateway.upstream.sender import OUT_OF_TIME, now
from gateway.upstream.service import HEADERS, Service

COLLECTION = "SrsFinanceCopilots"
ACTION = "Microsoft.Dynamics.DataEntities.RunCopilotReport"
CONTRACT = "SrsCopilotArgsContract"
"""The contract of reports that take no more than the row that they are about."""
AT_ONCE, EACH = 16, 4
"""Documents that a process prints and sends at once: in all, and for one caller."""
PATIENCE = 30.0
"""Seconds until a document begins: a report is rendered as a whole before any of it comes."""
LOOK = 3.0
"""Seconds that it may take to find out if there are reports."""


class ErpReport(Struct, frozen=True):
    """A report about one row: the controller that prints it, and a column by which it is found."""

    company: str
    controller: str
    table: str
    field: str
    value: str
    contract: str = CONTRACT
    parameters: Mapping[str, str] = {}

    @property
    def body(self) -> bytes:
        """The parameters of the action."""
        row = {
            "DataTableName": self.table,
            "DataTableFieldName": self.field,
            "DataTableFieldValue": self.value,
        }
        return msgspec.json.encode(
            {
                "_contractName": self.contract,
                "_controllerArgsJson": msgspec.json.encode(row).decode(),
                "_controllerName": self.controller,
                "_legalEntityName": self.company,
                "_reportParameterJson": msgspec.json.encode(self.parameters).decode(),
            }
        )


def invoice_report(company: str, number: str, *, ordered: bool) -> ErpReport:
    """The report of an invoice by its number: of an order, else in free text."""
    controller = "SalesInvoiceController" if ordered else "FreeTextInvoiceController"
    return ErpReport(company, controller, "CustInvoiceJour", "InvoiceId", number)


def confirmation_report(company: str, order: str) -> ErpReport:
    """The report of the latest confirmation of an order."""
    return ErpReport(company, "SalesConfirmController", "CustConfirmJour", "SalesId", order)


def statement_report(company: str, account: str) -> ErpReport:
    """The report of the statement of a customer's account."""
    return ErpReport(
        company,
        "CustAccountStatementExtController",
        "CustTable",
        "ACCOUNTNUM",
        account,
        "CustAccountStatementExtContract",
        {"parmCustAccount": account},
    )


class Printer:
    """Prints reports for all callers of a process."""

    def __init__(
        self, service: Service, inner: httpx2.AsyncBaseTransport, login: ServiceLogin
    ) -> None:
        """`inner` carries requests to the service, and their answers in pieces."""
        self._service, self._inner, self._login = service, inner, login
        self._places = Semaphore(AT_ONCE)
        self._printing: Counter[Hashable] = Counter()

    async def look(self) -> None:
        """Find out if the environment has reports; where nobody says, it is taken to have them."""
        query = ODataQuery(COLLECTION, ("ReportMenuItemName",), top=1)
        try:
            await self._service.fetch(query, Allowance(1, now() + LOOK))
        except NotAvailableHere:
            do_without(self._service.names, COLLECTION)
        except UpstreamError:
            pass

    async def printed(self, report: ErpReport, allowance: Allowance) -> AsyncIterator[bytes]:
        """
        The PDF of a report. Nothing has come before the first piece: then GatewayError, NotFound
        where the ERP has no such document. Later the pieces end too soon with UpstreamError.
        """
        with self._place(allowance.errand.caller):
            try:
                async with timeout_at(allowance.deadline):
                    await self._places.acquire()
            except TimeoutError:
                raise UpstreamTimeout(OUT_OF_TIME) from None
            way = StreamedTransport(self._inner)
            try:
                await self._asked(report, way, allowance)
                async with aclosing(_read(way)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                await way.aclose()
                self._places.release()

    async def _asked(self, report: ErpReport, way: StreamedTransport, allowance: Allowance) -> None:
        """Have the report rendered, by the way of all calls: budget, breaker and repeats."""
        allowance.spend()
        service = self._service
        url = f"{service.root}{service.names.collection(COLLECTION)}/{ACTION}"
        headers = {**HEADERS, "Content-Type": "application/json"}
        sent = await service.sender.send(
            Signed(way, self._login),
            Request("POST", url, report.body, headers),
            allowance.deadline,
            PATIENCE,
            allowance.clock,
            allowance.errand,
            ("reads", COLLECTION),
        )
        reply = sent.response
        try:
            raise_for(reply.status, reply.headers, reply.body)
        except UpstreamRefused as error:
            if error.status != NOT_FOUND:
                raise
            raise NotFound("There is no such document.") from None

    @contextmanager
    def _place(self, caller: Hashable) -> Iterator[None]:
        if self._printing[caller] >= EACH:
            raise RateLimited("You are receiving several documents already.", retryAfter=1)
        self._printing[caller] += 1
        try:
            yield
        finally:
            self._printing[caller] -= 1
            if not self._printing[caller]:
                del self._printing[caller]


async def _read(way: StreamedTransport) -> AsyncGenerator[bytes, None]:
    value = Base64Value()
    try:
        async for piece in way.pieces():
            for part in value.feed(piece):
                yield part
    except httpx2.TransportError:
        raise UpstreamUnavailable("The document broke off.") from None
    value.end()
