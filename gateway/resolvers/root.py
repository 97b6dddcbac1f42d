"""The GraphQL schema: declared tables, the root fields over them, and the mutations."""

import importlib
from collections.abc import Iterable
from decimal import Decimal

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition

from gateway.resolvers import mistakes
from gateway.resolvers.orders import Mutation
from gateway.resolvers.query import Query
from gateway.schema import accounts, billing, catalog, identities, sales, shipping
from gateway.schema.numbers import DECIMAL
from gateway.schema.types import Types
from gateway.tables import TABLES, Node

NOUNS = (accounts, billing, catalog, identities, sales, shipping)
"""The modules whose import declares our tables."""


def build(extensions: Iterable[str] = ()) -> strawberry.Schema:
    """
    The schema of our tables and of those that the modules named in `extensions` declare.

    Raises TypeError where a declaration is wrong, ImportError where a module is missing.
    """
    for name in extensions:
        importlib.import_module(name)
    definition: StrawberryObjectDefinition = Query.__strawberry_definition__  # type: ignore[attr-defined]
    tables = Types().root_fields()
    names = {field.python_name for field in tables}
    own = [field for field in definition.fields if field.python_name not in names]
    definition.fields = [*own, *tables]
    nodes = [table.cls for table in TABLES.values() if issubclass(table.cls, Node)]
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        types=[*nodes, *mistakes.ALL],
        config=StrawberryConfig(scalar_map={Decimal: DECIMAL}),
    )
