"""
The lines of the audit as log records of OpenTelemetry (OTLP over HTTP, in JSON), to a collector
beside the process: who changes something waits for its word that it has the line.

An answer that got lost says nothing, so the very same line is sent again before any other one, and
may be there twice.
"""

import json
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from gateway.audit.chain import ChainKey, Line, Place
from gateway.audit.sinks import PROMPT, begun, ended

PATIENCE: Final = 0.25
"""Seconds at the least in which the collector may confirm a line."""
PATH: Final = "/v1/logs"
"""The path at which collectors take log records, if the address does not say."""
HEADERS: Final = {"Content-Type": "application/json"}
INFO: Final = 9
"""OTLP's number of that severity."""
MAX_BYTES: Final = 65_536
"""Bytes of an answer that are read."""


class Otlp:
    """A collector's address. Each process has a chain of its own, as on standard output."""

    def __init__(self, url: str, key: ChainKey) -> None:
        """OSError where that is no address of a collector."""
        parts = urlsplit(url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise OSError(str(error)) from None
        if not host:
            raise OSError("it names no host")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(host, port, timeout=PATIENCE)
        self._path = parts.path if parts.path.strip("/") else PATH
        self._key = key
        self._chain, self._place = uuid4().hex, Place()
        self._unsure: tuple[Line, bytes, Place] | None = None
        """The last line sent, if nothing says whether it arrived."""

    def start(self) -> None:
        pass  # a command that has nothing to tell sends nothing

    def append(self, body: Line, patience: float = PROMPT) -> None:
        self._allow(max(patience, PATIENCE))
        if self._unsure is not None:
            before, line, place = self._unsure
            self._send(line, before)
            self._place, self._unsure = place, None
            if before is body:
                return
        if not self._place.lines:
            self._write(begun())
        self._write(body)

    def close(self) -> None:
        if self._place.lines:
            with suppress(OSError):
                self.append(ended())
        self._connection.close()

    def _allow(self, seconds: float) -> None:
        """Let the collector take so long for each step."""
        self._connection.timeout = seconds
        if self._connection.sock is not None:
            self._connection.sock.settimeout(seconds)

    def _write(self, body: Line) -> None:
        line, place = self._key.line({"chain": self._chain, **body}, self._place)
        self._unsure = body, line, place
        self._send(line, body)
        self._place, self._unsure = place, None

    def _send(self, line: bytes, body: Line) -> None:
        """OSError where the collector does not say that it has the line."""
        request = _request(line, body)
        # The collector may have closed a connection that was idle: another one tells.
        tries = 2 if self._connection.sock is not None else 1
        for left in reversed(range(tries)):
            try:
                _check(*self._exchange(request))
                return
            except (OSError, HTTPException) as error:
                if not left or isinstance(error, TimeoutError):
                    raise OSError(f"no collector: {type(error).__name__} {error}") from None

    def _exchange(self, request: bytes) -> tuple[HTTPResponse, bytes]:
        try:
            self._connection.request("POST", self._path, request, HEADERS)
            answer = self._connection.getresponse()
            said = answer.read(MAX_BYTES)
        except BaseException:
            self._connection.close()
            raise
        if answer.will_close or not answer.isclosed():
            self._connection.close()
        return answer, said


def _check(answer: HTTPResponse, said: bytes) -> None:
    """OSError where the collector does not take the line."""
    if answer.status != 200:
        raise OSError(f"the collector answers {answer.status}")
    try:
        partial = json.loads(said or b"{}").get("partialSuccess") or {}
        rejected = int(partial.get("rejectedLogRecords", 0))
    except (ValueError, AttributeError, TypeError):
        raise OSError("the collector's answer is not one of OTLP") from None
    if rejected:
        raise OSError("the collector rejects the line")


def _request(line: bytes, body: Line) -> bytes:
    """One log record with the line as its body, which `gateway audit verify` can read."""
    at = datetime.fromisoformat(body["at"]) if "at" in body else datetime.now(UTC)
    record = {
        # Numbers of 64 bits are texts in JSON.
        "timeUnixNano": str(int(at.timestamp() * 1_000_000) * 1_000),
        "severityNumber": INFO,
        "severityText": "INFO",
        "body": {"stringValue": line.decode().rstrip("\n")},
        "attributes": [_attribute("event.name", f"gateway.audit.{body['event']}")],
    }
    logs = {"scope": {"name": "gateway.audit"}, "logRecords": [record]}
    resource = {"attributes": [_attribute("service.name", "dynamics-gateway")]}
    sent: dict[str, Any] = {"resourceLogs": [{"resource": resource, "scopeLogs": [logs]}]}
    return msgspec.json.encode(sent)


def _attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}
