"""Records of the log -> lines, as text or as JSON, each with the ids of its request and trace."""

import json
import logging
import time
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Literal

from gateway.observing.current import running

LogFormat = Literal["text", "json"]
TEXT: Final = "%(asctime)s %(levelname)s %(name)s%(said)s: %(message)s"
NAMED: Final = "request", "trace"
"""The names of ids in lines of JSON, for the request for which something ran."""
FIELDS: Final = "fields"
"""The name under which a record carries further fields, for lines of JSON."""


def start(level: str, form: LogFormat) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler()
    handler.addFilter(_with_request)
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])


class JsonLines(logging.Formatter):
    """One object a line. Of an error types and places are told, never its words: they may quote."""

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        found |= {name: vars(record)[name] for name in NAMED if vars(record).get(name)}
        found |= vars(record).get(FIELDS, {})
        if record.exc_info and record.exc_info[0]:
            found["error"] = record.exc_info[0].__qualname__
            found["at"] = list(_places(record.exc_info[2]))
        return json.dumps(found, ensure_ascii=False, default=str)


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _places(found: TracebackType | None) -> Iterator[str]:
    for frame in traceback.extract_tb(found):
        yield f"{frame.filename}:{frame.lineno} {frame.name}"


def _with_request(record: logging.LogRecord) -> bool:
    """Add the request for which something runs; every record is logged."""
    request = running.get()
    record.request, record.trace = request.id, request.trace
    named = f"{request.id} {request.trace}".strip()
    record.said = f" [{named}]" if named else ""
    return True
