"""
The tables and members of one app: ours, and those of the extensions that it names.

A class is declared once in a process. What an app is made of is decided here, so that apps with
different extensions do not see each other's tables.
"""

import importlib
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, ModuleType
from typing import TypeVar

from gateway.model.archives import ARCHIVES
from gateway.model.declarations import DeclarationError, Member, Spec, Table, named
from gateway.model.fields import FIELDS, Root, RootField
from gateway.model.tables import TABLES

OURS = "gateway"
"""The package whose tables are part of every app."""
M = TypeVar("M", bound=Member)


@dataclass(frozen=True)
class Registry:
    """The declarations of an app: those of our modules and of its extensions."""

    extensions: tuple[str, ...] = ()
    """The modules of the app; declarations in modules below a named package count as well."""

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """The tables of the app, by the name of their GraphQL type."""
        return {name: each for name, each in TABLES.items() if self.holds(each.cls)}

    def members(self, members: Mapping[str, M]) -> dict[str, M]:
        """Those of a table's `specs`, `visible`, `filterable`, `sortable` or `backs` it has."""
        return {name: each for name, each in members.items() if self.holds(each.declared_by)}

    def holding(self, members: Iterable[M]) -> list[M]:
        """Those of a table's members that it has."""
        return [each for each in members if self.holds(each.declared_by)]

    def fields(self, root: Root) -> list[RootField]:
        """The root fields that extensions of the app declare."""
        mine = (each for each in FIELDS.values() if self.holds(each.function))
        return [each for each in mine if each.root == root]

    @property
    def archive(self) -> FunctionType | None:
        """The archive of printed documents that an extension of the app declares, if one does."""
        return next(filter(self.holds, ARCHIVES.values()), None)

    def holds(self, declared: type | FunctionType) -> bool:
        """True if what declares a table, members or a root field belongs to the app."""
        packages = (OURS, *self.extensions)
        return any(f"{declared.__module__}.".startswith(f"{package}.") for package in packages)


SHIPPED = Registry()
"""Our own tables alone."""


def load(extensions: Iterable[str]) -> Registry:
    """
    Import the extensions of an app.

    Raises ImportError where a module is missing, DeclarationError where a declaration is wrong.
    """
    registry = Registry(tuple(extensions))
    before = set(_declared())
    for name in registry.extensions:
        _check_complete(_imported(name))
    for each in _declared():
        if each not in before and not registry.holds(each):
            raise DeclarationError(f"{named(each)}: name {each.__module__} as an extension too")
    archives = [named(each) for each in ARCHIVES.values() if registry.holds(each)]
    if len(archives) > 1:
        raise DeclarationError(f"there is one archive at most: {' and '.join(archives)}")
    return registry


def _declared() -> Iterator[type | FunctionType]:
    """The classes and functions that have declared something in this process."""
    yield from (field.function for field in FIELDS.values())
    yield from ARCHIVES.values()
    for table in TABLES.values():
        yield table.cls
        yield from (spec.owner for spec in table.specs.values())


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (DeclarationError, ImportError):
        raise
    except Exception as error:
        where = f"{name}, line {_line_of(error, name)}"
        raise DeclarationError(f"{where}: {type(error).__name__}: {error}") from error


def _line_of(error: Exception, name: str) -> int:
    """The last line of the extension that ran before the error."""
    frames = [
        f for f, _ in traceback.walk_tb(error.__traceback__) if f.f_globals["__name__"] == name
    ]
    lines = dict(traceback.walk_tb(error.__traceback__))
    return lines[frames[-1]] if frames else getattr(error, "lineno", None) or 0


def _check_complete(module: ModuleType) -> None:
    """DeclarationError for members of a class that nobody asked to declare."""
    for cls in _classes(module):
        for spec in vars(cls).values():
            if isinstance(spec, Spec) and not hasattr(spec, "home"):
                raise DeclarationError(f"{named(cls)} needs the decorator `table` or `extend`")


def _classes(module: ModuleType) -> Iterator[type]:
    below = f"{module.__name__}."
    for name, each in list(sys.modules.items()):
        if f"{name}.".startswith(below):
            for value in vars(each).values():
                if isinstance(value, type) and value.__module__ == name:
                    yield value
