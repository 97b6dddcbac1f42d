"""Answers of the Web API and the ERP, with all annotations, can be loaded again as they are."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from emulator.app import create_app
from emulator.declarations import standard
from emulator.loading import load
from emulator.metadata import Service, Table
from emulator.server import build, register_jane
from emulator.settings import Settings
from emulator.store import Store
from emulator.values import Row
from emulator.world.generation import generate
from emulator.world.sizes import Size

pytestmark = pytest.mark.anyio

BASE = "http://127.0.0.1:8001"
TINY = Size(companies=2, accounts=12, contacts=12, products=20, orders=40)
VERSIONS = {"versionnumber", "@version"}
ROOTS = {Service.DATAVERSE: "/api/data/v9.2", Service.FINOPS: "/data"}


@pytest.fixture(scope="module")
def store() -> Store:
    store = Store(standard())
    generate(store, TINY, 1)
    register_jane(store, f"{BASE}/issuer")
    return store


async def answers(client: httpx2.AsyncClient, table: Table) -> list[dict[str, Any]]:
    wide = "?cross-company=true" if table.service is Service.FINOPS else ""
    found = await client.get(f"{ROOTS[table.service]}/{table.set}{wide}")
    rows: list[dict[str, Any]] = found.json()["value"]
    return rows


async def export(store: Store, folder: Path) -> None:
    transport = httpx2.ASGITransport(create_app(store, authorize=lambda _: None))
    everything = {"Prefer": 'odata.include-annotations="*"'}
    async with httpx2.AsyncClient(transport=transport, base_url=BASE, headers=everything) as client:
        for table in store.catalog:
            write(folder / table.service / f"{table.set}.jsonl", await answers(client, table))


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows))


def kept(store: Store, table: Table) -> list[Row]:
    rows = store.select(table, "1")
    bare = [{name: row[name] for name in row if name not in VERSIONS} for row in rows]
    return sorted(bare, key=lambda row: [str(row[name]) for name in table.key])


async def test_an_export_of_everything_makes_the_same_store(store: Store, tmp_path: Path) -> None:
    await export(store, tmp_path)
    again = Store(standard())

    done = load(again, tmp_path)

    assert done.counts["salesorderdetails"] == 200
    assert [t.set for t in store.catalog if kept(store, t) != kept(again, t)] == []


async def test_an_emulator_starts_from_its_own_export(store: Store, tmp_path: Path) -> None:
    await export(store, tmp_path)

    app = build(Settings(load=tmp_path, cache=None))

    assert app.state.people.absent() == []
    assert len(kept(app.state.store, store.catalog.tables["adx_externalidentities"])) == 1
