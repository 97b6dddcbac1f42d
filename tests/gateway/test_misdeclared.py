"""Further mistakes in extensions: in words, names, columns, groups, options and root fields."""

from pathlib import Path

import pytest

from gateway.extension import DeclarationError
from gateway.resolvers.root import build
from tests.extensions import written
from tests.gateway.test_wrong_extensions import ASK, EVERYTHING, machine, order

WRONG = {
    "a word that `written` does not know": (
        order('project: str | None = column("acme_project", "x", written="allways")'),
        "acme_trial.AcmeOrder.project: `written` cannot be 'allways'; it can be \"never\", "
        '"create", "update", "always"',
    ),
    "a column of another row that is written": (
        order('plant: str | None = column("acme_plant/acme_name", "x", written="always")'),
        "acme_trial.AcmeOrder.plant is written, and 'acme_plant/acme_name' is a column of another "
        "row",
    ),
    "a column of the ERP that is written": (
        "@extend(Shipment)\nclass AcmeShipment:\n"
        '    note: str | None = column("Note", "x", written="update")\n',
        "acme_trial.AcmeShipment.note is written, but mutations write no rows of F&O",
    ),
    "a link that is no lookup and written": (
        order('slip: Shipment | None = link({"acme_a": "PackingSlipId"}, "x", written="create")'),
        "acme_trial.AcmeOrder.slip joins by columns; `polymorphic`, `inside` and `written` are for "
        "links by a lookup",
    ),
    "a link that joins half": (
        order('slip: Shipment | None = link({"a": "PackingSlipId", "b": ""}, "x")'),
        "acme_trial.AcmeOrder.slip needs a column of the target for each of its own",
    ),
    "a link by a lookup of another row": (
        order('payer: Account | None = link("acme_plant/acme_payer", "x")'),
        "acme_trial.AcmeOrder.payer follows 'acme_plant/acme_payer', which is a lookup of another "
        "row",
    ),
    "a word that `inside` does not know": (
        order('payer: Account | None = link("acme_payer", "x", inside="down")'),
        'acme_trial.AcmeOrder.payer: `inside` cannot be \'down\'; it can be "up" or "both"',
    ),
    "a far end that is no name": (
        order('payer: Account | None = link("acme_payer", "x", back="paid orders")'),
        "acme_trial.AcmeOrder.payer: its far end 'paid orders' needs a name of letters from A to Z",
    ),
    "a far end that every row has": (
        order('payer: Account | None = link("acme_payer", "x", back="id")'),
        "acme_trial.AcmeOrder.payer: every row already has a 'id'; choose another name",
    ),
    "a service that is none": (
        machine(more=', service="fno"'),
        'acme_trial.Machine: `service` cannot be \'fno\'; it can be "dataverse", "finops"',
    ),
    "one key column of the ERP": (
        machine(more=', service="finops"'),
        "acme_trial.Machine: `key` takes the key columns with their types: "
        '`{"dataAreaId": str, "Number": str}`',
    ),
    "several key columns of Dataverse": (
        machine().replace('"acme_machineid"', '{"a": str, "b": str}'),
        "acme_trial.Machine: a table of Dataverse has one key column",
    ),
    "no key": (
        machine().replace('"acme_machineid"', '""'),
        "acme_trial.Machine: `key` takes the name of a column",
    ),
    "a rule that is none": (
        machine().replace("everyone", "owned"),
        "acme_trial.Machine: `rows` takes a row rule, as `owned(...)` makes one",
    ),
    "no permission": (
        machine().replace('needs="account"', 'needs=""'),
        'acme_trial.Machine: `needs` takes the name of a permission, such as "account"',
    ),
    "one root field": (
        machine(more=', root="machines"'),
        "acme_trial.Machine: `root` takes two names, of one row and of the list: "
        '`("machine", "machines")`',
    ),
    "a root field that is no name": (
        machine(more=', root=("machine", "my machines")'),
        "acme_trial.Machine: the root field 'my machines' needs a name of letters from A to Z",
    ),
    "a root field for rows that only links reach": (
        machine(more=', root=("machine", "machines")').replace("everyone", "with_parent"),
        "acme_trial.Machine: rows of the rule `with_parent` are reached through links; leave out "
        "`root`",
    ),
    "rows that are kept for no time": (
        machine(more=", kept=-5"),
        "acme_trial.Machine: `kept` takes a number of seconds",
    ),
    "an extension without the table": (
        '@extend\nclass AcmeOrder:\n    project: str | None = column("acme_project", "x")\n',
        "acme_trial.AcmeOrder: `extend` takes the table: `@extend(SalesOrder)`",
    ),
    "an extension of nothing": (
        order("pass"),
        "acme_trial.AcmeOrder adds no members to SalesOrder",
    ),
    "a member of no kind": (
        order("project: str | None = None"),
        "acme_trial.AcmeOrder.project is no member: declare it with `column`, `link`, `group`, ...",
    ),
    "a comma behind a column": (
        order('project: str | None = column("acme_project", "x"),'),
        "acme_trial.AcmeOrder.project is no member: declare it with `column`, `link`, `group`, ...",
    ),
    "a method that is not computed": (
        order("def area(self, loaders: Loaders) -> str | None: ..."),
        "acme_trial.AcmeOrder.area needs the decorator `computed`; rows get no other methods of "
        "this class",
    ),
    "no description": (
        order('project: str | None = column("acme_project", "")'),
        "acme_trial.AcmeOrder.project needs a description",
    ),
    "a column by its label": (
        order('project: str | None = column("Acme Project", "x")'),
        "acme_trial.AcmeOrder.project: 'Acme Project' is no name of a column",
    ),
    "a name that GraphQL cannot have": (
        order('größe: str | None = column("acme_size", "x")'),
        "acme_trial.AcmeOrder.größe: a name has letters from A to Z, digits and underscores",
    ),
    "a name that GraphQL cannot tell from one of ours": (
        order('customerReference: str | None = column("acme_reference", "x")'),
        "acme_trial.AcmeOrder.customerReference: 'customerReference' is the field of "
        "gateway.schema.business.sales.SalesOrder.customer_reference in the schema",
    ),
    "two types of one column": (
        order('size: str | int | None = column("acme_size", "x")'),
        "acme_trial.AcmeOrder.size: a column cannot be of type typing.Union[str, int]; it can be "
        "Decimal, UUID, bool, date, datetime, int, str",
    ),
    "a lookup that is read as text": (
        order('plant: str | None = lookup("acme_plantid", "x")'),
        "acme_trial.AcmeOrder.plant is the id of a row; annotate it with `UUID | None`",
    ),
    "an essential part that is none": (
        order('fee: Money | None = group(Money, "x", essential="amnt", amount="acme_fee")'),
        "acme_trial.AcmeOrder.fee: `essential` names 'amnt', which is none of its parts",
    ),
    "a group that is an input": (
        order('fee: Money | None = group(Money, "x", amount="acme_fee", input=True)'),
        "acme_trial, line 5: TypeError: a group cannot be an input: declare a column for each of "
        "its parts",
    ),
    "a link that is an input": (
        order('payer: Account | None = link("acme_payer", "x", input=True)'),
        "acme_trial, line 5: TypeError: link() got an unexpected keyword argument 'input'",
    ),
    "a group of nothing": (
        order('fee: Money | None = group(Money, "x")'),
        'acme_trial.AcmeOrder.fee needs the columns of its parts: `part="column"`',
    ),
    "a group of another type": (
        order('fee: Address | None = group(Money, "x", amount="acme_fee")'),
        "acme_trial.AcmeOrder.fee makes objects of Money; annotate it with `Money | None`",
    ),
    "a method that gets no loaders": (
        order('@computed("acme_length", doc="x")', "def area(self) -> str | None: ..."),
        "acme_trial.AcmeOrder.area: the method takes `self` and `loaders: Loaders`",
    ),
    "an argument without a default": (
        order(
            '@computed("acme_length", doc="x")',
            "def area(self, loaders: Loaders, unit: str) -> str | None: ...",
        ),
        "acme_trial.AcmeOrder.area: its argument 'unit' needs a parameter with a default",
    ),
    "an argument without a sentence": (
        order(
            '@computed("acme_length", doc="x")',
            'def area(self, loaders: Loaders, unit: str = "m") -> str | None: ...',
        ),
        "acme_trial.AcmeOrder.area: its parameter 'unit' needs a sentence in `arguments`",
    ),
    "a result that GraphQL does not know": (
        order(
            '@computed("acme_length", doc="x")',
            "def area(self, loaders: Loaders) -> dict[str, str] | None: ...",
        ),
        "acme_trial.AcmeOrder.area: the schema has no type for dict[str, str]",
    ),
    "a table that is loaded and is none": (
        order(
            '@computed("acme_length", doc="x", loads=("Acount",))',
            "def area(self, loaders: Loaders) -> str | None: ...",
        ),
        "acme_trial.AcmeOrder.area: `loads` names 'Acount'; did you mean 'Account'?",
    ),
    "a table that is read and is none": (
        order(
            '@computed("acme_length", doc="x", reads=("Account",))',
            "def area(self, loaders: Loaders) -> str | None: ...",
        ),
        "acme_trial.AcmeOrder.area: `reads` takes tables, such as (Account,)",
    ),
    "an option twice": (
        "@enum\nclass Urgency(OptionSet):\n    A = option(1, 'x')\n    B = option(1, 'x')\n"
        "    UNKNOWN = unknown()\n" + order('urgency: Urgency | None = column("acme_u", "x")'),
        "acme_trial.AcmeOrder.urgency: Urgency.B has the number of Urgency.A",
    ),
    "an option of Dataverse by a name": (
        "@enum\nclass Urgency(OptionSet):\n    A = option('a', 'x')\n    UNKNOWN = unknown()\n"
        + order('urgency: Urgency | None = column("acme_u", "x")'),
        "acme_trial.AcmeOrder.urgency: Urgency.A needs the number of an option of Dataverse",
    ),
    "a privilege that mutations do not have": (
        '@mutation(needs="orders", privilege="read")\n' + ASK,
        'acme_trial.ask: `privilege` takes "create", "update" or "delete"',
    ),
    "a root field without a permission": (
        '@query(needs="")\n' + ASK,
        "acme_trial.ask: `needs` takes the name of a permission",
    ),
    "an argument of a class that is no input": (
        "@type\nclass Wish:\n    text: str\n"
        '@query(needs="account")\n' + ASK.replace("info: Info", "info: Info, wish: Wish"),
        "acme_trial.ask: the parameter 'wish': Wish is not a type of arguments; decorate it with "
        "`input`",
    ),
    "a result of a class that is no type": (
        'class Wish: ...\n@query(needs="account")\n' + ASK.replace("-> str", "-> Wish"),
        "acme_trial.ask: acme_trial.Wish | None is not a type of results; decorate it with `type` "
        "or `table`",
    ),
    "a type by a name that the schema has": (
        "@type\nclass Viewer:\n    text: str\n"
        '@query(needs="account")\n' + ASK.replace("-> str", "-> Viewer"),
        "acme_trial.Viewer: the schema has another type of this name",
    ),
    "an archive that waits for nothing": (
        "@archive\ndef scans(paper: Paper) -> None: ...\n",
        "acme_trial.scans must be declared as `async def scans(paper: Paper)`, which returns the "
        "pieces or None",
    ),
    "a choice of no rules": (
        machine().replace("everyone", "any_of()"),
        "acme_trial, line 3: TypeError: any_of() takes rules, as `owned(...)` makes them",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_mistake_is_one_sentence_that_names_class_and_member(
    tmp_path: Path, wrong: str
) -> None:
    text, sentence = WRONG[wrong]

    with written(tmp_path, EVERYTHING + text) as name, pytest.raises(DeclarationError) as found:
        build([name])

    assert str(found.value) == sentence
