"""Lines of an order from CSV text, as people keep them in spreadsheets."""

from collections.abc import Mapping, Sequence
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from gateway.model.members.column import Column
from gateway.resolvers.orders import own_values
from gateway.resolvers.orders.amend import Addition, add
from gateway.resolvers.orders.input_rules import input_rules
from gateway.resolvers.orders.inputs import (
    MAXIMUM_CSV,
    ImportSalesOrderLinesInput,
    Own,
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
    lines, errors = parse(sent.csv, sent.LINE_MEMBERS)
    addition = Addition("importSalesOrderLines", [*lines.values()], "csv", tuple(lines))
    if errors:
        rules = input_rules(info.context)
        more = [error for line in addition.wanted for error in input_mistakes(line, rules)]
        raise Wrong(*errors, *more)
    return await add(info, ImportSalesOrderLinesPayload, sent, addition)


def parse(
    text: str, members: Sequence[Column] = ()
) -> tuple[dict[int, SalesOrderLineInput], Errors]:
    """
    The lines by the numbers of their rows below the heading, and what is wrong with others.

    `members` of extensions may be named by the heading.
    """
    own = {to_camel_case(member.name): member for member in members}
    sheet = read(text, further=own)
    names: Errors = [
        invalid(f"The column '{name[:50]}' is not known; remove or rename it.", "csv", "0")
        for name in sheet.heading.strangers
    ]
    if names:
        return {}, names
    errors: Errors = [_error(problem, sheet.heading.row) for problem in sheet.problems]
    lines: dict[int, SalesOrderLineInput] = {}
    for line in sheet.lines:
        row = line.row - sheet.heading.row
        said, wrong = _own(line, own)
        errors += [invalid(sentence, "csv", str(row), name) for name, sentence in wrong.items()]
        lines[row] = _input(line, said)
    return lines, errors


def _own(line: Line, members: Mapping[str, Column]) -> tuple[Own, Mapping[str, str]]:
    """The values of a line for members of extensions, and the cells that say none."""
    said: dict[Column, Any] = {}
    wrong: dict[str, str] = {}
    for name, member in members.items():
        if name in line.further or not member.optional:
            try:
                said[member] = own_values.read(member, line.further.get(name, ""))
            except own_values.Unreadable as error:
                wrong[name] = str(error)
    return said, wrong


def _error(problem: Problem, heading: int) -> UserError:
    row = [str(problem.row - heading)] if problem.row else []
    return invalid(problem.sentence, "csv", *row, *filter(None, [problem.column]))


def _input(line: Line, own: Own) -> SalesOrderLineInput:
    return SalesOrderLineInput(
        number=line.number or None,
        item_number=line.item_number or None,
        customer_item_number=line.customer_item_number or None,
        quantity=line.quantity,
        unit=line.unit or None,
        requested_shipping_date=line.day,
        note=line.note or None,
        own=own,
    )
