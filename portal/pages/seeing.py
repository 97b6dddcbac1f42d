"""Staff look at the site with the eyes of a customer, and with their own again."""

from starlette.responses import Response

from portal.errors import NotFound, Refused
from portal.visits import Visit

VIEW_AS = "view-as:read"
"""The permission of the gateway; as a customer nobody has it, nor any to change something."""


async def view_as(visit: Visit) -> Response:
    """As the contact of the form; without one, as oneself."""
    user, contact = visit.user, visit.form.get("contact") or None
    if contact and not (visit.may(VIEW_AS) and contact.isascii() and contact.isprintable()):
        raise NotFound
    before, user.seen_as = user.seen_as, contact
    try:
        user.viewer = await visit.ask("viewer", "Viewer")
    except (NotFound, Refused):
        user.seen_as = before
        visit.warn(visit.translate("This person cannot sign in here."))
        return visit.go("/dashboard")
    visit.session.account = None
    return visit.go("/dashboard")
