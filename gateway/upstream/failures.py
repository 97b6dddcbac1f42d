"""A failed answer of a service (status, headers and body) -> the gateway's error."""

import logging
import re
from collections.abc import Mapping
from math import ceil
from typing import Any

import msgspec

from gateway.admission.service_limits import retry_after
from gateway.client.exchange import Reply
from gateway.errors import (
    UpstreamError,
    UpstreamRefused,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from gateway.observing.logs import FIELDS
from gateway.upstream.odata import Dialect
from gateway.upstream.pages import ReadOutcome

log = logging.getLogger(__name__)

BAD_QUERY = 400
NO_PROPERTY = re.compile(
    r"Could not find a property named '(?P<property>\w+)' on type '(?:\w+\.)*(?P<type>\w+)'"
)
"""The words of both services for a column or navigation property that is not there."""

FORBIDDEN = 403
NO_PRIVILEGE = re.compile(r"is missing \w+ privilege .* for entity '(?P<table>\w+)'")
"""The words of Dataverse for a table that the gateway's user may not read."""

OWN_IDS = ("x-ms-service-request-id", "req_id", "ms-dyn-aid")
"""The headers of Dataverse, and that of Finance & Operations, with their ids of a request."""
SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")

NOT_FOUND = 404


def is_no_table(error: UpstreamRefused, dialect: Dialect) -> bool:
    """True if a query of rows was refused because its table does not exist in the environment."""
    codes = dialect.no_table
    return error.status == NOT_FOUND and (not codes or error.details["reason"] in codes)


def unknown_property(error: UpstreamRefused) -> tuple[str, str] | None:
    """The type and the property that a service says it does not have."""
    found = NO_PROPERTY.search(error.words) if error.status == BAD_QUERY else None
    return (found["type"], found["property"]) if found else None


def denied_table(error: UpstreamRefused) -> str | None:
    """The table that the gateway's user lacks a privilege for."""
    found = NO_PRIVILEGE.search(error.words) if error.status == FORBIDDEN else None
    return found["table"] if found else None


def outcome_of(reply: Reply) -> ReadOutcome:
    if reply.status < 400:
        return reply.body
    try:
        raise_for(reply.status, reply.headers, reply.body)
    except UpstreamError as error:
        return error
    return reply.body


def raise_for(status: int, headers: Any, body: bytes) -> None:
    """Raise the error for a status; do nothing for a success."""
    if status < 400:
        return
    code, text = _reason(body)
    ids = " ".join(f"{name}={value}" for name, value in ids_of(headers).items())
    log.info("upstream answered %s %s %s", status, code, ids, extra={FIELDS: ids_of(headers)})
    log.debug("upstream said: %s", text)
    raise _error(status, headers, code, text)


def ids_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The service's own ids of a request, by which Microsoft's support finds it."""
    found = {name: headers[name] for name in OWN_IDS if name in headers}
    return {name: value for name, value in found.items() if SANE.fullmatch(value)}


def _error(status: int, headers: Any, code: str, text: str) -> UpstreamError:
    if status == 429:
        seconds = ceil(retry_after(headers))
        return UpstreamThrottled("Dynamics is busy; try again later.", retryAfter=seconds)
    if status >= 500 or status in (401, 408):
        return UpstreamUnavailable("Dynamics could not answer.")
    refused = UpstreamRefused("Dynamics refused the request.", reason=code)
    refused.words, refused.status = text, status
    return refused


def _reason(body: bytes) -> tuple[str, str]:
    """The service's own code and text. The text may quote anybody's rows: never for a caller."""
    try:
        error = msgspec.json.decode(body)["error"]
        return str(error["code"]), str(error["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return "", ""
