"""Functions of an adopter's that become root fields: of queries, or of mutations."""

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal, TypeVar, get_args

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
    Declare a function as a root field of queries: `async def name(info: Info, ...) -> T | None`.

    The function's docstring is the description of the field, its parameters but `info` are the
    arguments. `needs` is the permission that a caller must hold with the privilege `read`; others
    get FORBIDDEN. A function without a docstring or with a result that cannot be null is a
    DeclarationError.

    Example:

        @query(needs="account")
        async def machine_of_serial(info: Info, serial: str) -> Machine | None:
            '''The machine with a serial number.'''
            rows = await info.context.loaders.matching(
                Machine, {"acme_serial": serial}, paths(Machine), from_rows=False
            )
            return next(iter(rows), None)

        # { machineOfSerial(serial: "M-jane") { serial } }
    """
    return _declaring("query", needs, "read")


def mutation(*, needs: str, privilege: Privilege) -> Callable[[F], F]:
    """
    Declare a function as a mutation: `async def name(info: Info, input: Input) -> T | None`.

    The function's docstring is the description of the field. It is called only for callers who hold
    `privilege` of the permission `needs`; others get FORBIDDEN. Each call is recorded in the audit
    with its outcome. DeclarationError as in `query`.

    Example:

        @mutation(needs="orders", privilege="update")
        async def annotate_visit(info: Info, visit: ID, note: str) -> Visit | None:
            '''Write a note for the technician.'''
            return await update(info, await find(info, Visit, visit), note=note)

        # mutation($visit: ID!) { annotateVisit(visit: $visit, note: "Ring twice.") { note } }
    """
    return _declaring("mutation", needs, privilege)


def _declaring(root: Root, needs: str, privilege: str) -> Callable[[F], F]:
    def declare(function: F) -> F:
        if not isinstance(function, FunctionType):
            raise DeclarationError(f"{function!r} is not a function")
        declared = RootField(root, function, needs, privilege)
        if not function.__doc__:
            raise DeclarationError(
                f"{declared.label} needs a docstring, which is the field's description"
            )
        if not needs:
            raise DeclarationError(f"{declared.label}: `needs` takes the name of a permission")
        if root == "mutation" and privilege not in get_args(Privilege):
            known = '"create", "update" or "delete"'
            raise DeclarationError(f"{declared.label}: `privilege` takes {known}")
        FIELDS[declared.label] = declared
        return function

    return declare
