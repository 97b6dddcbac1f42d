"""The demo passes all GraphQL over HTTP audits of the reference implementation (graphql-http)."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.gateway.test_demo import demo, token

HERE = Path(__file__).parent

Audit = dict[str, str | None]


@pytest.fixture(scope="module")
def audits() -> list[Audit]:
    with demo() as (port, _):
        command = ["node", "audit.mjs", f"http://127.0.0.1:{port}/graphql", token(port, "jane")]
        run = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    found: list[Audit] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("duty", ["MUST", "SHOULD", "MAY"])
def test_every_audit_passes(audits: list[Audit], duty: str) -> None:
    failed = [
        each for each in audits if str(each["name"]).startswith(duty) and each["status"] != "ok"
    ]

    assert failed == []


def test_the_suite_ran_whole(audits: list[Audit]) -> None:
    assert len(audits) >= 61
