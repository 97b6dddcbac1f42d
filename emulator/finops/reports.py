"""
The action `RunCopilotReport`: the name of a report and a document of the ERP -> a PDF, in base64.

Action, parameters, controllers and the shape of their arguments are marked M; refusals U.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from emulator.errors import BadPayload, Refusal
from emulator.metadata import Table
from emulator.printing import pdf
from emulator.scm.known_orders import number_of
from emulator.store import Store
from emulator.values import Row, fold
from emulator.world.erp_rows import INVOICE_LINES
from emulator.world.ledger import JOURNAL, TRANSACTIONS

SET: Final = "SrsFinanceCopilots"
ACTION: Final = "Microsoft.Dynamics.DataEntities.RunCopilotReport"
HEADERS: Final = "SalesOrderHeadersV2"
ORDER_LINES: Final = "SalesOrderLines"
CUSTOMERS: Final = "CustomersV3"
Print = Callable[["Archive", Row], list[str]]


class ReportRun(msgspec.Struct, rename=lambda name: f"_{name}"):
    """The parameters of the action."""

    legalEntityName: str  # noqa: N815 - as they travel
    controllerName: str  # noqa: N815
    controllerArgsJson: str  # noqa: N815
    contractName: str = ""  # noqa: N815
    reportParameterJson: str = "{}"  # noqa: N815


class ReportArgs(msgspec.Struct):
    """The row that a report is run for."""

    DataTableName: str
    DataTableFieldName: str
    DataTableFieldValue: str


class Archive:
    """Finds and prints the documents of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def run(self, body: bytes) -> Mapping[str, str]:
        """The answer to the action; a Refusal where there is no such report or document."""
        try:
            report = msgspec.json.decode(body, type=ReportRun)
            wanted = msgspec.json.decode(report.controllerArgsJson, type=ReportArgs)
        except msgspec.MsgspecError as error:
            raise BadPayload(f"An error has occurred. {error}") from error
        key = report.controllerName, wanted.DataTableName, wanted.DataTableFieldName
        found = REPORTS.get(key)
        if found is None:
            raise BadPayload(f"The controller {report.controllerName} cannot be run so.")
        name, column, prints = found
        rows = self.rows(name, report.legalEntityName, column, wanted.DataTableFieldValue)
        if not rows:
            raise Refusal("The document does not exist.", status=404)
        return {"value": base64.b64encode(pdf(prints(self, rows[0]))).decode()}

    def rows(self, name: str, area: object, column: str, value: object) -> list[Row]:
        where = f'fold("dataAreaId") = ? AND fold("{column}") = ?'
        return self._store.select(self.table(name), where, [fold(str(area)), fold(str(value))])

    def table(self, name: str) -> Table:
        return self._store.catalog.tables[name]


def _invoice(archive: Archive, row: Row) -> list[str]:
    area, number = row["dataAreaId"], row["InvoiceId"]
    lines = archive.rows(INVOICE_LINES, area, "InvoiceNumber", number)
    table, own = archive.table(INVOICE_LINES), archive.table(JOURNAL)
    figures = ("InvoicedQuantity", "SalesPrice", "LineAmount")
    total = number_of(own, row, "InvoiceAmount")
    title = "Credit note" if total < 0 else "Invoice"
    return [
        f"{title} {number}",
        f"Account {row['InvoiceAccount']}  Order {row['SalesId'] or '-'}",
        f"Date {_day(row['InvoiceDate'])}  Due {_day(row['DueDate'])}",
        "",
        *(_line(table, line, str(line["ProductName"]), figures) for line in lines),
        "",
        f"{'Tax':<60}{number_of(own, row, 'SumTax'):>16.2f}",
        f"{'Total ' + str(row['CurrencyCode']):<60}{total:>16.2f}",
    ]


def _confirmation(archive: Archive, row: Row) -> list[str]:
    area, number = row["dataAreaId"], row["SalesOrderNumber"]
    lines = archive.rows(ORDER_LINES, area, "SalesOrderNumber", number)
    table, own = archive.table(ORDER_LINES), archive.table(HEADERS)
    figures = ("OrderedSalesQuantity", "SalesPrice", "LineAmount")
    total = number_of(own, row, "OrderTotalAmount")
    return [
        f"Order confirmation {number}",
        f"Account {row['OrderingCustomerAccountNumber']}",
        f"Shipping on {_day(row['ConfirmedShippingDate'])}",
        "",
        *(_line(table, line, str(line["LineDescription"]), figures) for line in lines),
        "",
        f"{'Total ' + str(row['CurrencyCode']):<60}{total:>16.2f}",
    ]


def _statement(archive: Archive, row: Row) -> list[str]:
    area, number = row["dataAreaId"], row["CustomerAccount"]
    entries = archive.rows(TRANSACTIONS, area, "AccountNum", number)
    table = archive.table(TRANSACTIONS)
    return [
        f"Statement of account {number}",
        str(row["OrganizationName"] or ""),
        "",
        *(_entry(table, each) for each in sorted(entries, key=lambda each: str(each["TransDate"]))),
    ]


def _entry(table: Table, row: Row) -> str:
    amount = number_of(table, row, "AmountCur")
    left = amount - number_of(table, row, "SettleAmountCur")
    number = str(row["Invoice"] or row["Voucher"])
    figures = f"{amount:>16.2f}{left:>16.2f} {row['CurrencyCode']}"
    return f"{_day(row['TransDate']):<12}{number:<22}{figures}"


def _line(table: Table, row: Row, name: str, figures: tuple[str, ...]) -> str:
    quantity, price, amount = (number_of(table, row, each) for each in figures)
    return f"{name[:38]:<38}{quantity.normalize():>8f}{price:>14.2f}{amount:>16.2f}"


def _day(value: object) -> str:
    day = str(value)[:10]
    return "-" if day.startswith("1900") else day


REPORTS: Final[Mapping[tuple[str, str, str], tuple[str, str, Print]]] = {
    ("SalesInvoiceController", "CustInvoiceJour", "InvoiceId"): (JOURNAL, "InvoiceId", _invoice),
    ("FreeTextInvoiceController", "CustInvoiceJour", "InvoiceId"): (JOURNAL, "InvoiceId", _invoice),
    ("SalesConfirmController", "CustConfirmJour", "SalesId"): (
        HEADERS,
        "SalesOrderNumber",
        _confirmation,
    ),
    ("CustAccountStatementExtController", "CustTable", "ACCOUNTNUM"): (
        CUSTOMERS,
        "CustomerAccount",
        _statement,
    ),
}
"""By controller, table and field: the collection that is printed, the column, and how."""


def is_report(set_name: str, steps: list[Any]) -> bool:
    """True if the steps of a path behind a collection name the action."""
    return set_name == SET and [step.name for step in steps] == [ACTION]
