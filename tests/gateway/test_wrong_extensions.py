"""A mistake in an extension is named when the gateway starts: module, class, member, remedy."""

from pathlib import Path

import pytest

from gateway.extension import DeclarationError
from gateway.resolvers.root import build
from tests.extensions import written
from tests.gateway.test_command_line import MINIMUM, gateway

EVERYTHING = "from uuid import UUID\nfrom gateway.extension import *\n"
INPUT = 'written="always", input=True'
TABLE = '@table("acme_machine", key="acme_machineid", rows=everyone, needs="account"{more})\n'
MACHINE = TABLE + 'class Machine(Node):\n    """A machine."""\n'
ASK = 'async def ask(info: Info) -> str | None:\n    """x"""\n'


def machine(members: str = "", more: str = "") -> str:
    """A table with these members, one a line."""
    own = "".join(f"    {line}\n" for line in members.splitlines())
    return MACHINE.format(more=more) + '    serial: str | None = column("acme_serial", "x")\n' + own


def order(*lines: str) -> str:
    return "@extend(SalesOrder)\nclass AcmeOrder:\n" + "".join(f"    {line}\n" for line in lines)


WRONG = {
    "no row rule": (
        '@table("acme_machine", key="acme_machineid", needs="account")\n'
        'class Machine(Node):\n    """A machine."""\n',
        "acme_trial, line 3: TypeError: table() missing 1 required keyword-only argument: 'rows'",
    ),
    "no docstring": (
        TABLE.format(more="") + 'class Machine(Node):\n    serial: str = column("x", "x")\n',
        "acme_trial.Machine needs a docstring, which is the type's description",
    ),
    "no class of rows": (
        TABLE.format(more="") + 'class Machine:\n    """A machine."""\n',
        "acme_trial.Machine must be a subclass of `Node` or `Row`",
    ),
    "a name of ours": (
        TABLE.format(more="") + 'class Account(Node):\n    """An account."""\n',
        "acme_trial.Account: the name is taken by gateway.schema.business.accounts.Account",
    ),
    "no decorator": (
        'class AcmeOrder:\n    project: str | None = column("acme_project", "x")\n',
        "acme_trial.AcmeOrder needs the decorator `table` or `extend`",
    ),
    "an extension of no table": (
        '@extend(Money)\nclass AcmeMoney:\n    vat: str | None = column("acme_vat", "x")\n',
        "acme_trial.AcmeMoney extends gateway.schema.business.values.Money, which is not a table",
    ),
    "a member that is there": (
        order('number: str | None = column("acme_number", "x")'),
        "acme_trial.AcmeOrder.number: SalesOrder already has a member 'number', of "
        "gateway.schema.business.sales.SalesOrder",
    ),
    "no annotation": (
        order('project = column("acme_project", "x")'),
        "acme_trial.AcmeOrder.project needs a type: `project: str | None = ...`",
    ),
    "a type that no column has": (
        order('tags: list[str] | None = column("acme_tags", "x")'),
        "acme_trial.AcmeOrder.tags: a column cannot be of type list[str]; it can be Decimal, UUID, "
        "bool, date, datetime, int, str",
    ),
    "a type that nobody knows": (
        order('plant: "Plant | None" = link("acme_plant", "x")'),
        "acme_trial.AcmeOrder.plant: no type or table is called 'Plant'",
    ),
    "a link to no table": (
        order('plant: str | None = link("acme_plant", "x")'),
        "acme_trial.AcmeOrder.plant is a link, but str is not a table; annotate it with a table",
    ),
    "a link that must be there": (
        order('payer: Account = link("acme_payer", "x")'),
        "acme_trial.AcmeOrder.payer must be declared as `... | None`",
    ),
    "a far end that is there": (
        order('payer: Account | None = link("acme_payer", "x", back="orders")'),
        "acme_trial.AcmeOrder.payer: Account already has a member 'orders', of "
        "gateway.schema.business.sales.SalesOrder.account",
    ),
    "an order that is misspelt": (
        machine(more=', order="serail"'),
        "acme_trial.Machine: its order names 'serail'; did you mean 'serial'?",
    ),
    "an order that cannot be": (
        machine('plant: str | None = column("acme_plant/acme_name", "x")', ', order="plant"'),
        "acme_trial.Machine: lists cannot be sorted by 'plant'",
    ),
    "nothing to order by": (
        MACHINE.format(more=', root=("machine", "machines")'),
        "acme_trial.Machine needs a column that lists of it can be sorted by",
    ),
    "a root field of ours": (
        machine(more=', root=("order", "machines")'),
        "acme_trial.Machine: the root field 'order' is taken by "
        "gateway.schema.business.sales.SalesOrder",
    ),
    "a name that every row has": (
        machine('raw: str | None = column("acme_raw", "x")'),
        "acme_trial.Machine.raw: every row already has a 'raw'; choose another name",
    ),
    "a method without its type": (
        order('@computed("acme_length", doc="x")', "def area(self, loaders): ..."),
        "acme_trial.AcmeOrder.area: the method needs the type that it returns: `-> str | None`",
    ),
    "a part that is none": (
        order('fee: Money | None = group(Money, "x", ammount="acme_fee")'),
        "acme_trial.AcmeOrder.fee: Money has no part 'ammount'",
    ),
    "an input that is never written": (
        order('project: str | None = column("acme_project", "x", input=True)'),
        'acme_trial.AcmeOrder.project is an input: say `written="create"`, `"update"` or '
        '`"always"`',
    ),
    "an input on another row": (
        order(f'plant: str | None = column("acme_plant/acme_name", "x", {INPUT})'),
        "acme_trial.AcmeOrder.plant is an input, and 'acme_plant/acme_name' is a column of "
        "another row",
    ),
    "an input of a lookup": (
        order(f'plant: UUID | None = column("_acme_plant_value", "x", {INPUT})'),
        "acme_trial.AcmeOrder.plant is an input, and cannot be of type UUID",
    ),
    "a lookup that is written nowhere": (
        order('_plant: UUID | None = lookup("acme_plant", "x", written="create")'),
        'acme_trial.AcmeOrder._plant is written: say which table it leads to, by `to="..."`',
    ),
    "an input that nobody sees": (
        order(f'_project: str | None = column("acme_project", "x", {INPUT})'),
        "acme_trial.AcmeOrder._project is an input; its name cannot begin with an underscore",
    ),
    "an input of something else than orders": (
        machine(f'plant: str | None = column("acme_plant", "x", {INPUT})'),
        "acme_trial.Machine.plant is an input; only members of SalesOrder and SalesOrderLine can "
        "be",
    ),
    "an input by a name that the input has": (
        order(f'idempotency_key: str | None = column("acme_key", "x", {INPUT})'),
        "acme_trial.AcmeOrder.idempotency_key: CreateSalesOrderInput has 'idempotencyKey' already",
    ),
    "an option set that may meet a number": (
        "@enum\nclass Urgency(OptionSet):\n    NORMAL = option(1, 'x')\n"
        + order('urgency: Urgency | None = column("acme_urgency", "x")'),
        "acme_trial.AcmeOrder.urgency: Urgency needs a member `UNKNOWN = unknown()`",
    ),
    "an option set that GraphQL does not know": (
        "class Urgency(OptionSet):\n    NORMAL = option(1, 'x')\n    UNKNOWN = unknown()\n"
        + order('urgency: Urgency | None = column("acme_urgency", "x")'),
        "acme_trial.AcmeOrder.urgency: Urgency needs the decorator `enum`",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_is_one_sentence_that_names_class_and_member(tmp_path: Path, wrong: str) -> None:
    text, sentence = WRONG[wrong]

    with written(tmp_path, EVERYTHING + text) as name, pytest.raises(DeclarationError) as found:
        build([name])

    assert str(found.value) == sentence


def test_all_mistakes_of_members_are_named_together(tmp_path: Path) -> None:
    text = order('a = column("acme_a", "x")', 'b: list[int] = column("acme_b", "x")')

    with written(tmp_path, EVERYTHING + text) as name, pytest.raises(DeclarationError) as found:
        build([name])

    assert [line.split()[0] for line in str(found.value).splitlines()] == [
        "acme_trial.AcmeOrder.a",
        "acme_trial.AcmeOrder.b:",
    ]


BELOW = {
    "Machine": machine(),
    "AcmeOrder": order('project: str | None = column("acme_project", "x")'),
    "ask": '@query(needs="account")\n' + ASK,
}


@pytest.mark.parametrize("declared", BELOW)
def test_a_module_that_only_another_one_names_is_asked_for(tmp_path: Path, declared: str) -> None:
    with (
        written(tmp_path, EVERYTHING + BELOW[declared], "acme_below") as below,
        written(tmp_path, f"import {below}\n") as name,
        pytest.raises(DeclarationError) as found,
    ):
        build([name])

    assert str(found.value) == f"acme_below.{declared}: name acme_below as an extension too"


def test_serve_says_the_sentence_and_nothing_else(tmp_path: Path) -> None:
    text, sentence = WRONG["no annotation"]

    with written(tmp_path, EVERYTHING + text) as name:
        found = gateway("serve", env=MINIMUM | {"GATEWAY_EXTENSIONS": name})

    assert (found.exit_code, found.stderr) == (2, sentence + "\n")
