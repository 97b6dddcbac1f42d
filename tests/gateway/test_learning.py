"""The names of both services are learned at start, and a start without metadata goes on."""

import asyncio
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.faults.connections import InProcess
from emulator.identities import DEMO_USERS
from gateway.commands import operator
from gateway.metadata import learning
from tests.emulator.trade import trading
from tests.environments import (
    METADATA,
    Alteration,
    Json,
    Undescribed,
    altered,
    drop_collection,
    drop_property,
    dumped,
    rename_collection,
    rename_navigation,
    respell_properties,
    written,
)
from tests.stack import Stack, emulator, running, settings

pytestmark = pytest.mark.anyio

SHIPMENTS = """{
  shipments(first: 5, filter: { warehouse: { startsWith: "" } }, orderBy: [{ field: WAREHOUSE }]) {
    nodes { number warehouse deliveredOn order { number } lines { nodes { quantity itemNumber } } }
  }
  orders(first: 3) { nodes { lines { nodes { deliveredQuantity } } syncState { status } } }
  products(first: 3) { nodes { number stock { nodes { warehouse available } } } }
}"""
OTHER_CASE = (
    respell_properties,
    rename_collection("WarehousesOnHandV2", "WarehousesOnhandV2"),
    rename_collection("SalesOrderHeadersV2", "salesOrderHeadersV2"),
)
"""All columns of F&O and two of its collections in another case."""


@pytest.fixture(scope="module")
def dump() -> Json:
    async def usual() -> Json:
        async with trading() as trade:
            return await dumped(trade.http)

    return asyncio.run(usual())


def other(dump: Json, folder: Path, *changes: Alteration) -> Starlette:
    environment = written(folder, altered(dump, *changes))
    return emulator(environment=environment)


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each for each in caplog.messages if "refuses a query" in each]


async def asked(stack: Stack) -> Any:
    return (await stack.ask(SHIPMENTS, as_="rep")).data


@pytest.mark.parametrize("about", METADATA)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_metadata_that_cannot_be_read_stops_no_start(
    small_world: Starlette, status: int, about: str, caplog: pytest.LogCaptureFixture
) -> None:
    transport = Undescribed(InProcess(app=small_world), status, (about,))

    async with running(small_world, transport) as stack:
        orders = (await stack.ask("{ orders { nodes { company } } }")).data["orders"]

    assert orders["nodes"]
    assert transport.refused
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", b'{"value": [{}]}', b'{"value": 1}'])
async def test_an_answer_of_another_kind_than_public_entities_stops_no_start(
    small_world: Starlette, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    class Strange(Undescribed):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = await super().handle_async_request(request)
            is_about = "/metadata/" in str(request.url)
            return httpx2.Response(200, content=body, request=request) if is_about else answer

    async with running(small_world, Strange(InProcess(app=small_world), about=())) as stack:
        assert (await asked(stack))["shipments"]["nodes"]

    assert "the metadata of F&O cannot be read" in caplog.text


async def test_metadata_that_never_comes_holds_up_no_start(
    small_world: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Undescribed):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if "/metadata/" in str(request.url):
                await asyncio.sleep(3600)
            return await super().handle_async_request(request)

    monkeypatch.setattr(learning, "PATIENCE", 0.5)
    started = perf_counter()
    async with running(small_world, Silent(InProcess(app=small_world), about=())) as stack:
        ready = await stack.gateway.get("/readyz")

        assert ready.status_code == 200
        assert perf_counter() - started < learning.SECONDS
        assert (await asked(stack))["shipments"]["nodes"]


async def test_columns_and_collections_of_the_erp_in_another_case_are_learned_at_start(
    dump: Json, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(other(dump, tmp_path)) as stack:
        usual = await asked(stack)
    assert usual["shipments"]["nodes"]

    async with running(other(dump, tmp_path, *OTHER_CASE)) as stack:
        assert await asked(stack) == usual

    assert refusals(caplog) == []


async def test_what_was_learned_of_the_erp_is_kept_for_a_start_without_metadata(
    dump: Json, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, file = other(dump, tmp_path, *OTHER_CASE), str(tmp_path / "learned.json")
    async with running(app, learned_names=file) as stack:
        usual = await asked(stack)

    transport = Undescribed(InProcess(app=app), about=("/metadata/",))
    async with running(app, transport, learned_names=file) as stack:
        assert await asked(stack) == usual

    assert transport.refused == 1, "the other questions are spared"
    assert refusals(caplog) == []


async def test_names_that_nobody_describes_stop_no_start(dump: Json, tmp_path: Path) -> None:
    """The look-ups of the start, by names of another case, are refused and made anew."""
    app = other(dump, tmp_path, *OTHER_CASE)
    transport = Undescribed(InProcess(app=app), about=("/metadata/",))

    async with running(app, transport) as stack:
        ready = await stack.gateway.get("/readyz")

    assert ready.status_code == 200


async def test_what_one_service_said_is_kept_where_the_other_says_nothing(
    dump: Json, tmp_path: Path
) -> None:
    app, file = other(dump, tmp_path), tmp_path / "learned.json"
    for about in METADATA:
        transport = Undescribed(InProcess(app=app), about=(about,))
        async with running(app, transport, learned_names=str(file)):
            pass

    assert len(json.loads(file.read_bytes())) == 2


async def test_a_column_and_a_collection_that_the_erp_lacks_are_never_asked_for(
    dump: Json, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = other(
        dump,
        tmp_path,
        drop_property("CustPackingSlipJourBiEntities", "ShipCarrierId"),
        drop_collection("PackingSlipTrackingInformation"),
    )

    async with running(app) as stack:
        query = "{ viewer { capabilities { missing } } shipments(first: 2) { nodes { carrier } } }"
        found = (await stack.ask(query, as_="rep")).data
        tracking = await stack.ask(
            "{ shipments(first: 1) { nodes { tracking { nodes { number } } } } }", as_="rep"
        )

    assert {"Shipment.carrier", "Tracking"} <= set(found["viewer"]["capabilities"]["missing"])
    assert [each["carrier"] for each in found["shipments"]["nodes"]] == [None, None]
    assert tracking.codes == ["NOT_AVAILABLE_HERE"]
    assert refusals(caplog) == []
    for name in ("CustPackingSlipJourBiEntities.ShipCarrierId", "PackingSlipTrackingInformation"):
        assert [name in each for each in caplog.messages].count(True) == 1


async def test_commands_of_the_operator_learn_the_names_too(dump: Json, tmp_path: Path) -> None:
    app = other(
        dump,
        tmp_path,
        rename_navigation("salesorder", "msdyn_company", "msdyn_COMPANY"),
        *OTHER_CASE,
    )
    transport = InProcess(app=app)

    answer = await operator.explain(
        settings(),
        DEMO_USERS["jane"].email,
        "{ orders { nodes { company } } }",
        transport=transport,
    )
    found = await operator.reconcile(settings(), days=90, minutes=0, transport=transport)

    assert answer["data"]["orders"]["nodes"][0]["company"]
    assert found.compared
