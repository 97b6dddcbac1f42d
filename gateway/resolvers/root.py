"""The GraphQL schema: declared tables, the root fields over them, and the mutations."""

from collections.abc import Iterable
from decimal import Decimal

import strawberry
from strawberry.exceptions import DuplicatedTypeName
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField

from gateway.model.declarations import DeclarationError, named
from gateway.model.fields import Root
from gateway.model.registry import SHIPPED, Registry, load
from gateway.model.tables import Node
from gateway.resolvers.mutation import Mutation
from gateway.resolvers.orders import user_errors
from gateway.resolvers.orders.own_inputs import extended
from gateway.resolvers.own_fields import fields_of
from gateway.resolvers.query import Query
from gateway.schema import identities
from gateway.schema.business import (
    accounts,
    attachments,
    balances,
    billing,
    catalog,
    categories,
    customer_items,
    ledger,
    pictures,
    price_breaks,
    product_search,
    product_texts,
    quotes,
    returns,
    sales,
    shipping,
)
from gateway.schema.numbers import DECIMAL
from gateway.schema.types import SchemaTypes


@strawberry.type(
    description="Everything that can be followed: the answer as `Query` gives it, and then the "
    "whole new answer whenever it differs."
)
class Subscription:
    """The fields for the declared tables are added by `schema_of`."""


NOUNS = (
    accounts,
    attachments,
    balances,
    billing,
    catalog,
    categories,
    customer_items,
    identities,
    ledger,
    pictures,
    price_breaks,
    product_search,
    product_texts,
    quotes,
    returns,
    sales,
    shipping,
)
"""The modules that declare the gateway's tables when they are imported."""


def build(extensions: Iterable[str] = ()) -> strawberry.Schema:
    """
    The schema of our tables and of those that the modules named in `extensions` declare.

    Raises DeclarationError where a declaration is wrong, ImportError where a module is missing.
    """
    return schema_of(load(extensions))


def schema_of(registry: Registry) -> strawberry.Schema:
    """The schema of the tables of one app; DeclarationError where a declaration is wrong."""
    tables = SchemaTypes(registry).root_fields()
    nodes = [table.cls for table in registry.tables.values() if issubclass(table.cls, Node)]
    query = _with_fields(Query, [*tables, *_own(registry, "query", Query, tables)])
    try:
        return strawberry.Schema(
            query=query,
            mutation=_mutation(registry),
            subscription=_subscription(tables),
            types=[*nodes, *user_errors.ALL],
            config=StrawberryConfig(scalar_map={Decimal: DECIMAL}),
        )
    except DuplicatedTypeName as error:
        raise DeclarationError(_twice(error)) from error


def _twice(error: DuplicatedTypeName) -> str:
    """The sentence about a type of an extension's whose name another one has."""
    theirs = [
        each for each in (error.second_cls, error.first_cls) if each and not SHIPPED.holds(each)
    ]
    return f"{named(theirs[0])}: the schema has another type of this name" if theirs else str(error)


def _subscription(tables: Iterable[StrawberryField]) -> type:
    """The root fields over tables once more: what can be read can be followed."""
    return _with_fields(Subscription, tables)


def _mutation(registry: Registry) -> type:
    """Our mutations, with the inputs that the app's extensions add to, and those of extensions."""
    made = _with_fields(Mutation, ())
    definition = made.__strawberry_definition__  # type: ignore[attr-defined]
    definition.fields = extended(registry, definition.fields)
    definition.fields += _own(registry, "mutation", Mutation)
    return made


def _own(
    registry: Registry, root: Root, ours: type, tables: Iterable[StrawberryField] = ()
) -> list[StrawberryField]:
    """The root fields that extensions declare."""
    taken = [*ours.__strawberry_definition__.fields, *tables]  # type: ignore[attr-defined]
    return fields_of(registry.fields(root), (field.python_name for field in taken))


def _with_fields(root: type, fields: Iterable[StrawberryField]) -> type:
    """A copy of the type `root` with further fields."""
    said = root.__strawberry_definition__  # type: ignore[attr-defined]
    made = strawberry.type(type(said.name, (root,), {}), description=said.description)
    made.__strawberry_definition__.fields.extend(fields)  # type: ignore[attr-defined]
    return made
