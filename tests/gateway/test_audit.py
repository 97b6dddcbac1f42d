"""Mutations, denials and looks as a customer leave lines that nobody can alter unnoticed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from starlette.applications import Starlette

from emulator.entra import SERVICE_SECRET
from emulator.identities import DEMO_USERS
from gateway.__main__ import main
from gateway.audit import verifying
from gateway.audit.chain import ChainKey
from gateway.audit.events import Event
from gateway.audit.recorder import opened
from gateway.audit.verifying import Verdict
from gateway.derived_keys import key_for
from gateway.model.tables import TABLES
from gateway.schema import ids
from gateway.schema.business.accounts import Account
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

KEY = ChainKey(key_for("audit", SERVICE_SECRET))
CREATE = """
mutation ($key: String!, $quantity: Decimal!) {
  createSalesOrder(input: {
    idempotencyKey: $key, lines: [{ number: "P-0001", quantity: $quantity }]
  }) { order { number } }
}
"""


POLICY = """
[roles.buyer]
kind = "customer"
account = { access = "account" }
contacts = { access = "own" }
catalog = { access = "account" }
prices = { access = "account" }
orders = { access = "own", privileges = ["read", "create", "update"] }
"""
"""Buyers as they are shipped, but for shipments and invoices: these are denied."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
async def audited(changing_world: Starlette, file: Path) -> AsyncIterator[Stack]:
    policy = file.with_name("policy.toml")
    policy.write_text(POLICY)
    async with running(changing_world, audit_file=str(file), policy=str(policy)) as stack:
        yield stack


def text(file: Path) -> str:
    return file.read_text()


def lines(file: Path) -> list[dict[str, Any]]:
    """The lines that tell of requests, but for those that a mutation is about to begin."""
    found = [json.loads(line) for line in text(file).splitlines()]
    told = [line for line in found if line["event"] in ("mutation", "denial", "view-as")]
    return [line for line in told if line["outcome"] != "intended"]


def verify(*files: Path, head: str | None = None, key: ChainKey = KEY) -> Verdict:
    return verifying.verify(map(str, files), key, head)


async def product(stack: Stack) -> str:
    found = await stack.ask("{ products(first: 1) { nodes { number } } }")
    return str(found.data["products"]["nodes"][0]["number"])


async def test_each_mutation_leaves_a_line_before_and_one_after_it_with_the_rows_that_it_touched(
    audited: Stack, file: Path
) -> None:
    query = CREATE.replace("P-0001", await product(audited))

    done = await audited.ask(query, key="audit-1", quantity="1")
    wrong = await audited.ask(query, key="audit-2", quantity="-1")
    refused = await audited.ask(query, as_="admin", key="audit-3", quantity="1")

    first, second, third, denial = lines(file)
    assert done.data["createSalesOrder"]["order"]
    assert (first["event"], first["what"], first["outcome"]) == (
        "mutation",
        "createSalesOrder",
        "done",
    )
    assert first["rows"], "though the caller did not select the id"
    assert first["who"]["contact"]
    said = [json.loads(line) for line in text(file).splitlines()]
    assert [line["outcome"] for line in said if line["event"] == "mutation"][::2] == [
        "intended"
    ] * 3
    assert "data" in wrong.body
    assert second["outcome"] not in ("done", "INTERNAL")
    assert "rows" not in second
    assert first["source"]
    assert refused.codes == [third["outcome"]] == ["FORBIDDEN"]
    assert (denial["event"], denial["what"]) == ("denial", "createSalesOrder")
    assert verify(file).problems == ()


async def test_each_denial_leaves_a_line_and_nothing_of_a_row(audited: Stack, file: Path) -> None:
    query = "{ a: shipments { nodes { number } } orders(first: 3) { nodes { number } } }"

    await audited.ask(query, headers={"X-Request-Id": "denied-request"})
    await audited.gateway.post("/graphql", content=b"{}")
    await audited.ask("{ viewer { kind } }", headers={"X-View-As": "somebody"})

    denied, nobody, looked = lines(file)
    assert (denied["what"], denied["outcome"], denied["request"]) == (
        "a",
        "FORBIDDEN",
        "denied-request",
    )
    assert ("who" in nobody, nobody["outcome"]) == (False, "UNAUTHENTICATED")
    assert (looked["who"]["kind"], looked["outcome"]) == ("customer", "FORBIDDEN")
    assert "SO-0" not in text(file)


async def test_each_look_as_a_customer_leaves_a_line_with_both(audited: Stack, file: Path) -> None:
    look = {"X-View-As": DEMO_USERS["jane"].email}

    await audited.ask("{ orders { totalCount } viewer { kind } }", as_="admin", headers=look)

    (line,) = lines(file)
    assert (line["event"], line["what"]) == ("view-as", "orders,viewer")
    assert line["who"]["viewer"] == line["who"]["subject"]
    assert line["who"]["contact"]
    assert DEMO_USERS["jane"].email not in text(file), "ids only"


async def test_who_is_not_let_in_is_named_where_the_token_was_good(
    audited: Stack, file: Path
) -> None:
    no_contact = await audited.token("admin")
    async with running(audited.emulator, audit_file=str(file), staff_roles=()) as stack:
        for token in ("nonsense", no_contact):
            answer = await stack.gateway.post(
                "/graphql", content=b"{}", headers={"Authorization": f"Bearer {token}"}
            )
            assert "reason" not in answer.text
            assert "contact" not in answer.text

    forged, stranger = lines(file)
    assert ("who" in forged, forged["reason"]) == (False, "not a signed compact JWT")
    assert stranger["who"]["subject"]
    assert stranger["reason"] == "no contact belongs to the token"
    assert {forged["outcome"], stranger["outcome"]} == {"UNAUTHENTICATED"}


async def test_looking_where_nobody_may_look_leaves_a_line(audited: Stack, file: Path) -> None:
    foreign = ids.encode(Account.__table__, (UUID(int=7),))

    await audited.ask("{ viewer { kind } }", as_="admin", headers={"X-View-As": "no@body.example"})
    await audited.ask("{ viewer { kind } }", headers={"X-Account": foreign})

    probe, other = lines(file)
    assert (probe["event"], probe["what"], probe["outcome"]) == (
        "denial",
        "X-View-As",
        "NOT_FOUND",
    )
    assert probe["who"]["kind"] == "staff"
    assert (other["what"], other["outcome"], other["who"]["kind"]) == (
        "account",
        "NOT_FOUND",
        "customer",
    )


async def test_lines_name_the_rows_that_were_asked_for_and_those_that_staff_saw(
    audited: Stack, file: Path
) -> None:
    found = await audited.ask("{ orders(first: 3) { nodes { id } } }")
    first, second, third = [row["id"] for row in found.data["orders"]["nodes"]]
    query = f'''query ($id: ID!) {{
      a: shipment(id: "{first}") {{ number }} b: node(id: "{first}") {{ id }}
      c: node(id: $id) {{ id }}
      shipments {{ nodes {{ number }} }} orders(first: 3) {{ nodes {{ id }} }}
    }}'''

    await audited.ask(query, id=second)
    look = {"X-View-As": DEMO_USERS["jane"].email}
    await audited.ask("{ orders(first: 3) { nodes { id } } }", as_="admin", headers=look)

    denied, looked = lines(file)
    assert denied["what"] == "shipments"
    assert denied["rows"] == [second, first]
    assert looked["rows"] == [first, second, third]


async def test_no_request_makes_a_line_too_long_to_be_followed(audited: Stack, file: Path) -> None:
    name = "a" * 14_800
    long = [ids.encode(TABLES["Shipment"], (f"{n:04}" + "x" * 355, 1)) for n in range(120)]
    query = (
        f"query ($ids: [ID!]!) {{ {name}: shipments {{ totalCount }} nodes(ids: $ids) {{ id }} }}"
    )

    for _ in range(2):
        assert "FORBIDDEN" in (await audited.ask(query, ids=long)).codes

    assert len(lines(file)) == 2
    assert max(map(len, text(file).splitlines())) <= 4_096
    assert len(lines(file)[0]["rows"]) + lines(file)[0]["more"] == 120
    assert verify(file).problems == ()


async def test_what_is_allowed_leaves_no_line(audited: Stack, file: Path) -> None:
    await audited.ask("{ orders { totalCount } }")

    assert lines(file) == []
    assert text(file).count("\n") == 1, "it says that it was opened"


def test_the_command_says_whether_the_chain_is_whole(file: Path) -> None:
    audit = opened(str(file), KEY.secret)
    for n in range(3):
        audit.record(Event(f"request-{n}", "mutation", {}, "createSalesOrder", "done"))
    audit.close()
    command, secret = ["audit", "verify", str(file)], {"GATEWAY_CLIENT_SECRET": SERVICE_SECRET}

    good = CliRunner().invoke(main, command, env=secret)
    without = CliRunner().invoke(main, command)
    file.write_text("".join(text(file).splitlines(keepends=True)[1:]))
    bad = CliRunner().invoke(main, command, env=secret)

    assert (good.exit_code, without.exit_code, bad.exit_code) == (0, 2, 1)
    assert "4 lines, whole" in good.output
    assert "line 1 does not follow" in bad.output
