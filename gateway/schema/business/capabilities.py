"""The members of the schema that the environment lacks, so that front ends leave them out."""

from collections.abc import Iterator

import strawberry
from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.utils.str_converters import to_camel_case

from gateway.model.tables import TABLES, Table
from gateway.schema.business.papers import PrintedReport, has_papers
from gateway.schema.business.prices import has_engine
from gateway.schema.business.promises import has_promises
from gateway.schema.context import Context


@strawberry.type(description="The parts of the schema that this environment can answer.")
class Capabilities:
    """Worked out from the metadata of the environment and from the operator's names file."""

    missing: list[str] = strawberry.field(
        description="The parts that this environment does not have: `Shipment` for a type that "
        "answers NOT_AVAILABLE_HERE, `SalesOrder.paymentTerms` for a field that is always null."
    )


STATEMENT = ("Statement.document",)
OF_ENGINE = (
    "PreviewLine.because",
    "PreviewLine.discount",
    "Price.because",
    "Price.beforeDiscounts",
)
"""The members that the ERP's pricing engine alone fills."""
OF_PROMISES = ("PreviewLine.promise", "PreviewSalesOrderPayload.fullDelivery", "Product.promise")
"""The members that the ERP's availability to promise alone fills."""


OF_INVITATIONS = ("Mutation.inviteColleague",)
"""The members for those who can invite somebody new to sign in."""


def capabilities_of(schema: GraphQLSchema, context: Context) -> Capabilities:
    """The members of the schema that the environment lacks, in the order of names."""
    return Capabilities(missing=sorted(_missing(schema, context)))


def _missing(schema: GraphQLSchema, context: Context) -> Iterator[str]:
    loaders, invitations = context.loaders, context.invitations
    reader, printed = loaders.reader, has_papers(loaders)

    def has(table: Table, *paths: str) -> bool:
        # Documents come from an archive where the ERP does not print them.
        return (printed and table is PrintedReport.__table__) or reader.has(table, *paths)

    for is_there, members in (
        (printed, STATEMENT),
        (has_engine(loaders), OF_ENGINE),
        (has_promises(loaders), OF_PROMISES),
        (invitations is not None and invitations.are_possible, OF_INVITATIONS),
    ):
        if not is_there:
            yield from members
    for table in TABLES.values():
        type_ = schema.type_map.get(table.name)
        if not isinstance(type_, GraphQLObjectType):
            continue
        if not reader.has(table):
            yield table.name
            continue
        for spec in table.visible.values():
            if to_camel_case(spec.name) not in type_.fields:
                continue
            if not spec.is_there(has):
                yield f"{table.name}.{to_camel_case(spec.name)}"
