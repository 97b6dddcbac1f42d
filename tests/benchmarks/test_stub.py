"""The stub upstream: it asks for what it does not know once, and only while it may."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from benchmarks.comparing.processes import HOST, Failed, answers, free_port, running
from benchmarks.comparing.stub import Counts, Fetch, Stub

SOURCE = Path(__file__).parents[2] / "benchmarks" / "comparing" / "stub.c"

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")


class Upstream(BaseHTTPRequestHandler):
    """Says what it was asked, and how often it was asked anything."""

    protocol_version = "HTTP/1.1"
    asked: int = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        body = f"{self.path} {self.headers.get('Prefer', '-')} {self.asked}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


@contextmanager
def upstream() -> Iterator[int]:
    server = ThreadingHTTPServer((HOST, 0), Upstream)
    thread = Thread(target=server.serve_forever)
    thread.start()
    Upstream.asked = 0
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = str(tmp_path_factory.mktemp("stub") / "stub")
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", made, SOURCE], check=True)
    return made


@pytest.fixture
def stub(program: str, tmp_path: Path) -> Iterator[Stub]:
    with upstream() as behind:
        found = Stub(f"http://{HOST}:{free_port()}")
        command = (program, found.url.rpartition(":")[2], str(behind))
        with running("stub", command, core=0, logs=tmp_path, env={}) as process:
            answers(process, f"{found.url}/-/counts")
            yield found


def get(stub: Stub, path: str, prefer: str | None = None) -> httpx2.Response:
    headers = {"Prefer": prefer} if prefer else {}
    return httpx2.get(stub.url + path, headers=headers, trust_env=False)


def test_what_was_asked_once_is_answered_the_same_ever_after(stub: Stub) -> None:
    first = get(stub, "/orders?$top=1")

    stub.freeze()

    assert [get(stub, "/orders?$top=1").text for _ in range(3)] == ["/orders?$top=1 - 1"] * 3
    assert first.text == "/orders?$top=1 - 1"
    assert Upstream.asked == 1


def test_another_target_and_another_preference_are_other_requests(stub: Stub) -> None:
    found = [get(stub, path, prefer).text for path in ("/a", "/b") for prefer in (None, "x")]

    assert found == ["/a - 1", "/a x 2", "/b - 3", "/b x 4"]
    assert [each.target for each in stub.log()] == ["/a", "/a", "/b", "/b"]
    assert stub.log() == []


def test_the_log_says_what_to_ask_to_get_the_same(stub: Stub) -> None:
    size = len(get(stub, "/orders", "odata.maxpagesize=5").content)

    (fetch,) = stub.log()

    assert (fetch.target, fetch.prefer) == ("/orders", "odata.maxpagesize=5")
    assert isinstance(fetch, Fetch)
    assert fetch.size > size


def test_once_frozen_it_counts_what_it_does_not_know(stub: Stub) -> None:
    get(stub, "/known")
    stub.counts()
    stub.freeze()

    assert get(stub, "/unknown").status_code == 404
    assert get(stub, "/known").status_code == 200
    with pytest.raises(Failed, match="did not know 1 requests"):
        stub.expected()
    assert stub.counts() == Counts(requests=0, bytes=0, misses=0)
