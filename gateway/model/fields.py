"""Functions of an adopter's that become root fields: of queries, or of mutations."""

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal, TypeVar

from gateway.model.declarations import DeclarationError, named

Root = Literal["query", "mutation"]
Privilege = Literal["create", "update", "delete"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class RootField:
    """A function, and the permission that a caller must hold before it is called."""

    root: Root
    function: FunctionType
    needs: str
    privilege: str

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def label(self) -> str:
        """The name of the root field in messages."""
        return named(self.function)


FIELDS: dict[str, RootField] = {}
"""Every declared root field, by module and name of its function."""


def query(*, needs: str) -> Callable[[F], F]:
    """
    A root field of queries: `async def name(info: Info, ...) -> Type | None`, with a docstring.

    `needs` is the permission that a caller must hold, for reading.
    """
    return _declaring("query", needs, "read")


def mutation(*, needs: str, privilege: Privilege) -> Callable[[F], F]:
    """
    A mutation: `async def name(info: Info, input: Input) -> Type | None`, with a docstring.

    It is called for callers who hold `privilege` of the permission `needs`, and leaves a line in
    the audit whatever becomes of it.
    """
    return _declaring("mutation", needs, privilege)


def _declaring(root: Root, needs: str, privilege: str) -> Callable[[F], F]:
    def declare(function: F) -> F:
        if not isinstance(function, FunctionType):
            raise DeclarationError(f"{function!r} is no function")
        declared = RootField(root, function, needs, privilege)
        if not function.__doc__:
            raise DeclarationError(f"{declared.label} needs a docstring: the field's description")
        FIELDS[declared.label] = declared
        return function

    return declare
