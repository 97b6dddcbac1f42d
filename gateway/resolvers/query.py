"""The root of all reads: who is asking, rows by id, and the lists of every declared table."""

import asyncio
from datetime import date
from typing import Annotated, Any

import strawberry

from gateway.auth.principal import Principal
from gateway.engine.limits import DEFAULT_SIZE, MAXIMUM_SIZE
from gateway.errors import InvalidInput
from gateway.model.tables import Node
from gateway.resolvers import changes as changes_
from gateway.resolvers.bought_before import BoughtBefore, bought_before
from gateway.resolvers.category_tree import categories, category_parts
from gateway.resolvers.changes import ChangeConnection
from gateway.resolvers.orders import operations
from gateway.resolvers.orders.operations import Operation
from gateway.resolvers.statements import Statement, statement
from gateway.schema import ids
from gateway.schema.business.accounts import Contact
from gateway.schema.business.capabilities import Capabilities, capabilities_of
from gateway.schema.business.categories import Category
from gateway.schema.context import Info
from gateway.schema.hidden_columns import hidden_members
from gateway.schema.selection import columns

NODES = 100
"""The number of ids that `nodes` takes at once."""


@strawberry.type(description="The caller of this request.")
class Viewer:
    """The caller: the contents of the token and their consequences."""

    kind: str = strawberry.field(description="`customer`, `partner` or `staff`.")
    roles: list[str] = strawberry.field(description="The roles that the caller holds.")
    permissions: list[str] = strawberry.field(
        description="The caller's permissions, such as `orders:read`."
    )

    @strawberry.field(
        description="The members of the schema that the caller's roles hide, such as "
        "`SalesOrder.discount`: each is FORBIDDEN where it is selected."
    )
    def hidden(self, info: Info) -> list[str]:
        return hidden_members(info._raw_info.schema, info.context.principal.rights.hidden)

    @strawberry.field(description="The contact's name; null without a contact.")
    def name(self, info: Info) -> str | None:
        person = info.context.principal.contact
        if person is None:
            return None
        info.context.principal.show("Contact", "name")
        return person.name

    @strawberry.field(description="The contact behind the token; null for staff and machines.")
    async def contact(self, info: Info) -> Contact | None:
        person = info.context.principal.contact
        if person is None:
            return None
        select = columns(info._raw_info, Contact.__table__)
        return await info.context.loaders.node(Contact, (person.id,), select)

    @strawberry.field(
        description="The parts of the schema that this environment of Dynamics can answer."
    )
    def capabilities(self, info: Info) -> Capabilities:
        return capabilities_of(info._raw_info.schema, info.context)


@strawberry.type(description="Everything that can be read.")
class Query:
    """The fields for the declared tables are added by `root`."""

    @strawberry.field(description="The caller, and what they may do.")
    def viewer(self, info: Info) -> Viewer:
        return viewer_of(info.context.principal)

    @strawberry.field(
        description="The outcome of a mutation that answered PENDING; null if it was not yours."
    )
    async def operation(self, info: Info, id: strawberry.ID) -> Operation | None:
        return await operations.operation(info, id)

    @strawberry.field(
        description="The statement of an account for a period, by currency; null for an account "
        "that is not there, or that the ERP does not know."
    )
    async def statement(
        self,
        info: Info,
        account: Annotated[strawberry.ID, strawberry.argument(description="The account's id.")],
        first: Annotated[date, strawberry.argument(name="from", description="The first day.")],
        last: Annotated[date, strawberry.argument(name="to", description="The last day.")],
    ) -> list[Statement] | None:
        return await statement(info, account, first, last)

    @strawberry.field(
        description="The categories by which goods are sold, in the order of their names; null "
        "where the environment has none."
    )
    async def categories(self, info: Info) -> list[Category] | None:
        return await categories(info)

    @strawberry.field(
        description="The ids of the parts by which `products` lists a category, in the order of "
        "the products' numbers: one of all its products where they are few, none where it has none."
    )
    async def category_parts(
        self,
        info: Info,
        category: Annotated[strawberry.ID, strawberry.argument(description="The category's id.")],
    ) -> list[strawberry.ID] | None:
        return await category_parts(info, category)

    @strawberry.field(
        description="The products of the newest order lines that you see, latest first."
    )
    async def bought_before(
        self,
        info: Info,
        first: Annotated[
            int | None,
            strawberry.argument(
                description=f"The number of products: 0 to {MAXIMUM_SIZE}; {DEFAULT_SIZE} unless "
                "said otherwise."
            ),
        ] = None,
        account: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Those that this account bought alone."),
        ] = None,
    ) -> list[BoughtBefore] | None:
        return await bought_before(info, first, account)

    @strawberry.field(
        description="Rows that changed since `after`, of those that you see or saw. Without "
        "`after` none, and the cursor of now."
    )
    async def changes(
        self,
        info: Info,
        after: Annotated[
            str | None, strawberry.argument(description="The `cursor` of the last answer.")
        ] = None,
        tables: Annotated[
            list[str] | None,
            strawberry.argument(
                description="The types of rows to be told of, as `SalesOrder`; those of the cursor "
                "unless said otherwise, and without a cursor all that you may read."
            ),
        ] = None,
        first: Annotated[
            int, strawberry.argument(description=f"The number of rows, 1 to {MAXIMUM_SIZE}.")
        ] = DEFAULT_SIZE,
    ) -> ChangeConnection | None:
        return await changes_.changes(info, after, tables, first)

    @strawberry.field(description="A row by its global id; null if there is none you may see.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        return await _node(info, id)

    @strawberry.field(
        description=f"Rows by their global ids, in that order; at most {NODES}. One that cannot be "
        "read is null, with an error of its own."
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None] | None:
        if len(ids) > NODES:
            raise InvalidInput(
                f"ids may contain at most {NODES} ids; send several requests.", argument="ids"
            )
        return list(await asyncio.gather(*(_outcome(info, id_) for id_ in ids)))


def viewer_of(principal: Principal) -> Viewer:
    return Viewer(
        kind=principal.kind.value,
        roles=sorted(principal.roles),
        permissions=sorted(map(":".join, principal.rights.reach)),
    )


async def _outcome(info: Info, text: str) -> Any:
    """The row of an id, or what went wrong: GraphQL raises it at this entry and no other."""
    try:
        return await _node(info, text)
    except Exception as error:  # noqa: BLE001 - raised again where the entry is completed
        return error


async def _node(info: Info, text: str) -> Node | None:
    table, key = ids.decode(text)
    if table.name not in info._raw_info.schema.type_map or not issubclass(table.cls, Node):
        raise InvalidInput(ids.NOT_AN_ID, argument="id")
    select = columns(info._raw_info, table)
    return await info.context.loaders.node(table.cls, key, select)
