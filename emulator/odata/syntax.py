"""The syntax of `$filter`, as plain values: the parser writes them, the SQL compiler reads them."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The type that a literal has by its spelling."""

    NULL = "Edm.Null"
    STRING = "Edm.String"
    GUID = "Edm.Guid"
    INT = "Edm.Int32"
    LONG = "Edm.Int64"
    DECIMAL = "Edm.Double"
    BOOL = "Edm.Boolean"
    DATE = "Edm.Date"
    DATETIME = "Edm.DateTimeOffset"
    ENUM = "Edm.Enum"
    LIST = "Collection"


@dataclass(frozen=True, slots=True)
class Literal:
    kind: Kind
    value: object
    enum: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A property, behind as many navigation properties as it takes."""

    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    op: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    inner: "Node"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    op: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A function with arguments in order (`contains`) or by name (`Microsoft.Dynamics.CRM.In`)."""

    name: str
    args: tuple["Node", ...] = ()
    named: dict[str, "Node"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lambda:
    """`any` or `all` over a collection; without a condition, whether it has rows at all."""

    path: Path
    quantifier: str
    variable: str = ""
    body: "Node | None" = None


Node = Literal | Path | Compare | And | Or | Not | Arithmetic | Call | Lambda


@dataclass(frozen=True, slots=True)
class Order:
    path: Path
    descending: bool
