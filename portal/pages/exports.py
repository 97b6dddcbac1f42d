"""Lists and their lines as CSV files for spreadsheets, written while they are being read."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from portal.errors import BadLink, Unavailable
from portal.figures import size
from portal.language import Language
from portal.lists import mistakes
from portal.pages import invoices, order_list, returns, shipments
from portal.visits import Visit
from portal.words import N_, words_for
from spreadsheets.csv_output import Cell, Convention, convention, line

CONVENTIONS: Final = {"comma": ",", "point": "."}
"""The decimal marks that an address can ask for instead of that of the reader's language."""

Row = Mapping[str, Any]
Value = Callable[[Language, Row], Cell]
Columns = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class CsvLines:
    """The lines of a download, in the language of its reader and the convention that they want."""

    columns: Columns
    language: Language
    convention: Convention

    def heading(self) -> str:
        """The first line, behind the mark by which spreadsheets know UTF-8."""
        names = [self.language.messages.gettext(name) for name in self.columns]
        return "\ufeff" + line(names, self.convention)

    def of(self, row: Row) -> str:
        return line([value(self.language, row) for value in self.columns.values()], self.convention)


def csv_lines(visit: Visit, columns: Columns) -> CsvLines:
    """The lines for a visitor: the address may ask for another decimal mark than the language's."""
    mark = CONVENTIONS.get(visit.query.get("decimals", ""), visit.language.decimal_mark)
    return CsvLines(columns, visit.language, convention(mark))


def attachment(name: str) -> dict[str, str]:
    """The headers of a download."""
    return {"Content-Disposition": f'attachment; filename="{name}.csv"'}


def _at(row: Any, path: str) -> Any:
    for name in path.split("."):
        row = row[name] if row else None
    return row


def text(path: str) -> Value:
    return lambda language, row: _at(row, path)


def number(path: str) -> Value:
    def value(language: Language, row: Row) -> Cell:
        found = _at(row, path)
        return None if found is None else Decimal(str(found))

    return value


def quantity(path: str) -> Value:
    """A quantity of a return, without the ERP's sign."""
    return lambda language, row: size(_at(row, path))


def day(path: str) -> Value:
    return lambda language, row: language.day(_at(row, path))


def word(kind: str, path: str) -> Value:
    return lambda language, row: language.messages.gettext(words_for(kind, _at(row, path))[0])


def orderer(language: Language, row: Row) -> Cell:
    """The person, by whichever model of contacts the order names one."""
    name: str | None = _at(row, "order.contact.name") or _at(row, "order.partyContact.name")
    return name


def parcels(language: Language, row: Row) -> Cell:
    return " ".join(
        each["number"] for each in row["shipment"]["tracking"]["nodes"] if each["number"]
    )


ORDER: Final[Columns] = {
    N_("Order"): text("order.number"),
    N_("Status"): word("order", "order.status"),
    N_("Placed on"): day("order.placedAt"),
    N_("Your reference"): text("order.customerReference"),
    N_("Account"): text("order.account.name"),
    N_("Ordered by"): orderer,
    N_("Requested date"): day("order.requestedReceiptDate"),
}
AMOUNTS: Final[Columns] = {
    N_("Quantity"): number("line.quantity"),
    N_("Unit"): text("line.unit"),
    N_("Price"): number("line.unitPrice.amount"),
    N_("Discount"): number("line.discount.amount"),
    N_("Tax"): number("line.tax.amount"),
    N_("Amount"): number("line.amount.amount"),
    N_("Currency"): text("line.amount.currency"),
}
PRODUCT: Final[Columns] = {
    N_("Line"): number("line.sequence"),
    N_("Product number"): text("line.product.number"),
    N_("Description"): text("line.description"),
}
SENT: Final[Columns] = {
    N_("Packing slip"): text("shipment.number"),
    N_("Shipped on"): day("shipment.deliveredOn"),
    N_("Order"): text("order.number"),
    N_("Your reference"): text("order.customerReference"),
    N_("Account"): text("order.account.name"),
}
INVOICE: Final[Columns] = {
    N_("Invoice"): text("invoice.number"),
    N_("Issued on"): day("invoice.issuedOn"),
    N_("Order"): text("invoice.order.number"),
    N_("Your reference"): text("invoice.order.customerReference"),
    N_("Account"): text("invoice.account.name"),
}
RETURN: Final[Columns] = {
    N_("Return"): text("return.number"),
    N_("RMA number"): text("return.rmaNumber"),
    N_("Status"): word("return", "return.status"),
    N_("Return by"): day("return.returnBy"),
    N_("Reason"): text("return.reason"),
    N_("Your reference"): text("return.customerReference"),
    N_("Account"): text("return.account.name"),
}


@dataclass(frozen=True, slots=True)
class Level:
    """A list inside of each row: what one of its members is called, and how it is read on."""

    field: str
    name: str
    more: str


@dataclass(frozen=True, slots=True)
class Source:
    """A list of the site: its document, what a row of it is called, and what its address asks."""

    document: str
    row: str
    asked: Callable[[Visit], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Export:
    """One file: the operation that reads its rows, and its columns."""

    operation: str
    source: Source
    columns: Columns
    size: int = 50
    """Rows of a request; with the lists inside of them it must keep to the gateway's limits."""
    levels: tuple[Level, ...] = ()


ORDERS: Final = Source("order_exports", "order", order_list.LIST.asked)
SHIPMENTS: Final = Source("shipment_exports", "order", shipments.LIST.asked)
RETURNS: Final = Source("return_exports", "return", returns.LIST.asked)
INVOICES: Final = Source("invoice_exports", "invoice", invoices.LIST.asked)
EXPORTS: Final[Mapping[str, Export]] = {
    "orders": Export(
        "Orders",
        ORDERS,
        {
            **ORDER,
            N_("Confirmed for"): day("order.confirmedReceiptDate"),
            N_("Requisition number"): text("order.requisitionNumber"),
            N_("Total"): number("order.total.amount"),
            N_("Currency"): text("order.total.currency"),
        },
        size=100,
    ),
    "order-lines": Export(
        "OrderLines",
        ORDERS,
        {
            **ORDER,
            **PRODUCT,
            **AMOUNTS,
            N_("Status of the line"): word("line", "line.status"),
            N_("Requested date of the line"): day("line.requestedReceiptDate"),
            N_("Line confirmed for"): day("line.confirmedReceiptDate"),
            N_("Note"): text("line.note"),
        },
        levels=(Level("lines", "line", "MoreOrderLines"),),
    ),
    "shipments": Export(
        "Shipments",
        SHIPMENTS,
        {
            **SENT,
            N_("Carrier"): text("shipment.carrier"),
            N_("Tracking"): parcels,
            N_("Recipient"): text("shipment.recipient"),
            N_("Delivery"): text("shipment.deliveryMode"),
            N_("Quantity"): number("shipment.quantity"),
        },
        size=20,
        levels=(Level("shipments", "shipment", "MoreShipments"),),
    ),
    "shipment-lines": Export(
        "ShipmentLines",
        SHIPMENTS,
        {
            **SENT,
            N_("Line"): number("line.lineNumber"),
            N_("Item number"): text("line.itemNumber"),
            N_("Description"): text("line.name"),
            N_("Quantity"): number("line.quantity"),
            N_("Unit"): text("line.unit"),
            N_("Ordered"): number("line.orderedQuantity"),
            N_("Remaining"): number("line.remainingQuantity"),
        },
        size=10,
        levels=(
            Level("shipments", "shipment", "MoreSentLines"),
            Level("lines", "line", "MoreShipmentLines"),
        ),
    ),
    "returns": Export(
        "Returns",
        RETURNS,
        {
            **RETURN,
            N_("Requisition number"): text("return.requisitionNumber"),
            N_("Replaced by order"): text("return.replacementNumber"),
            N_("Total"): number("return.total.amount"),
            N_("Currency"): text("return.currency"),
        },
        size=100,
    ),
    "return-lines": Export(
        "ReturnLines",
        RETURNS,
        {
            **RETURN,
            N_("Line"): number("line.sequence"),
            N_("Item number"): text("line.itemNumber"),
            N_("Description"): text("line.name"),
            N_("Status of the line"): word("return line", "line.status"),
            N_("To return"): quantity("line.quantity"),
            N_("Returned"): quantity("line.returnedQuantity"),
            N_("Unit"): text("line.unit"),
            N_("Price"): number("line.unitPrice"),
            N_("Amount"): number("line.amount"),
            N_("Currency"): text("return.currency"),
            N_("Expected on"): day("line.expectedOn"),
            N_("Arrived on"): day("line.arrivedOn"),
        },
        levels=(Level("lines", "line", "MoreReturnLines"),),
    ),
    "invoices": Export(
        "Invoices",
        INVOICES,
        {
            **INVOICE,
            N_("Tax"): number("invoice.tax.amount"),
            N_("Freight"): number("invoice.freight.amount"),
            N_("Total"): number("invoice.total.amount"),
            N_("Currency"): text("invoice.total.currency"),
        },
        size=100,
    ),
    "invoice-lines": Export(
        "InvoiceLines",
        INVOICES,
        {**INVOICE, **PRODUCT, **AMOUNTS},
        levels=(Level("lines", "line", "MoreInvoiceLines"),),
    ),
}


async def export(visit: Visit) -> Response:
    """All rows that the list's address asks for; the first page before anything is sent."""
    if mistakes(visit.query):
        raise BadLink
    name = visit.page.path.strip("/").removesuffix(".csv")
    wanted = EXPORTS[name]
    asked = await wanted.source.asked(visit)
    first = await _page(visit, wanted, asked, None)
    return StreamingResponse(
        _written(visit, wanted, asked, first),
        media_type="text/csv",
        headers=attachment(name),
    )


async def _written(
    visit: Visit, wanted: Export, asked: dict[str, Any], page: dict[str, Any]
) -> AsyncIterator[str]:
    lines = csv_lines(visit, wanted.columns)
    yield lines.heading()
    while True:
        for node in page["nodes"]:
            async for row in _unfolded(visit, wanted, {wanted.source.row: node}, wanted.levels):
                yield lines.of(row)
        if not page["pageInfo"]["hasNextPage"]:
            return
        page = await _page(visit, wanted, asked, page["pageInfo"]["endCursor"])


async def _page(
    visit: Visit, wanted: Export, asked: dict[str, Any], after: str | None
) -> dict[str, Any]:
    page = {**asked, "first": wanted.size, "after": after}
    return _there((await visit.ask(wanted.source.document, wanted.operation, **page))["rows"])


def _there(page: dict[str, Any] | None) -> dict[str, Any]:
    """The page; a file that lacks rows because a service is down is worse than none."""
    if page is None:
        raise Unavailable("exports")
    return page


async def _unfolded(
    visit: Visit, wanted: Export, row: Row, levels: tuple[Level, ...]
) -> AsyncIterator[Row]:
    """The row with each member of the lists inside of it; a list that goes on is read on."""
    if not levels:
        yield row
        return
    level, *below = levels
    page = _there([*row.values()][-1][level.field])
    while True:
        for member in page["nodes"]:
            longer = {**row, level.name: member}
            async for each in _unfolded(visit, wanted, longer, tuple(below)):
                yield each
        if not page["pageInfo"]["hasNextPage"]:
            return
        page = await _more(visit, wanted, row, level, page["pageInfo"]["endCursor"])


async def _more(visit: Visit, wanted: Export, row: Row, level: Level, after: str) -> dict[str, Any]:
    """The next page of a list inside of an order or an invoice, or of one of its shipments."""
    names = {"number": row["shipment"]["number"]} if "shipment" in row else {}
    asked = {**names, "id": row[wanted.source.row]["id"], "after": after}
    node = (await visit.ask(wanted.source.document, level.more, **asked))["row"]
    if node and names:
        node = next(iter(_there(node["shipments"])["nodes"]), None)
    return _there(node and node[level.field])
