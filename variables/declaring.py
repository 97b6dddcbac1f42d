"""
Declarations of settings: the fields of a frozen dataclass, each of which names its variable's type,
default and documentation in one place.
"""

from collections.abc import Callable, Collection
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from variables import parsing


class SettingsError(ValueError):
    """One or more variables cannot be used; `mistakes` has one line for each, with its name."""

    def __init__(self, mistakes: Collection[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment, and the field that it fills."""

    name: str
    field: str
    doc: str
    parse: Callable[[str], Any]
    default: Any
    """`dataclasses.MISSING` where the variable is required."""
    secret: bool

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def default_text(self) -> str:
        """The default as one would write it; empty where there is none."""
        match self.default:
            case bool():
                return "on" if self.default else "off"
            case tuple():
                return ",".join(self.default)
            case float() | int() | str():
                return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)
            case _:
                return ""


def variable(
    doc: str,
    parse: Callable[[str], Any] = parsing.text,
    *,
    default: Any = MISSING,
    secret: bool = False,
) -> Any:
    """Declare the field that one variable fills; a secret stays out of its repr."""
    metadata = {"doc": doc, "parse": parse, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


def variables_of(settings: Any, prefix: str) -> tuple[Variable, ...]:
    """The variables that a class of settings declares, each named by its field."""
    return tuple(
        Variable(prefix + each.name.upper(), each.name, default=each.default, **each.metadata)
        for each in fields(settings)
        if each.metadata
    )


def table(variables: Collection[Variable]) -> str:
    """The variables as a Markdown table."""
    rows = [f"| `{entry.name}` | {_default(entry)} | {entry.doc} |" for entry in variables]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def _default(entry: Variable) -> str:
    if entry.required:
        return "*required*"
    default = f"`{entry.default_text}`" if entry.default_text else ""
    return "secret" if entry.secret else default
