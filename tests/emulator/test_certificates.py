"""`emulator serve --tls` is reached over https by whoever trusts the authority it made."""

import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from emulator.certificates import certificates
from tests.ports import free_port

COMMAND = [sys.executable, "-m", "emulator", "serve", "--empty", "--tls"]


@contextmanager
def served(cache: Path) -> Iterator[str]:
    port = free_port()
    command = [*COMMAND, "--port", str(port), "--cache", str(cache)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"https://localhost:{port}"
    finally:
        server.terminate()
        server.wait(10)


def test_clients_that_trust_the_authority_are_served(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        authority = tmp_path / "tls" / "ca.pem"
        answer = None
        for _ in range(100):
            try:
                trusted = ssl.create_default_context(cafile=str(authority))
                answer = httpx2.get(
                    f"{url}/issuer/.well-known/openid-configuration", verify=trusted
                )
                break
            except (httpx2.ConnectError, FileNotFoundError):
                time.sleep(0.1)

        assert answer is not None
        assert answer.json()["issuer"] == f"{url}/issuer"
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(url)


def test_the_authority_stays_and_secrets_are_the_owners(tmp_path: Path) -> None:
    first = certificates(tmp_path)
    authority = first.authority.read_bytes()
    second = certificates(tmp_path, "emulator.internal", "10.0.0.7")

    assert second.authority.read_bytes() == authority
    for secret in (second.key, tmp_path / "ca-key.pem"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
