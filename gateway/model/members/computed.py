"""The kind of member whose value a method works out."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, get_type_hints

from gateway.model.declarations import Has, Row, Spec
from gateway.model.graphql_types import is_output, shown
from gateway.model.ways_to_values import Answering, Loaded, Planning, Write
from variables.spelling import suggestion


def computed(
    *uses: str,
    doc: str,
    reads: tuple[type[Row], ...] = (),
    loads: Sequence[str] | Loaded = (),
    arguments: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """
    Declare a member whose value a method computes from other columns of the row.

    `uses` are the columns or paths that the method reads; a column that is missing here raises
    LookupError when the method reads it. The method gets the request's `Loaders` and must name the
    type that it returns. It may be `async`; then the type must end in `| None`. `reads` names
    tables of which it needs every column: if an environment lacks one, `capabilities` lists the
    member as missing. `loads` names the classes of the rows that it loads, for the prediction of
    what a query costs; where that depends on the caller, the environment or the arguments, it is a
    function of the names of arguments and of the loaders, which are None for the most.
    `arguments` are the parameters of the method behind `loaders`, each with the sentence that
    documents it; each needs a default.

    Example:

        @extend(Product)
        class AcmeArea:
            _length: Decimal | None = column("acme_length", "The length in metres.")
            _width: Decimal | None = column("acme_width", "The width in metres.")

            @computed("acme_length", "acme_width", doc="The area in square metres.")
            def area(self, loaders: Loaders) -> Decimal | None:
                return self._length * self._width if self._length and self._width else None

        # { products(first: 1) { nodes { area } } }
    """
    return lambda function: Computed(doc, uses, function, reads, loads, arguments or {})


@dataclass(eq=False)
class Computed(Spec):
    """A value that a method works out from columns of its own row, and from rows linked to it."""

    uses: tuple[str, ...]
    function: Callable[..., Any]
    reads: tuple[type[Row], ...] = ()
    """The tables without whose columns it has no value."""
    loads: Sequence[str] | Loaded = ()
    """The tables of the rows that it loads, by class; those of a level are loaded by one call."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """The arguments of its field, each with its documentation."""

    def bind(self, annotation: Any) -> None:
        hints = get_type_hints(self.function)
        if "return" not in hints:
            raise TypeError("the method needs the type that it returns: `-> str | None`")
        super().bind(hints["return"])

    @property
    def parameters(self) -> Mapping[str, tuple[Any, str]]:
        hints = get_type_hints(self.function)
        return {name: (hints[name], doc) for name, doc in self.arguments.items()}

    def __get__(self, row: Row | None, owner: type) -> Any:
        return self if row is None else partial(self.function, row)

    @property
    def paths(self) -> tuple[str, ...]:
        return self.uses

    @property
    def hideable(self) -> bool:
        return self.optional

    @property
    def own_paths(self) -> tuple[str, ...]:
        """None: the columns are those of other members."""
        return ()

    @property
    def untyped(self) -> str:
        """Nothing: the method has the type."""
        return ""

    def is_there(self, has: Has) -> bool:
        reads = [each.__table__ for each in self.reads]
        there = all(has(table, *table.all_paths) for table in reads)
        return there and all(has(self.home, path) for path in self.paths)

    @property
    def is_waited_for(self) -> bool:
        """True if its method reads further rows."""
        return iscoroutinefunction(self.function)

    def loaded(self, given: Collection[str], loaders: Any = None) -> Collection[str]:
        """The calls that it names; itself stands for what it does not name."""
        if callable(self.loads):
            return self.loads(given, loaders)
        return self.loads or ([self.name] if self.is_waited_for else [])

    def plan(self, planning: Planning) -> Write:
        return planning.worked(self.function, self.loaded)

    def answer(self, row: Row, answering: Answering) -> Any:
        return answering.worked(self.function, row)

    def mistakes(self) -> Iterator[str]:
        if self.is_waited_for and not self.optional:
            # What is read for it can fail alone, and must not take its own row with it.
            yield f"{self.label} must be declared as `... | None`"
        yield from (f"{self.label}: {each}" for each in self._wrong())

    def _wrong(self) -> Iterator[str]:
        _, *given = signature(self.function).parameters.values()
        if not given:
            yield "the method takes `self` and `loaders: Loaders`"
        defaults = {each.name: each.default for each in given[1:]}
        for name in dict.fromkeys([*defaults, *self.arguments]):
            if defaults.get(name, Parameter.empty) is Parameter.empty:
                yield f"its argument '{name}' needs a parameter with a default"
            elif name not in self.arguments:
                yield f"its parameter '{name}' needs a sentence in `arguments`"
        if not all(hasattr(each, "__table__") for each in self.reads):
            yield "`reads` takes tables, such as (Account,)"
        if not is_output(self.type):
            yield f"the schema has no type for {shown(self.type)}"


def unknown_loads(spec: Spec, tables: Collection[str]) -> Iterator[str]:
    """Yield a mistake for each name of a table that a member says it loads, if there is none."""
    loads = spec.loads if isinstance(spec, Computed) and not callable(spec.loads) else ()
    for name in loads:
        if name not in tables:
            no_table = suggestion(str(name), tables) or ", which is no table"
            yield f"{spec.label}: `loads` names '{name}'{no_table}"
