"""A client library for Dataverse that nobody here wrote, pointed at the emulator unchanged."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection

import pytest

from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.tokens import TENANT
from tests.ports import free_port

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An empty emulator over https, and the authority that its clients must trust."""
    cache = tmp_path_factory.mktemp("emulator")
    port = free_port()
    command = [sys.executable, "-m", "emulator", "serve", "--empty", "--tls", "--port", str(port)]
    server = subprocess.Popen([*command, "--cache", str(cache)], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"https://localhost:{port}", cache / "tls" / "ca.pem"
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")


def test_dynamics_web_api_cannot_tell_it_apart(emulator: tuple[str, Path]) -> None:
    url, authority = emulator
    run = subprocess.run(
        ["node", "dataverse.mjs", url, TENANT, SERVICE_CLIENT_ID, SERVICE_SECRET],
        cwd=HERE,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(authority)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    checks = [json.loads(line) for line in run.stdout.splitlines()]

    assert run.returncode == 0, run.stderr
    assert {each["name"]: each["error"] for each in checks if each["error"]} == {}
    assert len(checks) == 20
