"""The checks of a new order's input, before anything is loaded."""

from collections.abc import Sequence

from gateway.resolvers.orders.input_rules import InputRules, key_mistakes
from gateway.resolvers.orders.inputs import PreviewSalesOrderInput, SalesOrderLineInput
from gateway.resolvers.orders.line_checks import Sound, sound
from gateway.resolvers.orders.order_lines import WantedLine


def checked(order: PreviewSalesOrderInput, rules: InputRules) -> Sound:
    """The lines of a new order; Wrong with all that the input says wrong by itself."""
    lines = numbered(order.lines, "lines")
    header = [*key_mistakes(order), *rules.text_mistakes(order)]
    header += [*rules.address_mistakes(order), *rules.own_mistakes(order.own)]
    return sound(lines, rules, "lines", besides=header)


def numbered(lines: Sequence[SalesOrderLineInput], *path: str) -> list[WantedLine]:
    """New lines, each called by its place in the list that stands at `path`."""
    return [WantedLine(line, (*path, str(number))) for number, line in enumerate(lines)]
