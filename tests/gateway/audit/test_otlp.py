"""Lines go to a collector of OpenTelemetry, whatever becomes of it and of its answers."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gateway.audit.chain import ChainKey
from gateway.audit.events import Event
from gateway.audit.otlp import Otlp
from gateway.audit.recorder import RETRY_AFTER, Audit, opened
from gateway.audit.verifying import Verdict, verify
from gateway.config.settings import SettingsError
from gateway.errors import WritesRefused

KEY = ChainKey(b"a key of the tests")


class Collector(ThreadingHTTPServer):
    """Keeps what it gets; `answers` has how it answers next: a status and a body, or not at all."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, Handler)
        self.requests: list[dict[str, Any]] = []
        self.answers: list[tuple[int, bytes] | None] = []
        self.hangs_up = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def lines(self) -> list[str]:
        return [record["body"]["stringValue"] for record in self.records]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [
            record
            for request in self.requests
            for resource in request["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ]

    def said(self) -> list[str]:
        return [
            f"{line['event']} {line.get('outcome', '')}" for line in map(json.loads, self.lines)
        ]

    def verdict(self, folder: Path) -> Verdict:
        file = folder / "collected.jsonl"
        file.write_text("".join(line + "\n" for line in self.lines))
        return verify([str(file)], KEY)


class Handler(BaseHTTPRequestHandler):
    """Speaks OTLP over HTTP."""

    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/logs"
        assert self.headers["Content-Type"] == "application/json"
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.answers.pop(0) if self.server.answers else (200, b"{}")
        if answer is None or answer[0] == 200:
            self.server.requests.append(asked)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer[0])
        self.send_header("Content-Length", str(len(answer[1])))
        self.end_headers()
        self.wfile.write(answer[1])
        self.close_connection = self.server.hangs_up

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def collecting(collector: Collector) -> Iterator[Collector]:
    thread = Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()
        thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting(Collector()) as found:
        yield found


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += RETRY_AFTER
        return self.now


def mutation(n: int = 1, outcome: str = "done") -> Event:
    return Event(f"request-{n}", "mutation", {"subject": "jane"}, "createSalesOrder", outcome)


def made(audit: Audit, n: int = 1) -> None:
    asyncio.run(audit.begin(mutation(n, "")))
    audit.record(mutation(n))


def test_each_line_is_a_log_record_that_verifies(collector: Collector, tmp_path: Path) -> None:
    audit = opened(collector.url, KEY.secret)
    made(audit)
    audit.close()

    assert collector.said() == ["opened ", "mutation intended", "mutation done", "closed "]
    assert collector.verdict(tmp_path).problems == ()
    record = collector.records[1]
    assert record["severityText"] == "INFO"
    assert int(record["timeUnixNano"]) > 10**18
    assert record["attributes"][0]["value"]["stringValue"] == "gateway.audit.mutation"


REFUSALS: dict[str, tuple[int, bytes] | None] = {
    "an outage": (503, b""),
    "a page": (200, b"<html>"),
    "a list": (200, b"[]"),
    "a rejection": (200, b'{"partialSuccess":{"rejectedLogRecords":"1"}}'),
    "a lost answer": None,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_mutation_that_the_collector_does_not_take_is_refused_and_the_chain_goes_on(
    collector: Collector, tmp_path: Path, name: str
) -> None:
    audit = Audit(Otlp(collector.url, KEY), clock=Clock())
    made(audit, 1)

    collector.answers = [REFUSALS[name]] * 2
    with pytest.raises(WritesRefused):
        asyncio.run(audit.begin(mutation(2, "")))
    made(audit, 3)
    audit.close()

    assert collector.verdict(tmp_path).problems == ()
    done = [line for line in map(json.loads, dict.fromkeys(collector.lines)) if "request" in line]
    assert [line["request"][-1] for line in done] == ["1", "1", "2", "3", "3"]


@pytest.mark.parametrize("name", REFUSALS)
def test_an_outcome_that_the_collector_does_not_take_is_told_later_and_once(
    collector: Collector, tmp_path: Path, name: str
) -> None:
    audit = Audit(Otlp(collector.url, KEY), clock=Clock())
    asyncio.run(audit.begin(mutation(1, "")))
    collector.answers = [REFUSALS[name]] * 2
    audit.record(mutation(1))
    made(audit, 2)
    audit.close()

    assert collector.verdict(tmp_path).problems == ()
    lines = [json.loads(line) for line in dict.fromkeys(collector.lines)]
    assert [line["outcome"] for line in lines if "outcome" in line] == ["intended", "done"] * 2


def test_a_collector_that_closes_idle_connections_costs_nobody_an_order(
    collector: Collector, tmp_path: Path
) -> None:
    collector.hangs_up = True
    audit = Audit(Otlp(collector.url, KEY))
    for n in range(5):
        made(audit, n)
    audit.close()

    assert collector.verdict(tmp_path).problems == ()
    assert collector.said().count("mutation done") == 5


def test_what_is_left_out_or_altered_at_the_collector_shows(
    collector: Collector, tmp_path: Path
) -> None:
    audit = Audit(Otlp(collector.url, KEY))
    made(audit)
    audit.close()
    requests = list(collector.requests)

    for n in range(len(requests)):
        collector.requests = requests[:n] + requests[n + 1 :]
        assert collector.verdict(tmp_path).problems, n
        collector.requests = json.loads(json.dumps(requests).replace("jane", "joan"))
        assert collector.verdict(tmp_path).problems


def test_a_collector_may_be_away_at_the_start_but_no_order_is_made_then(tmp_path: Path) -> None:
    gone = Collector()
    gone.server_close()
    audit = Audit(Otlp(gone.url, KEY), clock=Clock())
    with pytest.raises(WritesRefused):
        asyncio.run(audit.begin(mutation(1, "")))

    with collecting(Collector(("127.0.0.1", gone.server_address[1]))) as back:
        made(audit, 2)
        audit.close()

        assert back.verdict(tmp_path).problems == ()
        assert back.said().count("mutation done") == 1


@pytest.mark.parametrize("url", ["http://", "https:///v1/logs", "http://host:port/"])
def test_an_address_of_nobody_is_a_mistake_of_the_settings(url: str) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_AUDIT_FILE"):
        opened(url, KEY.secret)
