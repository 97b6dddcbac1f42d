"""Settings that change are taken while the gateway serves; a change with a mistake is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from emulator.entra import SERVICE_SECRET
from emulator.faults.connections import InProcess
from gateway import rereading
from gateway.app import create_app
from gateway.config.parsers import Partner, PartnerAccount
from gateway.config.settings import Settings, SettingsError
from tests.stack import EMULATOR, GATEWAY, Stack, settings
from tests.waiting import until, until_asked

pytestmark = pytest.mark.anyio
KIND = "{ viewer { kind } }"
PARTNERS = (Partner("partner", (PartnerAccount("US-001", "usmf"),)),)


@dataclass
class Changing:
    """Settings that an operator changes."""

    now: Settings
    mistakes: tuple[str, ...] = ()

    def read(self) -> Settings:
        if self.mistakes:
            raise SettingsError(self.mistakes)
        return self.now

    def change(self, **changes: Any) -> None:
        self.now, self.mistakes = replace(self.now, **changes), ()


@asynccontextmanager
async def serving(world: Starlette, changing: Changing) -> AsyncIterator[Stack]:
    upstream = InProcess(app=world)
    app = create_app(changing.now, transport=upstream, read=changing.read)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=upstream, base_url=EMULATOR) as direct,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=GATEWAY) as client,
    ):
        yield Stack(world, client, direct, app=app)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereading, "EVERY", 0.02)
    monkeypatch.setattr("gateway.upstream.credentials.SHORTLY", 0.01)


async def test_a_secret_is_taken_without_a_restart(small_world: Starlette) -> None:
    changing = Changing(settings(client_secret="old"))
    async with serving(small_world, changing) as stack:
        before = await stack.ask(KIND)
        changing.change(client_secret=SERVICE_SECRET)

        async def answered() -> bool:
            return (await stack.ask(KIND)).status == 200

        await until_asked(answered)

    assert before.codes == ["UPSTREAM_UNAVAILABLE"]


async def test_partners_come_and_go(small_world: Starlette) -> None:
    changing = Changing(settings())
    async with serving(small_world, changing) as stack:

        async def status() -> int:
            return (await stack.ask(KIND, as_="partner")).status

        async def let_in() -> bool:
            return await status() == 200

        async def kept_out() -> bool:
            return await status() == 401

        assert await kept_out()
        changing.change(partners=PARTNERS)
        await until_asked(let_in)
        changing.change(partners=())
        await until_asked(kept_out)


async def test_trusted_documents_are_read_again_and_broken_ones_are_refused(
    small_world: Starlette, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "trusted.json"
    file.write_text(json.dumps({"first": KIND}))
    changing = Changing(settings(trusted_documents=str(file), trusted_only=True))
    async with serving(small_world, changing) as stack:
        headers = {"Authorization": f"Bearer {await stack.token('jane')}"}

        async def known(name: str) -> bool:
            body = {"documentId": name}
            answer = await stack.gateway.post("/graphql", json=body, headers=headers)
            return "data" in answer.json()

        before = await known("first"), await known("second")
        file.write_text(json.dumps({"second": "query Second { viewer { kind } }"}))
        await until_asked(lambda: known("second"))
        after = await known("first")
        file.write_text(json.dumps({"third": "{ nothing }"}))

        async def refused() -> bool:
            return "settings stay as they were" in caplog.text

        await until_asked(refused)
        assert await known("second")

    assert (before, after) == ((True, False), False)
    assert caplog.text.count("settings stay as they were") == 1


async def test_a_mistake_is_said_once_and_changes_nothing(
    small_world: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    changing = Changing(settings(partners=PARTNERS))
    async with serving(small_world, changing) as stack:
        changing.mistakes = ("GATEWAY_PORT: must be a port number",)
        await until(lambda: "must be a port number" in caplog.text)
        assert (await stack.ask(KIND, as_="partner")).status == 200
        changing.change(port=9_000)
        await until(lambda: "GATEWAY_PORT changed" in caplog.text)
        await asyncio.sleep(0.1)

    assert caplog.text.count("GATEWAY_PORT: must be a port number") == 1
    assert caplog.text.count("GATEWAY_PORT changed: it holds from the next start on") == 1
