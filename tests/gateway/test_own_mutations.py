"""An adopter's own mutations and root fields: permission, row rule, audit, idempotency for free."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import AnyAction, Cut, Fail
from emulator.faults.rules import Faults
from gateway.extension import DeclarationError
from gateway.model.tables import TABLES
from gateway.resolvers.root import build
from gateway.schema import ids
from tests.extensions import forgotten, written
from tests.gateway.test_extensions import customised as customised
from tests.stack import Stack, running

pytestmark = pytest.mark.anyio
ASK = """mutation($input: RequestVisitInput!) {
  requestVisit(input: $input) { id reason machine { serial } account { name } contact { email } }
}"""
PEOPLE = ("jane", "may")
MACHINES = "{ machines { nodes { id serial } } }"
VISITS = "{ visits { nodes { reason machine { serial visits { totalCount } } } totalCount } }"
MORE = '''
from uuid import UUID

from gateway.extension import *
from examples.acme import Machine, Visit


@query(needs="account")
async def broken_machine(info: Info, serial: str) -> Machine | None:
    """The machine of a serial number."""
    rows = await info.context.loaders.matching(
        Machine, {"acme_serial": serial}, paths(Machine), from_rows=False
    )
    return next(iter(rows), None)


@input(description="A visit that is to be called something else.")
class RenameVisitInput:
    visit: ID
    reason: str


@mutation(needs="orders", privilege="update")
async def note_visit(info: Info, input: RenameVisitInput) -> Visit | None:
    """Note something about a visit."""
    return await update(info, await find(info, Visit, input.visit), note=input.reason)


@input(description="A visit for somebody.")
class ClaimVisitInput:
    account: str
    idempotency_key: str


@mutation(needs="orders", privilege="create")
async def claim_visit(info: Info, input: ClaimVisitInput) -> Visit | None:
    """Ask for a visit of whatever account a caller names, which no extension should."""
    contact, key = caller(info).contact, input.idempotency_key
    account = UUID(input.account)
    return await create(
        info, Visit, key=key, account=account, contact=contact.id, reason="Claimed."
    )


@mutation(needs="orders", privilege="update")
async def give_visit(info: Info, visit: ID, account: str) -> Visit | None:
    """Give a visit to whatever account a caller names."""
    return await update(info, await find(info, Visit, visit), account=UUID(account))


@mutation(needs="repairs", privilege="create")
async def repair(info: Info) -> bool | None:
    """What no role of ours may do."""
    return True
'''


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audit") / "audit.jsonl"


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second extension, over the tables of the first."""
    folder = tmp_path_factory.mktemp("more")
    with forgotten("examples.acme"), written(folder, MORE, "acme_more") as name:
        yield name


@pytest.fixture(scope="module")
async def stack(customised: Starlette, more: str, audit: Path) -> AsyncIterator[Stack]:
    modules = ("examples.acme", more)
    async with running(customised, extensions=modules, audit_file=str(audit)) as found:
        yield found


@pytest.fixture
def faults(stack: Stack) -> Iterator[Faults]:
    found: Faults = stack.emulator.state.faults
    yield found
    found.clear()


async def machine(stack: Stack, name: str) -> str:
    (found,) = (await stack.ask(MACHINES, as_=name)).data["machines"]["nodes"]
    return str(found["id"])


async def visit(stack: Stack, key: str, *, as_: str = "jane", **more: str) -> Any:
    sent = {"machine": await machine(stack, "jane"), "reason": "It leaks.", "idempotencyKey": key}
    return await stack.ask(ASK, as_=as_, input=sent | more)


async def test_a_row_is_made_and_read_back_through_the_gate(stack: Stack) -> None:
    made = (await visit(stack, "made")).data["requestVisit"]

    assert made["reason"] == "It leaks."
    assert made["machine"] == {"serial": "M-jane"}
    assert made["contact"]["email"].startswith("jane")
    assert "It leaks." in str((await stack.ask(VISITS)).data)
    assert (await stack.ask(VISITS, as_="may")).data["visits"]["totalCount"] == 0


async def test_the_same_key_makes_it_once_for_each_caller(stack: Stack) -> None:
    before = (await stack.ask(VISITS, as_="admin")).data["visits"]["totalCount"]

    first, again = await visit(stack, "once"), await visit(stack, "once")
    others = await visit(stack, "once", as_="sam")
    changed = await visit(stack, "once", reason="It rattles.")

    made = [each.data["requestVisit"]["id"] for each in (first, again, others, changed)]
    assert made[0] == made[1]
    assert len(set(made)) == 3
    after = (await stack.ask(VISITS, as_="admin")).data["visits"]["totalCount"]
    assert after == before + 3


FAULTS = [(Cut(), 2), (Cut(after_commit=True), 1), (Cut(after_commit=True), 9), (Fail(), 2)]


@pytest.mark.parametrize(("action", "times"), FAULTS, ids=repr)
async def test_a_fault_on_the_way_leads_to_one_row(
    stack: Stack, faults: Faults, action: AnyAction, times: int
) -> None:
    before = (await stack.ask(VISITS, as_="admin")).data["visits"]["totalCount"]
    faults.add(action, times=times, method="POST", set="acme_visits")

    made = await visit(stack, f"{action!r} {times}")

    assert made.data["requestVisit"]["reason"] == "It leaks."
    assert (await stack.ask(VISITS, as_="admin")).data["visits"]["totalCount"] == before + 1


async def test_an_unknown_outcome_is_said_and_the_same_again_tells(
    stack: Stack, faults: Faults
) -> None:
    before = (await stack.ask(VISITS, as_="admin")).data["visits"]["totalCount"]
    faults.add(Cut(), method="POST", set="acme_visits")

    unknown = await visit(stack, "unknown")
    faults.clear()
    known = await visit(stack, "unknown")

    assert unknown.codes == ["UPSTREAM_TIMEOUT"]
    assert known.data["requestVisit"]["id"]
    assert (await stack.ask(VISITS, as_="admin")).data["visits"]["totalCount"] == before + 1


async def test_what_a_caller_may_not_see_is_not_there_to_write_about(stack: Stack) -> None:
    foreign = await visit(stack, "foreign", machine=await machine(stack, "may"))

    assert foreign.codes == ["NOT_FOUND"]


async def account_of(stack: Stack, name: str) -> str:
    """The account of a caller, as Dataverse names it."""
    (found,) = (
        await stack.ask("{ viewer { contact { account { id } } } }", as_=name)
    ).data.values()
    (key,) = ids.key(TABLES["Account"], found["contact"]["account"]["id"])
    return str(key)


async def test_nobody_makes_a_row_that_would_be_somebody_elses(stack: Stack) -> None:
    claim = "mutation($input: ClaimVisitInput!) { claimVisit(input: $input) { id } }"
    before = (await stack.ask(VISITS, as_="admin")).data["visits"]["totalCount"]

    sent = [{"account": await account_of(stack, each), "idempotencyKey": "c"} for each in PEOPLE]
    own, foreign = [await stack.ask(claim, input=each) for each in sent]

    assert own.data["claimVisit"]["id"]
    assert foreign.codes == ["FORBIDDEN"]
    assert (await stack.ask(VISITS, as_="admin")).data["visits"]["totalCount"] == before + 1


async def test_nobody_changes_a_row_into_one_that_would_be_somebody_elses(stack: Stack) -> None:
    made = (await visit(stack, "given")).data["requestVisit"]
    give = """mutation($visit: ID!, $account: String!) {
      giveVisit(visit: $visit, account: $account) { id }
    }"""

    own, foreign = [
        await stack.ask(give, visit=made["id"], account=await account_of(stack, each))
        for each in PEOPLE
    ]

    assert own.data == {"giveVisit": {"id": made["id"]}}
    assert foreign.codes == ["FORBIDDEN"]


async def test_the_permission_is_asked_for_first(stack: Stack) -> None:
    refused = await visit(stack, "staff", as_="admin")

    assert refused.codes == ["FORBIDDEN"]
    assert (await stack.ask("mutation { repair }")).codes == ["FORBIDDEN"]


async def test_the_policy_file_grants_a_permission_of_ones_own(
    customised: Starlette, more: str, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    granted = '[roles.buyer.repairs]\naccess = "own"\nprivileges = ["create"]\n'
    policy.write_text('[roles.buyer]\nextends = "buyer"\n' + granted)

    async with running(customised, extensions=("examples.acme", more), policy=policy) as stack:
        assert (await stack.ask("mutation { repair }")).data == {"repair": True}


async def test_a_key_must_be_one(stack: Stack) -> None:
    assert (await visit(stack, " ")).codes == ["INVALID_INPUT"]


def told_of(audit: Path, mutation: str) -> list[dict[str, Any]]:
    lines = map(json.loads, audit.read_text().splitlines())
    return [line for line in lines if (line["event"], line["what"]) == ("mutation", mutation)]


async def test_each_try_leaves_a_line_in_the_audit(stack: Stack, audit: Path) -> None:
    before = len(told_of(audit, "requestVisit"))
    made = (await visit(stack, "audited")).data["requestVisit"]
    await visit(stack, "refused", as_="admin")

    told = told_of(audit, "requestVisit")[before:]
    assert [line["outcome"] for line in told] == ["intended", "done", "intended", "FORBIDDEN"]
    assert made["id"] in told[1]["rows"]


async def test_members_that_are_declared_so_can_be_changed(stack: Stack) -> None:
    made = (await visit(stack, "noted")).data["requestVisit"]
    change = "mutation($input: RenameVisitInput!) { noteVisit(input: $input) { note reason } }"
    sent = {"visit": made["id"], "reason": "Bring a ladder."}

    noted = await stack.ask(change, input=sent)
    others = await stack.ask(change, as_="may", input=sent)

    assert noted.data["noteVisit"] == {"note": "Bring a ladder.", "reason": "It leaks."}
    assert others.codes == ["NOT_FOUND"]


async def test_a_root_field_of_ones_own_is_scoped(stack: Stack) -> None:
    query = (
        'query { brokenMachine(serial: "M-jane") { serial account { machines { totalCount } } } }'
    )

    assert (await stack.ask(query)).data["brokenMachine"]["serial"] == "M-jane"
    assert (await stack.ask(query, as_="may")).data == {"brokenMachine": None}


async def test_they_are_documented(stack: Stack) -> None:
    query = "{ __schema { mutationType { fields { name description } } } }"

    found = (await stack.ask(query)).data["__schema"]["mutationType"]["fields"]

    told = {"name": "requestVisit", "description": "Ask for a technician to come to a machine."}
    assert told in found


EVERYTHING = "from gateway.extension import *\n"
WRONG = {
    "no docstring": (
        '@query(needs="account")\nasync def shop(info: Info) -> str | None: ...\n',
        "acme_trial.shop needs a docstring, which is the field's description",
    ),
    "no info": (
        '@query(needs="account")\nasync def shop() -> str | None:\n    """x"""\n',
        "acme_trial.shop needs a parameter `info: Info`",
    ),
    "an argument without a type": (
        '@query(needs="account")\nasync def shop(info: Info, at) -> str | None:\n    """x"""\n',
        "acme_trial.shop: the parameter 'at' needs a type",
    ),
    "a type that nobody knows": (
        '@query(needs="account")\nasync def shop(info: Info) -> "Shop | None":\n    """x"""\n',
        "acme_trial.shop: no type is called 'Shop'",
    ),
    "what cannot be null": (
        '@query(needs="account")\nasync def shop(info: Info) -> str:\n    """x"""\n',
        "acme_trial.shop must return `... | None`",
    ),
    "a query of ours": (
        '@query(needs="account")\nasync def orders(info: Info) -> str | None:\n    """x"""\n',
        "acme_trial.orders: the name is taken by another query",
    ),
    "a mutation of ours": (
        '@mutation(needs="orders", privilege="create")\n'
        'async def reorder(info: Info) -> str | None:\n    """x"""\n',
        "acme_trial.reorder: the name is taken by another mutation",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_mistake_in_one_is_named(tmp_path: Path, wrong: str) -> None:
    text, sentence = WRONG[wrong]

    with written(tmp_path, EVERYTHING + text) as name, pytest.raises(DeclarationError) as found:
        build([name])

    assert str(found.value) == sentence


async def test_what_is_written_to_a_table_that_is_kept_shows_at_once(
    customised: Starlette, more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = ("examples.acme", more)
    async with running(customised, extensions=modules, keep_rows=60.0) as stack:
        monkeypatch.setattr(TABLES["Visit"], "kept", 60.0)
        known = (await stack.ask(VISITS)).data["visits"]["totalCount"]
        (await visit(stack, "kept")).data["requestVisit"]
        told = (await stack.ask(VISITS)).data["visits"]["totalCount"]

    assert told == known + 1
