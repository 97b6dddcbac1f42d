"""The checks of a new order's header: before anything is loaded, and once the buyer is."""

from collections.abc import Sequence

from gateway.resolvers.orders.buyers import Buyer, astray
from gateway.resolvers.orders.input_checks import day_mistakes, today
from gateway.resolvers.orders.input_rules import InputRules, key_mistakes
from gateway.resolvers.orders.inputs import PreviewSalesOrderInput, SalesOrderLineInput
from gateway.resolvers.orders.line_checks import Sound, sound
from gateway.resolvers.orders.order_lines import WantedLine
from gateway.resolvers.orders.user_errors import Errors
from gateway.schema.context import Context


def checked(order: PreviewSalesOrderInput, rules: InputRules) -> Sound:
    """The lines of a new order; Wrong with all that the input says wrong by itself."""
    lines = numbered(order.lines, "lines")
    header = [*key_mistakes(order), *rules.text_mistakes(order)]
    header += [*rules.address_mistakes(order), *rules.own_mistakes(order.own)]
    return sound(lines, rules, "lines", besides=header)


def numbered(lines: Sequence[SalesOrderLineInput], *path: str) -> list[WantedLine]:
    """New lines, each called by its place in the list that stands at `path`."""
    return [WantedLine(line, (*path, str(number))) for number, line in enumerate(lines)]


def faults(context: Context, buyer: Buyer, sent: PreviewSalesOrderInput) -> Errors:
    """The mistakes in the header of a new order."""
    passed = day_mistakes(sent, today(context.writer.writes.clock()))
    return [*astray(buyer, sent), *passed]
