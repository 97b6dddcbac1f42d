"""
Environments that differ from the usual one in one small thing: the doctor names it, the names file
that it writes overcomes it, and without that file nothing fails but what it is about.

The usual tests take one environment of each kind; `scripts/check --nightly` takes all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from gateway.commands import operator
from gateway.doctor.examining import Report
from gateway.doctor.findings import Finding, Status
from gateway.metadata import overrides
from tests.emulator.trade import trading
from tests.environments import Json, Undescribed, altered, dumped, written
from tests.gateway.environments.altered import EVERY, Altered
from tests.gateway.environments.asking import (
    Answers,
    Difference,
    Question,
    answers,
    differences,
    questions,
)
from tests.nightly import NIGHTLY, only_at_night
from tests.stack import Stack, emulator, running, settings

pytestmark = pytest.mark.anyio

USUAL = (
    "all custom lookups in lower case",
    "no Power Pages",
    "requestdeliveryby of salesorder that are DateOnly",
    "order lines of the ERP under another name",
    "no customer transactions",
)
"""One environment of each kind that a names file is for."""
NAMES = tuple(EVERY) if NIGHTLY else USUAL
TOLD = frozenset({"Capabilities.missing"})
"""The field that says what an environment lacks."""
PLACE = """mutation ($input: CreateSalesOrderInput!) {
  createSalesOrder(input: $input) {
    status
    order { number requestedReceiptDate lines { nodes { quantity } } syncState { status } }
    errors { code message path }
  }
}"""
ORDER = {
    "idempotencyKey": "PO-2026-004711",
    "customerReference": "PO-2026-004711",
    "requestedReceiptDate": "2027-12-15",
    "lines": [{"number": "D0023", "quantity": "2", "unit": "ea"}],
}


@dataclass(frozen=True)
class World:
    """The usual environment: what it says of itself, and what it answers."""

    dump: Json
    findings: frozenset[tuple[str, str]]
    asked: list[Question]
    usual: Answers


@dataclass(frozen=True)
class Visited:
    """An altered environment after the doctor's visit."""

    altered: Altered
    emulator: Starlette
    report: Report
    names: Path
    """The names file that the doctor wrote."""

    def running(self, *transport: httpx2.AsyncBaseTransport, **changes: Any) -> Any:
        return running(self.emulator, *transport, **{**self.altered.settings, **changes})


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    async with trading() as trade:
        dump = await dumped(trade.http)
    app = started(dump, tmp_path_factory.mktemp("usual"))
    report = await visited(app)
    async with running(app) as stack:
        asked = await questions(stack)
        usual = await answers(stack, asked)
    for question in asked:
        assert usual[str(question)].data, question
    return World(dump, frozenset(map(said, report.findings)), asked, usual)


@pytest.fixture(scope="module", params=NAMES)
async def environment(
    request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Visited:
    found, folder = EVERY[request.param], tmp_path_factory.mktemp("altered")
    app = started(altered(world.dump, *found.alter), folder)
    if found.rows is not None:
        async with running(app) as stack:
            stack.upstream.headers.update(await stack.service())
            await found.rows(stack.upstream)
    report = await visited(app, **found.settings)
    names = folder / "names.toml"
    names.write_text(overrides.dump(report.overrides))
    return Visited(found, app, report, names)


def started(dump: Json, folder: Path) -> Starlette:
    return emulator(environment=written(folder, dump))


async def visited(app: Starlette, **changes: Any) -> Report:
    """The findings of the doctor, when it may try an order."""
    transport = InProcess(app=app)
    return await operator.examine(
        settings(**changes), write=True, say=lambda _: None, transport=transport
    )


def said(finding: Finding) -> tuple[str, str]:
    return finding.subject, finding.says


async def test_the_doctor_names_what_is_other(environment: Visited, world: World) -> None:
    new = [each for each in environment.report.findings if said(each) not in world.findings]
    wrong = [each for each in new if each.status is not Status.OK]
    named = [each for each in wrong if environment.altered.subject in each.subject]

    assert named, [each.text for each in wrong]
    assert all(each.says for each in named)
    assert all(each.do for each in named if each.status is Status.WRONG)


async def test_without_a_names_file_nothing_else_fails(environment: Visited, world: World) -> None:
    about = environment.altered.affects | environment.altered.without
    async with environment.running() as stack:
        found = await answers(stack, world.asked)

    expect(environment.altered, about, differences(world.asked, world.usual, found))


@only_at_night
async def test_a_names_file_is_right_where_metadata_cannot_be_read(
    environment: Visited, world: World
) -> None:
    transport = Undescribed(InProcess(app=environment.emulator))
    async with environment.running(transport, names=str(environment.names)) as stack:
        found = await answers(stack, world.asked)

    about = environment.altered.affects
    expect(environment.altered, about, differences(world.asked, world.usual, found))


async def test_the_written_names_file_overcomes_it(environment: Visited, world: World) -> None:
    about = environment.altered.affects
    async with environment.running(names=str(environment.names)) as stack:
        found = await answers(stack, world.asked)
        expect(environment.altered, about, differences(world.asked, world.usual, found))
        await order(environment.altered, stack)


def expect(altered: Altered, about: frozenset[str], found: Any) -> None:
    """Every difference is one of those fields; every error there is one that has a code."""
    others = [each for each in found if not is_expected(altered, about, each)]
    assert not others, "\n".join(map(str, others[:10]))


def is_expected(altered: Altered, about: frozenset[str], found: Difference) -> bool:
    if found.is_of(TOLD):
        return True
    if not altered.finds and found.code is None:
        return True
    return found.is_of(about) and (found.code is None or found.code in altered.codes)


async def order(altered: Altered, stack: Stack) -> None:
    """An order is placed, or refused for the one reason that there is."""
    answer = await stack.ask(PLACE, input=ORDER)
    if altered.refuses:
        codes = [each["code"] for each in placed(answer.body)["errors"]]
        assert altered.refuses in (*answer.codes, *codes), answer.body
        return
    made = placed(answer.body)
    assert (made["status"], made["errors"]) == ("CREATED", [])
    assert made["order"]["lines"]["nodes"] == [{"quantity": "2.0"}]
    synced = "SYNCED" if altered.arrives else "PENDING"
    assert made["order"]["syncState"] == {"status": synced}
    wanted = None if "SalesOrder.requestedReceiptDate" in altered.affects else "2027-12-15"
    assert made["order"]["requestedReceiptDate"] == wanted


def placed(body: Mapping[str, Any]) -> Json:
    return dict((body.get("data") or {}).get("createSalesOrder") or {"errors": []})


def test_there_are_environments_of_every_kind() -> None:
    assert len(EVERY) >= 30
    assert EVERY.keys() >= set(USUAL)
