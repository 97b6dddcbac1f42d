"""Requests of HTTP -> GraphQL requests, as GraphQL over HTTP writes them."""

from typing import Any, Final

import msgspec
from starlette.datastructures import QueryParams
from starlette.types import Receive

from gateway.engine.execution import GraphQLRequest
from gateway.engine.trusted import PERSISTED
from gateway.http.negotiation import JSON, content_type
from gateway.http.receiving import Received, body

METHODS: Final = "GET, POST"
IDENTITY: Final = b"identity"
IN_URL: Final = ("query", "documentId", "operationName")
"""The parameters that a URL holds as plain text; the others are JSON."""


class RequestProblem(Exception):
    """The HTTP request is no GraphQL request, or not one that is served."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class Parameters(msgspec.Struct):
    """The request as GraphQL over HTTP writes it in JSON."""

    query: str | None = None
    document_id: str | None = msgspec.field(name="documentId", default=None)
    operation_name: str | None = msgspec.field(name="operationName", default=None)
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(Parameters)


async def read(request: Received, receive: Receive) -> GraphQLRequest:
    """The GraphQL request in a request of HTTP; RequestProblem where there is none."""
    match request.method:
        case "GET":
            parameters = _parameters_of_url(request)
        case "POST":
            _check_content(request)
            parameters = _decode(await body(receive))
        case _:
            raise RequestProblem(405, "Use POST, or GET for queries.", Allow=METHODS)
    return request_of(parameters)


def request_of(parameters: Parameters) -> GraphQLRequest:
    """The request that parameters describe; RequestProblem where they name no document."""
    extensions = parameters.extensions or {}
    if parameters.query is None and parameters.document_id is None and PERSISTED not in extensions:
        raise RequestProblem(400, "The request has no document: send `query` or `documentId`.")
    return GraphQLRequest(
        parameters.query,
        parameters.variables or {},
        parameters.operation_name,
        extensions,
        parameters.document_id,
    )


def _check_content(request: Received) -> None:
    sent = content_type(request.header(b"content-type"))
    if sent is None or sent.name != JSON or not sent.readable:
        raise RequestProblem(415, f"The body must be {JSON} in UTF-8.", Accept=JSON)
    if request.headers.get(b"content-encoding", IDENTITY) != IDENTITY:
        raise RequestProblem(
            415,
            "The body must not be compressed; leave out Content-Encoding.",
            **{"Accept-Encoding": "identity"},
        )


def _decode(body: bytes) -> Parameters:
    if body.lstrip()[:1] == b"[":
        raise RequestProblem(400, "Batches are not supported; send one operation per request.")
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestProblem(400, f"The body is no GraphQL request: {_reason(error)}") from None


def _parameters_of_url(request: Received) -> Parameters:
    given = QueryParams(request.query)
    found: dict[str, Any] = {name: given[name] for name in IN_URL if given.get(name)}
    try:
        for name in ("variables", "extensions"):
            if given.get(name):
                found[name] = msgspec.json.decode(given[name])
        return msgspec.convert(found, Parameters)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise RequestProblem(400, f"The URL is no GraphQL request: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, msgspec.MsgspecError) else "it cannot be decoded"
