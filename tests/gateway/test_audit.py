"""Mutations, denials and looks as a customer leave lines that nobody can alter unnoticed."""

import json
import multiprocessing
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from starlette.applications import Starlette

from emulator.identities import DEMO_USERS
from gateway.__main__ import main
from gateway.audit import START, Audit, Event, verify
from gateway.schema import ids
from gateway.schema.accounts import Account
from gateway.tables import TABLES
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio

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
    return [json.loads(line) for line in text(file).splitlines()]


async def product(stack: Stack) -> str:
    found = await stack.ask("{ products(first: 1) { nodes { number } } }")
    return str(found.data["products"]["nodes"][0]["number"])


async def test_each_mutation_leaves_one_line_with_the_rows_that_it_touched(
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
    assert "data" in wrong.body
    assert second["outcome"] not in ("done", "INTERNAL")
    assert second["rows"] == []
    assert refused.codes == [third["outcome"]] == ["FORBIDDEN"]
    assert (denial["event"], denial["what"]) == ("denial", "createSalesOrder")
    assert verify(str(file)).problem is None


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
    assert (nobody["who"], nobody["outcome"]) == ({}, "UNAUTHENTICATED")
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
    assert (forged["who"], forged["reason"]) == ({}, "not a signed compact JWT")
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
    assert len(lines(file)[0]["rows"]) == 100
    assert verify(str(file)).problem is None


async def test_what_is_allowed_leaves_no_line(audited: Stack, file: Path) -> None:
    await audited.ask("{ orders { totalCount } }")

    assert text(file) == ""


def event(n: int) -> Event:
    return Event(f"request-{n}", "denial", {}, "orders", "FORBIDDEN")


def written(file: Path, count: int) -> list[str]:
    audit = Audit(str(file))
    for n in range(count):
        audit.record(event(n))
    audit.close()
    return file.read_text().splitlines(keepends=True)


def test_every_alteration_is_noticed(file: Path) -> None:
    whole = written(file, 6)
    head = verify(str(file)).head
    broken = [
        [*whole[:n], *whole[n + 1 :]]
        for n in range(5)  # left out
    ]
    broken += [[*whole[:n], whole[n + 1], whole[n], *whole[n + 2 :]] for n in range(5)]
    broken += [[*whole[:n], whole[n], whole[n], *whole[n + 1 :]] for n in range(6)]
    for n in range(6):
        for old, new in (("FORBIDDEN", "done"), ("request-", "request "), ('"at":"2', '"at":"1')):
            assert old in whole[n]
            broken.append([*whole[:n], whole[n].replace(old, new), *whole[n + 1 :]])
    broken += [["x", *whole], [*whole, "{}\n"], [*whole, whole[-1][:-9]]]

    assert verify(str(file), head).problem is None
    for altered in broken:
        file.write_text("".join(altered))
        assert verify(str(file)).problem, altered


def test_lines_cut_off_at_the_end_are_noticed_by_who_kept_the_head(file: Path) -> None:
    whole = written(file, 3)
    head = verify(str(file)).head
    file.write_text("".join(whole[:2]))

    assert verify(str(file)).problem is None
    assert verify(str(file), head).problem == "the line with that hash is missing"
    assert verify(str(file), START).problem is None


def _write(path: str) -> None:
    audit = Audit(path)
    for n in range(50):
        audit.record(event(n))


def test_several_processes_write_one_chain(file: Path) -> None:
    workers = [multiprocessing.Process(target=_write, args=(str(file),)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert verify(str(file)) == verify(str(file), verify(str(file)).head)
    assert verify(str(file)).lines == 200
    assert verify(str(file)).problem is None


def test_the_command_says_whether_the_chain_is_whole(file: Path) -> None:
    whole = written(file, 3)

    good = CliRunner().invoke(main, ["audit", "verify", str(file)])
    file.write_text("".join(whole[1:]))
    bad = CliRunner().invoke(main, ["audit", "verify", str(file)])

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "3 lines, whole" in good.output
    assert "line 1 does not follow" in bad.output
