"""Lines of an order from CSV text, as people keep them in spreadsheets."""

from gateway.resolvers.orders.amend import Addition, add
from gateway.resolvers.orders.inputs import (
    MAXIMUM_CSV,
    ImportSalesOrderLinesInput,
    SalesOrderLineInput,
)
from gateway.resolvers.orders.line_checks import input_mistakes
from gateway.resolvers.orders.payloads import ImportSalesOrderLinesPayload, telling
from gateway.resolvers.orders.user_errors import Errors, UserError, Wrong, invalid
from gateway.schema.context import Info
from spreadsheets.lines import Line, read
from spreadsheets.problems import Problem


@telling(ImportSalesOrderLinesPayload)
async def import_lines(
    info: Info, sent: ImportSalesOrderLinesInput
) -> ImportSalesOrderLinesPayload:
    await info.context.writer.begin("update")
    if len(sent.csv) > MAXIMUM_CSV:
        raise Wrong(
            invalid(f"csv may have at most {MAXIMUM_CSV:,} characters; send several lists.", "csv")
        )
    lines, errors = parse(sent.csv)
    addition = Addition("importSalesOrderLines", [*lines.values()], "csv", tuple(lines))
    if errors:
        more = [error for line in addition.wanted for error in input_mistakes(line)]
        raise Wrong(*errors, *more)
    return await add(info, ImportSalesOrderLinesPayload, sent, addition)


def parse(text: str) -> tuple[dict[int, SalesOrderLineInput], Errors]:
    """The lines by the numbers of their rows below the heading, and what is wrong with others."""
    sheet = read(text)
    names: Errors = [
        invalid(f"The column '{name[:50]}' is not known; remove or rename it.", "csv", "0")
        for name in sheet.heading.strangers
    ]
    if names:
        return {}, names
    errors: Errors = [_error(problem, sheet.heading.row) for problem in sheet.problems]
    return {line.row - sheet.heading.row: _input(line) for line in sheet.lines}, errors


def _error(problem: Problem, heading: int) -> UserError:
    row = [str(problem.row - heading)] if problem.row else []
    return invalid(problem.sentence, "csv", *row, *filter(None, [problem.column]))


def _input(line: Line) -> SalesOrderLineInput:
    return SalesOrderLineInput(
        number=line.number or None,
        item_number=line.item_number or None,
        quantity=line.quantity,
        unit=line.unit or None,
        requested_shipping_date=line.day,
        note=line.note or None,
    )
