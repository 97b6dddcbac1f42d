"""Lines of an order from CSV text, as people keep them in spreadsheets."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

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
SPELLED = {name.lower(): name for name in COLUMNS}
SEPARATORS = "\t;,"
FIRST = 1
"""The number of the first row below the names."""
QUANTITY = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


async def import_lines(
    info: Info, sent: ImportSalesOrderLinesInput
) -> ImportSalesOrderLinesPayload:
    await info.context.writer.begin("update")
    lines, errors = parse(sent.csv)
    if errors:
        return refused(ImportSalesOrderLinesPayload, errors)
    addition = Addition("importSalesOrderLines", [*lines.values()], "csv", tuple(lines))
    return await add(info, ImportSalesOrderLinesPayload, sent, addition)


def parse(text: str) -> tuple[dict[int, SalesOrderLineInput], Errors]:
    """The lines by the numbers of their rows, and what is wrong with the other rows."""
    try:
        names, *rows = _cells(text.removeprefix("\ufeff")) or [[]]
    except csv.Error:
        return {}, [placing.invalid("This is not CSV.", "csv")]
    columns = [SPELLED.get(name.lower(), name) for name in names]
    filled = {number: row for number, row in enumerate(rows, start=FIRST) if any(row)}
    problems = _problems(columns)
    if problems or not 1 <= len(filled) <= MAXIMUM_LINES:
        amount = placing.invalid(f"There must be 1 to {MAXIMUM_LINES} rows.", "csv")
        return {}, problems or [amount]
    found = {number: _line(number, columns, row) for number, row in filled.items()}
    return (
        {n: each for n, each in found.items() if isinstance(each, SalesOrderLineInput)},
        [each for each in found.values() if isinstance(each, UserError)],
    )


def _cells(text: str) -> list[list[str]]:
    """All rows, those without content too; csv.Error where the quotes do not fit."""
    first, *_ = text.splitlines() or [""]
    separator = max(SEPARATORS, key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [[cell.strip() for cell in row] for row in rows]


def _problems(columns: Sequence[str]) -> Errors:
    strangers = [name for name in columns if name not in COLUMNS]
    if strangers:
        return [placing.invalid(f"There is no column '{strangers[0][:50]}'.", "csv", "0")]
    name, times = Counter(columns).most_common(1)[0] if columns else ("", 0)
    if times > 1:
        return [placing.invalid(f"There are {times} columns '{name}'.", "csv", "0")]
    if "quantity" not in columns or not {"number", "itemNumber"} & {*columns}:
        said = "There must be a column 'quantity', and 'number' or 'itemNumber'."
        return [placing.invalid(said, "csv", "0")]
    return []


def _line(
    number: int, columns: Sequence[str], row: Sequence[str]
) -> SalesOrderLineInput | UserError:
    if any(row[len(columns) :]):
        return placing.invalid("The row has too many cells.", "csv", str(number))
    cells = {name: cell for name, cell in zip(columns, row, strict=False) if cell}
    quantity, wanted = cells.get("quantity", ""), cells.get("requestedShippingDate")
    if not QUANTITY.fullmatch(quantity):
        said = "The quantity is no number; write it as 1250.5."
        return placing.invalid(said, "csv", str(number), "quantity")
    try:
        shipping = date.fromisoformat(wanted) if wanted else None
    except ValueError:
        said = "Write the date as 2026-12-31."
        return placing.invalid(said, "csv", str(number), "requestedShippingDate")
    return SalesOrderLineInput(
        number=cells.get("number"),
        item_number=cells.get("itemNumber"),
        quantity=Decimal(quantity),
        unit=cells.get("unit"),
        requested_shipping_date=shipping,
        note=cells.get("note"),
    )
