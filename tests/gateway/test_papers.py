"""Printed documents reach the caller whom their link was made for, once, and nobody else."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.entra import SERVICE_SECRET
from emulator.faults.actions import Action, Cut, Fail, Malformed
from emulator.faults.connections import InProcess
from gateway.audit import verifying
from gateway.audit.chain import ChainKey
from gateway.auth import policy_file
from gateway.derived_keys import key_for
from gateway.encoding import read, written
from gateway.loaders import paper_links
from tests.environments import altered, drop_collection, dumped
from tests.environments import written as environment
from tests.extensions import written as module
from tests.gateway.proofs.requests import NIGHTLY
from tests.schema import shipped
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

LINKS = 10_000 if NIGHTLY else 300
"""Links that lead nowhere."""
SCHEMA = shipped()
KINDS: Mapping[str, tuple[str, bytes]] = {
    "Invoice": ("invoices(first: 1) { nodes { number document { url expiresAt } } }", b"Invoice"),
    "PostedInvoice": (
        "postedInvoices(first: 1, filter: { total: { lt: 0 } })"
        " { nodes { number document { url expiresAt } } }",
        b"Credit note",
    ),
    "SalesOrder": (
        "orders(first: 1, filter: { status: { eq: INVOICED } })"
        " { nodes { number document { url expiresAt } } }",
        b"Order confirmation",
    ),
    "Statement": ("", b"Statement of account"),
}
"""By the type that has the field: a query for one, and the title of what is printed."""
MOVED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Invoice": ("dataverse.invoices", ("_customerid_value", "_salesorderid_value")),
    "SalesOrder": ("dataverse.salesorders", ("_customerid_value",)),
    "PostedInvoice": ("finops.CustInvoiceJourBiEntities", ("InvoiceAccount", "OrderAccount")),
}
"""The columns that make a row of each type somebody's."""
EXTENSION = """
from collections.abc import AsyncIterator
from gateway.extension import Paper, archive

@archive
async def kept(paper: Paper) -> AsyncIterator[bytes] | None:
    '''An archive of invoices alone.'''
    if paper.kind.value != "invoice":
        return None
    async def pieces() -> AsyncIterator[bytes]:
        yield b"%P"
        yield f"DF-1.4 {paper.company} {paper.number} {paper.account}".encode()
    return pieces()
"""


async def links(stack: Stack, kind: str, as_: str = "rep", **changes: Any) -> list[dict[str, Any]]:
    """Rows with links to their documents."""
    query, _ = KINDS[kind]
    if kind != "Statement":
        answer = await stack.ask(f"{{ rows: {query} }}", as_=as_, **changes)
        found: list[dict[str, Any]] = answer.data["rows"]["nodes"]
        return found
    account = (await stack.ask("{ accounts { nodes { id number } } }", as_=as_)).data["accounts"]
    statement = (
        'query ($id: ID!) { statement(account: $id, from: "2020-01-01", to: "2030-01-01")'
        " { document { url expiresAt } } }"
    )
    (row, *_) = account["nodes"]
    rows = (await stack.ask(statement, as_=as_, id=row["id"])).data["statement"]
    return [{**each, "number": row["number"]} for each in rows]


async def link(stack: Stack, kind: str = "Invoice", as_: str = "rep") -> str:
    url: str = (await links(stack, kind, as_))[0]["document"]["url"]
    return url


async def follow(
    stack: Stack, url: str, as_: str | None = "rep", **headers: str
) -> httpx2.Response:
    signed = {"Authorization": f"Bearer {await stack.token(as_)}"} if as_ else {}
    return await stack.gateway.get(url, headers={**signed, **headers})


def is_refused(answer: httpx2.Response, *codes: str) -> bool:
    """True if nothing but an error came."""
    return (
        answer.status_code in (401, 404)
        and b"%PDF" not in answer.content
        and answer.json()["errors"][0]["extensions"]["code"] in (codes or ("NOT_FOUND",))
    )


def checked(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    for reader, *arguments in (("qpdf", "--check"), ("pdfinfo",)):
        subprocess.run([reader, *arguments, str(file)], check=True, capture_output=True)


@pytest.fixture
def stack(representatives: Stack) -> Stack:
    return representatives


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_document_is_printed(stack: Stack, kind: str, tmp_path: Path) -> None:
    (row, *_) = await links(stack, kind)

    answer = await follow(stack, row["document"]["url"])

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert row["number"] in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    assert KINDS[kind][1] in answer.content
    assert row["number"].encode() in answer.content
    checked(answer.content, tmp_path / "paper.pdf")


def test_every_type_with_documents_is_among_them() -> None:
    having = {
        name
        for name, type_ in SCHEMA.type_map.items()
        if getattr(getattr(type_, "fields", {}).get("document"), "type", None)
        is SCHEMA.type_map["DocumentLink"]
    }

    assert having == KINDS.keys()


async def test_a_link_costs_no_call(stack: Stack) -> None:
    plain, _ = KINDS["Invoice"]

    without = await stack.asked_upstream(f"{{ {plain.replace('document { url expiresAt }', '')} }}")
    with_ = await stack.asked_upstream(f"{{ {plain} }}")

    assert len(with_) == len(without)


async def test_an_order_that_is_not_confirmed_has_no_document(stack: Stack) -> None:
    query = "orders(first: 5, filter: { status: { eq: ACTIVE } }) { nodes { document { url } } }"

    found = (await stack.ask(f"{{ {query} }}", as_="rep")).data["orders"]["nodes"]

    assert found
    assert found == [{"document": None}] * len(found)


async def test_links_that_are_not_whole_lead_nowhere(stack: Stack) -> None:
    chance = Random(20261129)  # noqa: S311 - the same each time
    url = await link(stack)
    head, sealed = url[: len(paper_links.PATH)], url[len(paper_links.PATH) :]
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=%."

    for _ in range(LINKS):
        place = chance.randrange(len(sealed))
        other = chance.choice(letters)
        cut = chance.choice(
            (
                sealed[:place] + other + sealed[place + 1 :],
                sealed[:place] + other + sealed[place:],
                sealed[:place] + sealed[place + 1 :],
                sealed[:place],
                sealed[place:],
                sealed + other,
            )
        )
        if cut == sealed or not cut:
            continue
        answer = await follow(stack, head + cut)
        assert is_refused(answer), cut
    assert (await follow(stack, url)).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_the_links_of_others_lead_nowhere(stack: Stack, kind: str) -> None:
    for _ in range(LINKS // 30):
        url = await link(stack, kind)
        for stranger in ("may", "sam", "jane", "admin"):
            assert is_refused(await follow(stack, url, stranger))
        assert is_refused(await follow(stack, url, None), "UNAUTHENTICATED")
        assert is_refused(
            await follow(stack, url, "rep", Authorization="Bearer x"), "UNAUTHENTICATED"
        )
    assert (await follow(stack, url)).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_a_link_is_good_once(stack: Stack, kind: str) -> None:
    for _ in range(max(LINKS // 100, 3)):
        url = await link(stack, kind)
        both = await asyncio.gather(follow(stack, url), follow(stack, url))
        again = await follow(stack, url)
        assert sorted(each.status_code for each in both) == [200, 404]
        assert is_refused(again)


async def test_a_link_is_good_for_five_minutes(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_links, "LIFETIME", 0)
    for kind in KINDS:
        for _ in range(max(LINKS // 100, 3)):
            assert is_refused(await follow(stack, await link(stack, kind)))


async def test_a_link_names_nothing_but_the_row(stack: Stack) -> None:
    url = await link(stack)

    _, holder, _, row, *_ = json.loads(read(url[len(paper_links.PATH) :])[16:])

    assert await stack.token("rep") not in url
    (found,) = (await stack.ask("{ invoices(first: 1) { nodes { id } } }", as_="rep")).data[
        "invoices"
    ]["nodes"]
    assert row == found["id"]
    assert len(holder) == 32
    forged = written(bytes(16) + read(url[len(paper_links.PATH) :])[16:])
    assert is_refused(await follow(stack, paper_links.PATH + forged))


async def test_the_row_rule_is_asked_when_a_link_is_followed() -> None:
    world = emulator()
    store = world.state.store
    async with running(world, customer_roles=("representative",)) as stack:
        held = {kind: await link(stack, kind) for kind in MOVED}
        (theirs,) = store.select(store.catalog.tables["accounts"], "accountnumber = 'US-002'")
        for table, columns in MOVED.values():
            value = "US-002" if "Account" in columns[0] else theirs["accountid"]
            sets = ", ".join(f'"{column}" = ?' for column in columns)
            store.run(f'UPDATE "{table}" SET {sets}', [value] * len(columns))  # noqa: S608

        refused = [await follow(stack, url) for url in held.values()]

    assert all(map(is_refused, refused))


async def test_an_invoice_whose_number_was_given_twice_is_not_printed(
    changing_world: Starlette,
) -> None:
    async with running(changing_world, customer_roles=("representative",)) as stack:
        (row,) = await links(stack, "Invoice")
        store = changing_world.state.store
        table = store.catalog.tables["CustInvoiceJourBiEntities"]
        (known,) = store.select(table, '"InvoiceId" = ?', [row["number"]])
        twin = {**known, "SourceKey": 99_999_999, "InvoiceAccount": "US-002"}
        store.write(table, [twin])

        answer = await follow(stack, row["document"]["url"])

        with store.transaction() as tx:
            tx.delete(table, twin)
        again = await follow(stack, row["document"]["url"])
    assert is_refused(answer)
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Malformed(), 503), (Fail(500), 503), (Cut(), 503), (Fail(503), 503)],
    ids=lambda value: getattr(value, "__class__", type(value)).__name__,
)
async def test_what_the_erp_does_not_print_can_be_asked_for_again(
    changing_world: Starlette, fault: Action, status: int
) -> None:
    async with running(changing_world, customer_roles=("representative",)) as stack:
        url = await link(stack)
        faults = changing_world.state.faults
        faults.add(fault, set="SrsFinanceCopilots", method="POST")

        failed = await follow(stack, url)

        faults.clear()
        again = await follow(stack, url)
    assert failed.status_code == status
    assert b"%PDF" not in failed.content
    assert again.status_code == 200


class Broken(InProcess):
    """A way upstream on which printed documents break off."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if not str(request.url).endswith("RunCopilotReport"):
            return response
        whole = await response.aread()

        async def half() -> AsyncIterator[bytes]:
            yield whole[: len(whole) // 2]
            raise httpx2.ReadError("cut")

        return httpx2.Response(200, content=half(), request=request)


async def test_a_part_of_a_document_is_never_sent_as_the_whole(small_world: Starlette) -> None:
    sent: list[dict[str, Any]] = []

    async def keep(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async with running(small_world, Broken(small_world)) as stack:
        url = await link(stack, as_="jane")
        scope = {
            "type": "http",
            "method": "GET",
            "path": url,
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {await stack.token('jane')}".encode())],
        }
        assert stack.app
        await stack.app(scope, receive, keep)
        again = await follow(stack, url, "jane")

    start, *bodies = sent
    assert start["status"] == 200
    assert all(message["more_body"] for message in bodies)
    assert is_refused(again)


async def test_where_the_erp_prints_nothing_this_is_said_and_no_page_fails(
    small_world: Starlette, tmp_path: Path
) -> None:
    async with running(small_world) as stack:
        stack.upstream.headers.update(await stack.service())
        dump = await dumped(stack.upstream)
    without = altered(dump, drop_collection("SrsFinanceCopilots"))
    world = emulator(environment=environment(tmp_path, without))
    async with running(world, customer_roles=("representative",)) as stack:
        missing = "{ viewer { capabilities { missing } } }"
        said = (await stack.ask(missing)).data["viewer"]["capabilities"]["missing"]
        found = [row["document"] for kind in KINDS for row in await links(stack, kind)]
    assert {f"{kind}.document" for kind in KINDS} <= set(said)
    assert found == [None] * len(found)

    with module(tmp_path, EXTENSION, "acme_papers") as name:
        changes = {"customer_roles": ("representative",), "extensions": (name,)}
        async with running(world, **changes) as stack:
            said = (await stack.ask(missing)).data["viewer"]["capabilities"]["missing"]
            (row, *_) = await links(stack, "Invoice")
            answer = await follow(stack, row["document"]["url"])
            other = await follow(stack, await link(stack, "SalesOrder"))
    assert not [each for each in said if each.endswith(".document")]
    assert answer.content.startswith(b"%PDF-1.4 usmf " + row["number"].encode())
    assert other.status_code == 404 or other.status_code == 503
    assert b"%PDF" not in other.content


async def test_an_archive_is_asked_before_the_erp(small_world: Starlette, tmp_path: Path) -> None:
    with module(tmp_path, EXTENSION, "acme_papers_first") as name:
        changes = {"customer_roles": ("representative",), "extensions": (name,)}
        async with running(small_world, **changes) as stack:
            kept = await follow(stack, await link(stack, "PostedInvoice"))
            printed = await follow(stack, await link(stack, "SalesOrder"))
    assert kept.content.startswith(b"%PDF-1.4 usmf ")
    assert b"Order confirmation" in printed.content


async def test_every_download_and_every_refusal_is_audited(
    small_world: Starlette, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    changes = {"customer_roles": ("representative",), "audit_file": str(file)}
    async with running(small_world, **changes) as stack:
        url = await link(stack)
        await follow(stack, url)
        await follow(stack, url, "may")

    told = [json.loads(line) for line in file.read_text().splitlines()]
    done = [line for line in told if line["event"] == "document"]
    refused = [line for line in told if line["event"] == "denial"]
    assert [(line["what"], line["outcome"]) for line in done] == [("invoice", "done")]
    assert len(done[0]["rows"]) == 1
    assert refused[-1]["outcome"] == "NOT_FOUND"
    key = ChainKey(key_for("audit", SERVICE_SECRET))
    assert verifying.verify([str(file)], key).problems == ()


EXTENDED = '[roles.representative]\nextends = "representative"\n'
BARE = '[roles.representative]\nkind = "customer"\naccount = { access = "account" }\n'
LOST = {
    "Invoice": EXTENDED
    + "[roles.representative.invoices]\naccess = 'account'\nhide = ['Invoice.document']\n",
    "PostedInvoice": BARE,
    "SalesOrder": BARE,
    "Statement": BARE,
}
"""A policy that takes each document away."""


@pytest.mark.parametrize("kind", LOST)
async def test_a_right_that_was_lost_meanwhile_is_missed(
    small_world: Starlette, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_file, "REREAD", 0.0)
    policy = tmp_path / "policy.toml"
    policy.write_text(EXTENDED)
    changes = {"policy": str(policy), "customer_roles": ("representative",), "token_roles": False}
    async with running(small_world, **changes) as stack:
        url = await link(stack, kind)
        policy.write_text(LOST[kind])

        answer = await follow(stack, url)

    assert answer.status_code == 403
    assert b"%PDF" not in answer.content


async def test_staff_get_what_a_customer_gets_only_as_that_customer(stack: Stack) -> None:
    (contact,) = (await stack.ask("{ viewer { contact { id } } }", as_="rep")).data.values()
    eyes = {"X-View-As": contact["contact"]["id"]}
    query = f"{{ rows: {KINDS['Invoice'][0]} }}"
    seen = await stack.ask(query, as_="admin", headers=eyes)
    url = seen.data["rows"]["nodes"][0]["document"]["url"]

    assert is_refused(await follow(stack, url, "admin"))
    assert is_refused(await follow(stack, url, "rep"))
    assert (await follow(stack, url, "admin", **eyes)).status_code == 200


async def test_only_get_is_answered(stack: Stack) -> None:
    url = await link(stack)

    for method in ("HEAD", "POST", "PUT", "DELETE"):
        answer = await stack.gateway.request(method, url)
        assert answer.status_code == 405
    assert (await follow(stack, url)).status_code == 200
