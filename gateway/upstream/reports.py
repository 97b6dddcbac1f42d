"""
A report of Finance & Operations, printed by the action `RunCopilotReport` -> its PDF, in pieces.

Action, parameters and names of reports are seen in public clients and on no page of the vendor's.
"""

from collections.abc import AsyncIterator, Mapping

import msgspec
from msgspec import Struct

from gateway.client.exchange import Request
from gateway.errors import GatewayError, NotAvailableHere
from gateway.upstream.allowance import Allowance
from gateway.upstream.forbidden import do_without
from gateway.upstream.odata import ODataQuery
from gateway.upstream.sender import now
from gateway.upstream.service import HEADERS
from gateway.upstream.streamed_values import StreamedValues, WantedValue

COLLECTION = "SrsFinanceCopilots"
ACTION = "Microsoft.Dynamics.DataEntities.RunCopilotReport"
CONTRACT = "SrsCopilotArgsContract"
"""The contract of reports that take no more than the row that they are about."""
AT_ONCE, EACH = 16, 4
"""Documents that a process prints and sends at once: in all, and for one caller."""
PATIENCE = 30.0
"""Seconds until a document begins: a report is rendered as a whole before any of it comes."""
LOOKS = 3
"""Calls for the look at the start: names that are refused are asked for by others."""
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

    def __init__(self, values: StreamedValues) -> None:
        self._values, self._service = values, values.service

    async def look(self) -> None:
        """Find out if the environment has reports; where nobody says, it is taken to have them."""
        query = ODataQuery(COLLECTION, ("ReportMenuItemName",), top=1)
        try:
            await self._service.fetch(query, Allowance(LOOKS, now() + LOOK))
        except NotAvailableHere:
            do_without(self._service.names, COLLECTION)
        except GatewayError:
            pass

    def printed(self, report: ErpReport, allowance: Allowance) -> AsyncIterator[bytes]:
        """The PDF of a report, as `StreamedValues.read` has it."""
        url = f"{self._service.root}{self._service.names.collection(COLLECTION)}/{ACTION}"
        headers = {**HEADERS, "Content-Type": "application/json"}
        request = Request("POST", url, report.body, headers)
        return self._values.read(WantedValue(request, COLLECTION, patience=PATIENCE), allowance)
