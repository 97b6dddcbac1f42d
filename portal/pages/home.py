"""Pages that need no sign-in."""

from starlette.responses import Response

from portal.visits import Visit


async def home(visit: Visit) -> Response:
    if visit.session.user:
        return visit.go("/dashboard")
    return visit.render("home.html")


async def terms(visit: Visit) -> Response:
    return visit.render("terms.html")
