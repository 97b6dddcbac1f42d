"""A real Redis for a test, where the machine has one."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from tests.ports import free_port

SERVER = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(
    SERVER is None, reason="needs redis-server: scripts/install as root"
)


@dataclass
class Server:
    """A Redis of its own, that can be killed and come back, empty unless it is durable."""

    folder: Path
    port: int
    is_durable: bool = False
    """True if it has everything again when it comes back, as docs/portal.md asks of it."""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> Redis:
        return Redis.from_url(self.url, decode_responses=True)

    def start(self) -> None:
        assert SERVER
        command = [SERVER, "--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        command += ["--bind", "127.0.0.1", "--enable-debug-command", "yes"]
        if self.is_durable:
            command += ["--appendonly", "yes", "--appendfsync", "always"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError("redis-server did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = Server(tmp_path, free_port())
    found.start()
    yield found
    found.kill()
