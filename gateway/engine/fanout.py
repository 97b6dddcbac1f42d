"""
The number of rows that an operation could return, and the work that it could be to answer with
them, worked out from its page sizes before anything is fetched.

Both are polynomials in the variables that give page sizes, made once for each document:
`orders(first: $n) { nodes { lines(first: 5) { nodes { id } } } }` is 6n rows.
"""

from collections import Counter
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NameNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    value_from_ast_untyped,
)

from gateway.engine.limits import DEFAULT_SIZE, MAXIMUM_SIZE

SIZES = ("first", "last", "ids")
"""Arguments that say how many rows a field returns: a number, or the length of a list."""

LEAF, OBJECT, READ = 1, 2, 20
"""
The work of one field, in units of a leaf on graphql-core, some 10 us: of an object or a row, and of
a field whose value is waited for.
"""
LARGE = 20_000
"""The work above which an answer is made and encoded in pieces: some 10 ms of a plan's."""
LISTED = 10
"""Items that a list without pages is taken to have."""

PAGE = "Connection"
"""The end of the names of types that are pages."""

Size = int | str
"""The rows of a page: a number, or the variable that gives it."""
Polynomial = Counter[tuple[str, ...]]
"""The variables of a term -> its factor. A variable may stand in a term twice."""


NONE: Final = Polynomial()


class Fanout(NamedTuple):
    """The rows that an operation could return, and the work of answering with them."""

    rows: int
    work: int
    linked: int = 0
    """The times that fields below links are rendered, of which all may be of one row."""
    plain: int = 1
    """The other fields, each of which stands once for each row."""


class FanoutTerms(NamedTuple):
    """The same, where it depends on variables."""

    sizes: tuple[tuple[str, Any], ...]
    """The variables that give page sizes, and their defaults."""
    terms: tuple[tuple[tuple[str, ...], int, int, int], ...]
    """The variables of each term, and its factors in rows, in work and below links."""
    plain: int


class Both(NamedTuple):
    """The polynomials of a part of an operation."""

    rows: Polynomial
    work: Polynomial
    linked: Polynomial
    """The times that fields below links are rendered: many rows may lead to one."""
    plain: Polynomial
    """The other fields, which stand once for each row; no variable has a say in it."""


class Counting:
    """Works out what the operations of one validated document fan out to."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments: dict[str, FragmentDefinitionNode] = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self.longest_name = 0
        """Characters of the longest name in what was counted."""
        self._counted: dict[tuple[str, Size], Both] = {}

    def of(self, operation: OperationDefinitionNode) -> Fanout | FanoutTerms:
        root = self._schema.get_root_type(operation.operation)
        rows, work, linked, plain = self._selections(operation.selection_set, root)
        if not any(map(any, (rows, work, linked))):
            return Fanout(rows[()], work[()], linked[()], plain[()])
        defaults = _defaults(operation)
        names = sorted({name for term in (*rows, *work, *linked) for name in term})
        return FanoutTerms(
            tuple((name, defaults.get(name)) for name in names),
            tuple(
                (term, rows[term], work[term], linked[term])
                for term in sorted({*rows, *work, *linked})
            ),
            plain[()],
        )

    def _selections(
        self, node: SelectionSetNode, parent: GraphQLCompositeType | None, size: Size = 1
    ) -> Both:
        """`size`: the rows of the page that these are the fields of."""
        total = _nothing()
        for selection in node.selections:
            found = self._selection(selection, parent, size)
            for polynomial, part in zip(total, found, strict=True):
                polynomial.update(part)
        return total

    def _selection(
        self, node: SelectionNode, parent: GraphQLCompositeType | None, size: Size
    ) -> Both:
        match node:
            case FieldNode():
                return self._field(node, parent, size)
            case FragmentSpreadNode(name=NameNode(value=name)):
                return self._fragment(name, size)
            case InlineFragmentNode(type_condition=None):
                return self._selections(node.selection_set, parent, size)
            case InlineFragmentNode():
                return self._selections(node.selection_set, self._type(node), size)
        return _nothing()

    def _fragment(self, name: str, size: Size) -> Both:
        if (name, size) not in self._counted:
            node = self._fragments[name]
            found = self._selections(node.selection_set, self._type(node), size)
            self._counted[name, size] = found
        return self._counted[name, size]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType | None, of: Size) -> Both:
        declared = self._schema.get_field(parent, node.name.value) if parent else None
        if declared is None:
            return _nothing()
        self.longest_name = max(self.longest_name, len((node.alias or node.name).value))
        named, own = get_named_type(declared.type), _work(declared)
        if node.selection_set is None:
            return Both(Polynomial(), _plus(NONE, own), Polynomial(), _plus(NONE, 1))
        inner, size = named if is_composite_type(named) else None, _size(node, declared)
        if size is None:
            rows, work, linked, plain = self._selections(node.selection_set, inner)
            length = _length(declared, parent, of)
            if own == READ:
                linked, plain = linked + plain, NONE
            return Both(rows, _times(_plus(work, own), length), _times(linked, length), plain)
        rows, work, linked, plain = self._selections(node.selection_set, inner, size)
        rows = _times(_plus(rows, 1), size)
        if is_list_type(get_nullable_type(declared.type)):
            work, linked = _times(_plus(work, OBJECT), size), _times(linked, size)
        return Both(rows, _plus(work, own), linked, plain)

    def _type(
        self, node: InlineFragmentNode | FragmentDefinitionNode
    ) -> GraphQLCompositeType | None:
        found = (
            self._schema.get_type(node.type_condition.name.value) if node.type_condition else None
        )
        return found if is_composite_type(found) else None


def evaluate(fanout: Fanout | FanoutTerms, variables: Mapping[str, Any]) -> Fanout:
    """The numbers for one request's variables."""
    if isinstance(fanout, Fanout):
        return fanout
    sizes = {}
    for name, default in fanout.sizes:
        sizes[name] = _number(variables.get(name, default))
    rows = work = linked = 0
    for names, of_rows, of_work, of_linked in fanout.terms:
        product = 1
        for name in names:
            product *= sizes[name]
        rows += of_rows * product
        work += of_work * product
        linked += of_linked * product
    return Fanout(rows, work, linked, fanout.plain)


def _nothing() -> Both:
    return Both(Polynomial(), Polynomial(), Polynomial(), Polynomial())


def _plus(polynomial: Polynomial, constant: int) -> Polynomial:
    return polynomial + Polynomial({(): constant})


def _times(polynomial: Polynomial, size: Size) -> Polynomial:
    if isinstance(size, int):
        return Polynomial({term: factor * size for term, factor in polynomial.items()})
    return Polynomial({tuple(sorted((*term, size))): n for term, n in polynomial.items()})


def _work(declared: GraphQLField) -> int:
    """The work of one field by itself."""
    definition = declared.extensions.get("strawberry-definition")
    if getattr(definition, "is_waited_for", False):
        return READ
    return OBJECT if is_composite_type(get_named_type(declared.type)) else LEAF


def _length(declared: GraphQLField, parent: GraphQLCompositeType | None, of: Size) -> Size:
    """The items of a field that has no page size of its own; a page has `of` rows."""
    if not is_list_type(get_nullable_type(declared.type)):
        return 1
    return of if parent and parent.name.endswith(PAGE) else LISTED


def _size(node: FieldNode, declared: GraphQLField) -> Size | None:
    """The page size of a field: a number, a variable's name, or None where it is no page."""
    if SIZES[0] not in declared.args and SIZES[-1] not in declared.args:
        return None
    given = [each.value for each in node.arguments or () if each.name.value in SIZES]
    match given:
        case []:
            return DEFAULT_SIZE
        case [VariableNode(name=NameNode(value=name))]:
            return name
        case [IntValueNode() | ListValueNode() as literal]:
            return _number(value_from_ast_untyped(literal))
    # Of `first` and `last` together one is usually null, and only the variables tell which.
    return MAXIMUM_SIZE


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value
    }


def _number(value: object) -> int:
    """
    The number of rows that a size stands for; a value that is no size is refused later, and counts
    as no page until then.
    """
    match value:
        case list():
            return len(value)
        case float() if isfinite(value):
            return max(int(value), 0)
        case int():
            return max(value, 0)
    return DEFAULT_SIZE
