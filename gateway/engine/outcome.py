"""
Answers of the engine, or the reasons for not executing a request. Errors leave the gateway only
through here, so nothing that nobody meant for the caller gets out.
"""

import logging
import traceback
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

from graphql import GraphQLError
from msgspec import Struct

from gateway.errors import BAD_REQUEST, INTERNAL, GatewayError

log = logging.getLogger("gateway")

Error = dict[str, Any]
"""One entry of `errors` in a GraphQL answer."""


class Refused(Exception):
    """The request was not executed; `errors` are those of the answer."""

    def __init__(self, errors: Iterable[Error]) -> None:
        super().__init__()
        self.errors = tuple(errors)

    @property
    def body(self) -> dict[str, Any]:
        return {"errors": self.errors}


class Stopped(Exception):
    """The answer was given up while it was made, for the reason in `error`."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__()
        self.error = error


class ExecutionWay(NamedTuple):
    """
    The way in which an operation was answered: by a plan, on graphql-core, or there after a plan
    gave up.
    """

    way: Literal["compiled", "core", "fallback"]
    reason: str = ""
    """
    The reason for not using a plan, in words of ours and names of the schema: nothing of a
    caller's.
    """

    @property
    def shown(self) -> dict[str, str]:
        """The value of `extensions.execution`."""
        return {"way": self.way} | ({"reason": self.reason} if self.reason else {})


COMPILED: Final = ExecutionWay("compiled")


class Answer(Struct, frozen=True):
    """The outcome of an executed operation; `data` is None where a null reached the root."""

    data: dict[str, Any] | None
    errors: tuple[Error, ...] = ()
    way: ExecutionWay = COMPILED

    @property
    def body(self) -> dict[str, Any]:
        return {"data": self.data} | ({"errors": self.errors} if self.errors else {})


def refused(error: GatewayError) -> Refused:
    return Refused([{"message": error.message, "extensions": error.extensions}])


def bad_request(errors: Iterable[GraphQLError]) -> Refused:
    """The refusal of a request in which GraphQL itself found errors, in its own words."""
    return Refused({**each.formatted, "extensions": {"code": BAD_REQUEST}} for each in errors)


def field_error(error: GraphQLError, request_id: str) -> Error:
    """An error of execution: a known one keeps its words, the caller's own mistake too."""
    shown: Error = {**error.formatted}
    cause = _cause(error)
    if isinstance(cause, GatewayError):
        shown["message"] = cause.message
        shown["extensions"] = cause.extensions
    elif isinstance(cause, GraphQLError) and cause.nodes:
        shown["extensions"] = {"code": BAD_REQUEST}  # about an argument: it points at the document
    else:
        report(cause, request_id, where=error.path)
        shown |= internal(request_id)
    return shown


def internal(request_id: str) -> Error:
    return {
        "message": "Internal error.",
        "extensions": {"code": INTERNAL, "requestId": request_id},
    }


def report(error: BaseException, request_id: str, *, where: object = None) -> None:
    """
    Log a bug once: its types and its places in the code. Never its words, which may quote rows,
    variables or a token.
    """
    story = "\n".join(_story(error))
    log.error("request %s failed at %s\n%s", request_id, where, story)


def _cause(error: GraphQLError) -> BaseException:
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _story(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        yield f"{type(error).__module__}.{type(error).__qualname__}\n{frames}"
        error = error.__cause__ or error.__context__
