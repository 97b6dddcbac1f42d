"""An adopter's module adds a column and a table; both are scoped, filterable and documented."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from emulator.values import guid_text
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
