"""Lines of an order from CSV text, as people keep them in spreadsheets."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from gateway.resolvers import placing
from gateway.resolvers.amending import Addition, add
from gateway.resolvers.inputs import (
    MAXIMUM_LINES,
    ImportSalesOrderLinesInput,
    SalesOrderLineInput,
)
from gateway.resolvers.mistakes import Errors, UserError
from gateway.resolvers.payloads import ImportSalesOrderLinesPayload, refused
from gateway.schema.context import Info

COLUMNS = ("number", "itemNumber", "quantity", "unit", "requestedShippingDate", "note")
SEPARATORS = "\t;,"
FIRST = 1
"""The number of the first row below the names."""


async def import_lines(
    info: Info, sent: ImportSalesOrderLinesInput
) -> ImportSalesOrderLinesPayload:
    await info.context.writer.begin("update")
    lines, errors = parse(sent.csv)
    if errors:
        return refused(ImportSalesOrderLinesPayload, errors)
    addition = Addition("importSalesOrderLines", lines, ("csv", FIRST))
    return await add(info, ImportSalesOrderLinesPayload, sent, addition)


def parse(text: str) -> tuple[list[SalesOrderLineInput], Errors]:
    """The lines, and every row that is none with its number."""
    names, *_ = text.lstrip("\ufeff").splitlines() or [""]
    separator = max(SEPARATORS, key=names.count)
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator, strict=True)
    try:
        given = [_stripped(row) for row in rows]
        problems = _problems(rows.fieldnames or ())
    except csv.Error:
        return [], [placing.invalid("This is not CSV.", "csv")]
    if problems or not 1 <= len(given) <= MAXIMUM_LINES:
        amount = placing.invalid(f"There must be 1 to {MAXIMUM_LINES} rows.", "csv")
        return [], problems or [amount]
    found = [_line(number, row) for number, row in enumerate(given, start=FIRST)]
    return (
        [each for each in found if isinstance(each, SalesOrderLineInput)],
        [each for each in found if isinstance(each, UserError)],
    )


def _problems(names: Iterable[str]) -> Errors:
    known = [name.strip() for name in names]
    strangers = [name for name in known if name not in COLUMNS]
    if strangers:
        return [placing.invalid(f"There is no column '{strangers[0][:50]}'.", "csv", "0")]
    if "quantity" not in known or not {"number", "itemNumber"} & {*known}:
        said = "There must be a column 'quantity', and 'number' or 'itemNumber'."
        return [placing.invalid(said, "csv", "0")]
    return []


def _stripped(row: Mapping[str | None, str | list[str] | None]) -> dict[str, str]:
    """The cells that say something; what is beyond the last column has no name."""
    return {
        (name or "").strip(): value.strip() if isinstance(value, str) else "too many"
        for name, value in row.items()
        if value and not (isinstance(value, str) and not value.strip())
    }


def _line(number: int, row: Mapping[str, str]) -> SalesOrderLineInput | UserError:
    if "" in row:
        return placing.invalid("The row has too many cells.", "csv", str(number))
    try:
        quantity = Decimal(row.get("quantity", ""))
    except InvalidOperation:
        return placing.invalid("The quantity is no number.", "csv", str(number), "quantity")
    try:
        wanted = row.get("requestedShippingDate")
        shipping = date.fromisoformat(wanted) if wanted else None
    except ValueError:
        said = "Write the date as 2026-12-31."
        return placing.invalid(said, "csv", str(number), "requestedShippingDate")
    return SalesOrderLineInput(
        number=row.get("number"),
        item_number=row.get("itemNumber"),
        quantity=quantity,
        unit=row.get("unit"),
        requested_shipping_date=shipping,
        note=row.get("note"),
    )
