"""Random documents over a schema, and what is changed of one on the way to a dearer one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

SIZES = (1, 2, 10, 25, 50, 90, 99, 100)
"""Page sizes that are tried."""
ROWS = ("nodes", "edges", "node")
"""Fields that lead to rows; without one of them a page costs nothing."""


@dataclass(frozen=True)
class Selected:
    """A field of a document, with the fields below it."""

    name: str
    size: int | None = None
    """The page size; None where it is no page."""
    key: bool = False
    """True if it takes the id of a row."""
    below: tuple["Selected", ...] = ()


@dataclass(frozen=True)
class Document:
    """A query: its fields, and the forms in which it is spelled."""

    fields: tuple[Selected, ...]
    fragments: bool = False
    """True if every object is selected through a fragment of its own."""
    variables: bool = False
    """True if page sizes are variables."""


@dataclass
class Documents:
    """Makes documents over the object types of a schema."""

    schema: GraphQLSchema
    ids: dict[str, str]
    """The id of a row, by the name of the root field that takes it."""
    random: Random

    def any(self) -> Document:
        """A document of one root field, in any form."""
        root = self.schema.query_type
        assert root is not None  # noqa: S101 - for the types
        names = [name for name, declared in root.fields.items() if self._is_usable(name, declared)]
        made = self._grown(root, self.random.choice(names), 0)
        toss = self.random.random
        return Document((made,), fragments=toss() < 0.2, variables=toss() < 0.2)

    def beginnings(self) -> Iterator[Document]:
        """Documents of as many rows as the limits admit, for the search to begin with."""
        lines = self.schema.type_map["SalesOrderLine"]
        assert isinstance(lines, GraphQLObjectType)  # noqa: S101 - for the types
        leaves = [n for n, each in lines.fields.items() if is_leaf_type(_named(each))]
        objects = [Selected("product", below=(Selected("name"), Selected("number")))]
        for names, more in (
            (leaves, ()),
            (leaves[:3], objects),
            (["id"] * 20, ()),
            (["description"], ()),
        ):
            yield from self._lists([*map(Selected, names), *more])
        order = Selected("order", below=(Selected("number"), Selected("id")))
        account = Selected("account", below=(Selected("name"), Selected("number")))
        yield from self._lists([Selected("order", below=(account,))])
        yield from self._lists([order, *objects, Selected("deliveredQuantity")])

    def _lists(self, below: Sequence[Selected]) -> Iterator[Document]:
        rows = Selected("nodes", below=tuple(below))
        lines = Selected("lines", size=98, below=(rows,))
        orders = Selected("nodes", below=(Selected("number"), lines))
        yield Document((Selected("orders", size=100, below=(orders,)),))

    def changed(self, document: Document) -> Document:
        """The same document with one to three changes."""
        for _ in range(self.random.choice((1, 1, 2, 3))):
            document = self._changed(document)
        return document

    def _changed(self, document: Document) -> Document:
        match self.random.randrange(12):
            case 0:
                return replace(document, fragments=not document.fragments)
            case 1:
                return replace(document, variables=not document.variables)
            case 2:
                return replace(document, fields=(*document.fields, *self.any().fields))
        root = self.schema.query_type
        assert root is not None  # noqa: S101 - for the types
        return replace(document, fields=self._set(root, document.fields, 0))

    def _set(
        self, type_: GraphQLObjectType, fields: tuple[Selected, ...], depth: int
    ) -> tuple[Selected, ...]:
        """A selection with one change in it or below it."""
        inner = [n for n, each in enumerate(fields) if each.below]
        if inner and self.random.random() < 0.75:
            place = self.random.choice(inner)
            return (*fields[:place], self._field(type_, fields[place], depth), *fields[place + 1 :])
        if depth == 0:
            return fields
        match self.random.randrange(5):
            case 0 if len(fields) > 1:
                gone = self.random.randrange(len(fields))
                return (*fields[:gone], *fields[gone + 1 :])
            case 1:
                return (*fields, *self._leaves(type_))
            case 2:
                return (*fields, self.random.choice(fields))
            case 3:
                return (*fields, *[self.random.choice(fields) for _ in range(8)])
        return (*fields, *self._further(type_, depth, 1))

    def _field(self, type_: GraphQLObjectType, selected: Selected, depth: int) -> Selected:
        if selected.size is not None and self.random.random() < 0.3:
            return replace(selected, size=self.random.choice(SIZES))
        inner = get_named_type(type_.fields[selected.name].type)
        if not isinstance(inner, GraphQLObjectType):
            return selected
        return replace(selected, below=self._set(inner, selected.below, depth + 1))

    def _grown(self, type_: GraphQLObjectType, name: str, depth: int) -> Selected:
        declared = type_.fields[name]
        size = self.random.choice(SIZES) if "first" in declared.args else None
        inner: GraphQLNamedType = get_named_type(declared.type)
        key = "id" in declared.args
        if not isinstance(inner, GraphQLObjectType):
            return Selected(name, size, key)
        rows = [self._grown(inner, each, depth + 1) for each in ROWS[:1] if each in inner.fields]
        more = self._further(inner, depth + 1, self.random.choice((0, 1, 1, 2)))
        below = (*rows, *(self._leaves(inner) if not rows else ()), *more)
        return Selected(name, size, key, below or (Selected("__typename"),))

    def _leaves(self, type_: GraphQLObjectType) -> tuple[Selected, ...]:
        """Some of the leaves of a type, or all."""
        names = [name for name, each in type_.fields.items() if is_leaf_type(_named(each))]
        plain = [name for name in names if not _needs_arguments(type_.fields[name])]
        some = self.random.choice((1, 3, len(plain), len(plain)))
        return tuple(map(Selected, self.random.sample(plain, min(some, len(plain)))))

    def _further(self, type_: GraphQLObjectType, depth: int, number: int) -> Iterator[Selected]:
        """So many of the objects below a type."""
        names = [
            name
            for name, each in type_.fields.items()
            if isinstance(_named(each), GraphQLObjectType) and not _needs_arguments(each)
        ]
        if names and depth < 14:
            for _ in range(number):
                yield self._grown(type_, self.random.choice(names), depth)

    def _is_usable(self, name: str, declared: GraphQLField) -> bool:
        if not isinstance(_named(declared), GraphQLObjectType):
            return False
        return name in self.ids or not _needs_arguments(declared)

    def spelled(self, document: Document) -> tuple[str, dict[str, int]]:
        """The text of a document, and its variables."""
        spelling = _Spelling(self, document)
        root = self.schema.query_type
        assert root is not None  # noqa: S101 - for the types
        body = spelling.set(root, document.fields)
        declared = ", ".join(f"${name}: Int" for name in spelling.sizes)
        opening = f"query ({declared}) " if declared else ""
        return " ".join([opening + body, *spelling.fragments]), spelling.sizes


class _Spelling:
    """The text of one document on its way."""

    def __init__(self, documents: Documents, document: Document) -> None:
        self._documents, self._document = documents, document
        self.sizes: dict[str, int] = {}
        self.fragments: list[str] = []

    def set(self, type_: GraphQLObjectType, fields: Sequence[Selected]) -> str:
        names: set[str] = set()
        parts = []
        for each in fields:
            alias = f"a{len(names)}: " if each.name in names else ""
            names.add(alias or each.name)
            parts.append(alias + self._field(type_, each))
        body = "{ " + " ".join(parts) + " }"
        if not self._document.fragments or len(self.fragments) >= 49:
            return body
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {type_.name} {body}")
        return f"{{ ...{name} }}"

    def _field(self, type_: GraphQLObjectType, each: Selected) -> str:
        if each.name == "__typename":
            return each.name
        declared = type_.fields[each.name]
        inner = get_named_type(declared.type)
        below = self.set(inner, each.below) if isinstance(inner, GraphQLObjectType) else ""
        return f"{each.name}{self._arguments(each)} {below}"

    def _arguments(self, each: Selected) -> str:
        if each.key and each.name in self._documents.ids:
            return f'(id: "{self._documents.ids[each.name]}")'
        if each.size is None:
            return ""
        if not self._document.variables:
            return f"(first: {each.size})"
        name = f"n{each.size}"
        self.sizes[name] = each.size
        return f"(first: ${name})"


def _named(declared: GraphQLField) -> GraphQLNamedType:
    return get_named_type(declared.type)


def _needs_arguments(declared: GraphQLField) -> bool:
    return any(map(is_required_argument, declared.args.values()))
