"""An adopter's module adds a column and a table; both are scoped, filterable and documented."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from emulator.values import guid_text
from gateway.extension import DeclarationError
from gateway.resolvers.root import build
from tests.extensions import forgotten, written
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def undone() -> Iterator[None]:
    """Take the example out of the process again: other tests look at the tables of the gateway."""
    with forgotten("examples.acme"):
        yield


@pytest.fixture(scope="module")
def customised() -> Starlette:
    """An environment with the example's column and table, and a machine at each demo customer."""
    return with_machines(emulator(metadata=(EXAMPLES / "acme.toml",)))


def with_machines(app: Starlette) -> Starlette:
    """The environment, with a machine at the customer of two people of the demo."""
    store = app.state.store
    for name in ("jane", "may"):
        mail = DEMO_USERS[name].email
        contact = store.find(store.catalog.named("contact"), "emailaddress1 = ?", [mail])
        account = guid_text(contact["_parentcustomerid_value"])
        machine = {"acme_machineid": str(uuid4()), "acme_serial": f"M-{name}"}
        store.insert("acme_machines", [machine | {"_acme_accountid_value": account}])
    return app


@pytest.fixture
async def extended(undone: None, customised: Starlette) -> AsyncIterator[Stack]:
    async with running(customised, extensions=("examples.acme",)) as found:
        yield found


async def test_a_table_of_ones_own_is_scoped(extended: Stack) -> None:
    query = "{ machines { nodes { serial account { machines { totalCount } } } totalCount } }"

    jane = (await extended.ask(query)).data["machines"]

    assert jane["nodes"] == [{"serial": "M-jane", "account": {"machines": {"totalCount": 1}}}]
    assert jane["totalCount"] == 1


async def test_the_new_members_can_be_filtered_and_ordered_by(extended: Stack) -> None:
    query = """{
      machines(filter: { serial: { eq: "M-may" } }) { totalCount }
      orders(filter: { project: { startsWith: "x" } }, orderBy: { field: PROJECT }) { totalCount }
    }"""

    found = (await extended.ask(query)).data

    assert found == {"machines": {"totalCount": 0}, "orders": {"totalCount": 0}}


async def test_the_new_members_are_documented(extended: Stack) -> None:
    query = """{
      machine: __type(name: "Machine") { description fields { name description } }
      order: __type(name: "SalesOrder") { fields { name description } }
    }"""

    found: dict[str, Any] = (await extended.ask(query)).data

    assert found["machine"]["description"] == "A machine that stands at a customer's site."
    assert {"name": "project", "description": "The project that the order is for."} in (
        found["order"]["fields"]
    )


async def test_what_the_example_adds_to_orders_is_ordered_and_read_back(extended: Stack) -> None:
    products = "{ products(first: 1, filter: { state: { eq: ACTIVE } }) { nodes { id } } }"
    (product,) = (await extended.ask(products)).data["products"]["nodes"]
    order = """mutation($input: CreateSalesOrderInput!) { createSalesOrder(input: $input) {
      order { project urgency lines { nodes { position } } } errors { message }
    } }"""
    line = {"product": product["id"], "quantity": "100", "position": "A-1"}
    sent = {"idempotencyKey": "acme", "project": "Stadium", "urgency": "URGENT", "lines": [line]}

    made = (await extended.ask(order, input=sent)).data["createSalesOrder"]

    assert made["errors"] == []
    assert made["order"] == {
        "project": "Stadium",
        "urgency": "URGENT",
        "lines": {"nodes": [{"position": "A-1"}]},
    }


TRAPS = """
from gateway.extension import Address, Money, SalesOrder, address, column, computed, extend, paths


@extend(SalesOrder)
class Traps:
    _to: Address | None = address("shipto_", "Where it goes.")

    @computed(doc="A column that was not loaded.")
    def from_column(self, loaders) -> str | None:
        return self.number

    @computed(doc="A group that was not loaded.")
    def from_group(self, loaders) -> bool | None:
        return self.total is not None

    @computed("shipto_city", doc="A part of a group that was not loaded.")
    def from_part(self, loaders) -> str | None:
        return self._to.street if self._to else "nowhere"

    @computed("_customerid_value", doc="A link, which is never loaded by itself.")
    def from_link(self, loaders) -> str | None:
        return self.account.name

    @computed("msdyn_company/cdm_companyid", doc="Another column behind the same lookup.")
    def from_path(self, loaders) -> str | None:
        return self.company

    @computed("_customerid_value", doc="How a link is read.")
    async def account_name(self, loaders) -> str | None:
        link = SalesOrder.account
        account = await loaders.one(link, self, paths(link.type, "name"))
        return account.name if account else None
"""
LOADED = "number company total { amount currency } shipTo { city street } account { name }"


@pytest.fixture
def traps(tmp_path: Path) -> Iterator[str]:
    """An extension that reads what it did not say it needs."""
    with written(tmp_path, TRAPS) as name:
        yield name


@pytest.mark.parametrize("trap", ["fromColumn", "fromGroup", "fromPart", "fromLink", "fromPath"])
async def test_a_member_that_was_not_loaded_raises(
    small_world: Starlette, traps: str, trap: str
) -> None:
    async with running(small_world, extensions=(traps,)) as stack:
        answer = await stack.ask(f"{{ orders(first: 1) {{ nodes {{ {trap} accountName }} }} }}")

    (order,) = answer.body["data"]["orders"]["nodes"]
    assert answer.codes == ["INTERNAL"]
    assert order[trap] is None
    assert order["accountName"]


async def test_what_can_fail_alone_must_be_nullable(tmp_path: Path) -> None:
    late = "@computed(doc='x')\n    async def late(self, loaders) -> str: ..."
    text = (
        "from gateway.extension import Account, computed, extend\n"
        f"@extend(Account)\nclass Strict:\n    {late}\n"
    )

    with written(tmp_path, text) as name, pytest.raises(DeclarationError) as found:
        build([name])

    assert str(found.value) == "acme_trial.Strict.late must be declared as `... | None`"


OTHER = """
from gateway.extension import Account, Node, SalesOrder, column, everyone, extend, link, table


@extend(SalesOrder)
class OtherOrder:
    season: str | None = column("other_season", "The season.")


@table("other_shop", key="other_shopid", rows=everyone, needs="account", root=("shop", "shops"))
class Shop(Node):
    \"\"\"A shop.\"\"\"

    town: str | None = column("other_town", "The town.")
    account: Account | None = link("other_account", "Whose it is.", back="shops")
"""
NAMES = """{
  __schema { types { name fields { name } inputFields { name } enumValues { name } } }
  viewer { capabilities { missing } }
}"""


async def test_apps_of_one_process_do_not_see_each_others_tables(
    undone: None, customised: Starlette, tmp_path: Path
) -> None:
    theirs = ["Machine", "machine", "project", "PROJECT"]
    others = ["Shop", "shop", "season", "SEASON"]
    with written(tmp_path, OTHER) as other:
        async with (
            running(customised, extensions=("examples.acme",)) as acme,
            running(customised, extensions=(other,)) as shops,
            running(customised) as plain,
        ):
            seen = [str((await each.ask(NAMES)).data) for each in (acme, shops, plain)]
            machines = (await acme.ask("{ machines { nodes { id } } }")).data["machines"]["nodes"]
            node = "query($id: ID!) { node(id: $id) { __typename } }"
            found = await acme.ask(node, id=machines[0]["id"])
            foreign = await plain.ask(node, id=machines[0]["id"])

    assert [[name in text for name in theirs] for text in seen] == [
        [True] * 4,
        [False] * 4,
        [False] * 4,
    ]
    assert [[name in text for name in others] for text in seen] == [
        [False] * 4,
        [True] * 4,
        [False] * 4,
    ]
    assert found.data == {"node": {"__typename": "Machine"}}
    assert foreign.codes == ["INVALID_INPUT"]
