"""Fixtures for modules whose buyers have the rights of their `GRANTED`, with an audit to read."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from emulator.faults.rules import Faults
from tests.stack import Stack, emulator, running


@pytest.fixture(scope="module")
def world() -> Starlette:
    return emulator()


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audit") / "audit.jsonl"


@pytest.fixture(scope="module")
async def stack(
    request: pytest.FixtureRequest, world: Starlette, audit: Path
) -> AsyncIterator[Stack]:
    policy = audit.with_name("policy.toml")
    policy.write_text(request.module.GRANTED)
    async with running(world, policy=str(policy), audit_file=str(audit)) as found:
        yield found


@pytest.fixture
def faults(world: Starlette) -> Iterator[Faults]:
    yield world.state.faults
    world.state.faults.clear()
