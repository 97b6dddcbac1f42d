"""An adopter's module adds a column and a table; both are scoped, filterable and documented."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from emulator.values import guid_text
from gateway.resolvers.root import build
from gateway.tables import TABLES
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def undone() -> Iterator[None]:
    """Take the example out of the process again: other tests look at the tables of the gateway."""
    yield
    del TABLES["Machine"], TABLES["Account"].backs["machines"], sys.modules["examples.acme"]
    del TABLES["SalesOrder"].specs["project"]


@pytest.fixture(scope="module")
def customised() -> Starlette:
    """An environment with the example's column and table, and a machine at each demo customer."""
    app = emulator(metadata=(EXAMPLES / "acme.toml",))
    store = app.state.store
    for name in ("jane", "may"):
        mail = DEMO_USERS[name].email
        contact = store.find(store.catalog.named("contact"), "emailaddress1 = ?", [mail])
        account = guid_text(contact["_parentcustomerid_value"])
        machine = {"acme_serial": f"M-{name}", "_acme_accountid_value": account}
        store.insert("acme_machines", [machine])
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


TRAPS = """
from gateway.schema.sales import SalesOrder
from gateway.schema.values import Address, Money, address
from gateway.tables import column, computed, extend, paths


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
def traps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An extension that reads what it did not say it needs."""
    (tmp_path / "traps.py").write_text(TRAPS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "traps"
    specs, cls = TABLES["SalesOrder"].specs, TABLES["SalesOrder"].cls
    for name in [name for name in specs if name.startswith("from_")] + ["_to", "account_name"]:
        del specs[name]
        delattr(cls, name)
    del sys.modules["traps"]


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


@pytest.mark.parametrize("member", ["async def late(self, loaders) -> str: ...", "..."])
async def test_what_can_fail_alone_must_be_nullable(
    small_world: Starlette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    late = f"    @computed(doc='x')\n    {member}\n" if member != "..." else ""
    link = "" if late else "    late: Account = link('_parentaccountid_value', 'x')\n"
    (tmp_path / "strict.py").write_text(
        "from gateway.schema.accounts import Account\n"
        "from gateway.tables import computed, extend, link\n"
        f"@extend(Account)\nclass Strict:\n{late}{link}"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        with pytest.raises(TypeError, match=r"Account\.late must be declared"):
            build(["strict"])
    finally:
        del TABLES["Account"].specs["late"], sys.modules["strict"]
