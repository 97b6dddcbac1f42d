"""The columns that a plan reads of a table -> a struct of just these, and its decoder."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import msgspec

from gateway.loaders.asks import NestedReads
from gateway.model.tables import Table
from gateway.plans.leaves import Leaf, Unusual
from gateway.plans.source import Unplanned
from gateway.upstream.names import Names
from gateway.upstream.odata import Expand
from gateway.upstream.pages import Decoder, decoder
from gateway.upstream.row_keys import Checked

Tree = dict[str, Any]
"""Columns by name; below a lookup the columns of the row that it leads to."""


class RowStructs:
    """
    The classes of the rows of one fetch. `demand` types while planning; `decoder` when it is known
    which columns the gate adds for this caller.
    """

    def __init__(self, table: Table) -> None:
        self._name, self._entity = table.name, table.entity
        self._leaves: dict[str, Leaf] = {}
        self._required: set[str] = set()
        self._left: set[str] = set()
        self._slots: list[str] = []
        self._decoders: dict[Hashable, Decoder] = {}

    def demand(self, path: str, leaf: Leaf, *, optional: bool) -> None:
        """Require the column at `path` for a leaf of the answer."""
        known = self._leaves.setdefault(path, leaf)
        if known.carried != leaf.carried:
            raise Unplanned(f"{self._name}.{path} as two types")
        if not optional:
            self._required.add(path)

    def leave(self, path: str) -> None:
        """The rows must not have `path`, as the answer would depend on it."""
        self._left.add(path)

    def slot(self) -> str:
        """The name of a further attribute, in which what belongs to a row is put."""
        self._slots.append(f"_{len(self._slots)}")
        return self._slots[-1]

    def decoder(
        self, columns: tuple[str, ...], expands: tuple[NestedReads, ...], names: Names
    ) -> Decoder:
        key = names.version, columns, *[expand for expand, _, _ in expands]
        if key not in self._decoders:
            self._decoders[key] = decoder(self.struct(columns, expands, names))
        return self._decoders[key]

    def struct(
        self, columns: Iterable[str], expands: Iterable[NestedReads], names: Names
    ) -> type[Checked]:
        """A row of these columns, with the rows that travel inside of it in their slots."""
        if not self._left.isdisjoint(columns):
            raise Unusual("a column that is not asked for")
        inside = {
            slot: _inside(names, self._entity, expand, shape, slot)
            for expand, shape, slot in expands
        }
        empty = [_absent(slot) for slot in self._slots if slot not in inside]
        fields = self._fields(names, self._entity, _tree(columns))
        return _made(self._name, [*fields, *inside.values(), *empty])

    def _fields(
        self, names: Names, entity: str, tree: Mapping[str, Any], at: str = ""
    ) -> list[Any]:
        """The attributes for columns; those of what the environment lacks are always empty."""
        fields: list[Any] = []
        absent: list[Any] = []
        for name, below in tree.items():
            path = at + name
            step = names.step(entity, name) if below else None
            spelled = names.path(entity, name) if step is None and not below else None
            if step is not None:
                inside = self._fields(names, step.entity, below, f"{path}/")
                inner = _made(f"{self._name}_{name}", inside)
                fields.append((name, inner | None, msgspec.field(name=step.navigation)))
            elif spelled is not None:
                fields.append((name, self._carried(path), msgspec.field(name=spelled)))
            else:
                absent.append(_absent(name))
        return fields + absent

    def _carried(self, path: str) -> Any:
        leaf = self._leaves.get(path)
        if leaf is None or leaf.carried is Any:
            return Any
        required = path in self._required and "/" not in path
        return leaf.carried if required else leaf.carried | None


class Shapes:
    """
    The shapes of one plan. Fetches that load a table by the same columns share theirs, as they may
    come to share rows.
    """

    def __init__(self) -> None:
        self._by_loader: dict[tuple[str, ...], RowStructs] = {}

    def of(self, table: Table, *loaded_by: str) -> RowStructs:
        """The shape for rows of `table` that are found by these columns, or by this link."""
        return self._by_loader.setdefault((table.name, *loaded_by), RowStructs(table))


def _inside(names: Names, entity: str, expand: Expand, shape: Any, slot: str) -> Any:
    struct: Any = shape.struct(expand.select, (), names)
    type_ = struct | None if expand.top is None else list[struct]
    step = names.step(entity, expand.navigation)
    return slot, type_, msgspec.field(name=expand.navigation if step is None else step.navigation)


def _absent(name: str) -> Any:
    """An attribute that no answer fills."""
    return name, Any, msgspec.field(default=None, name=f"({name})")


def _made(name: str, fields: list[Any]) -> type[Checked]:
    # Rows lead to rows below them and never back, so that no collector need look at them.
    # An attribute with a default cannot stand before one without.
    ordered = sorted(fields, key=lambda field: field[2].default is not msgspec.NODEFAULT)
    made: Any = msgspec.defstruct(name, ordered, bases=(Checked,), gc=False)
    return made  # type: ignore[no-any-return]  # a subclass of its bases


def _tree(columns: Iterable[str]) -> Tree:
    tree: Tree = {}
    for path in columns:
        below = tree
        for step in path.split("/"):
            below = below.setdefault(step, {})
    return tree
