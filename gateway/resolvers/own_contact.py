"""Changes that people make to their own contact."""

from gateway.errors import NotFound
from gateway.model.tables import paths
from gateway.resolvers.own_rows import update
from gateway.schema.business.accounts import Contact
from gateway.schema.context import Info


async def changed_contact(info: Info, *, do_not_email: bool) -> Contact | None:
    """The caller's contact with the choice; NotFound for staff and machines, who have none."""
    person = info.context.principal.contact
    found = None
    if person is not None:
        select = paths(Contact).union(Contact.__table__.key)
        found = await info.context.loaders.node(Contact, (person.id,), select)
    if not isinstance(found, Contact):
        raise NotFound("You have no contact here.")
    return await update(info, found, do_not_email=do_not_email)
