"""Signing in and out at the issuer, and continuing an interrupted form."""

from starlette.responses import RedirectResponse, Response

from portal.errors import NotFound, SignInNeeded
from portal.visits import Visit


async def sign_in(visit: Visit) -> Response:
    return await visit.site.issuer.start(visit.request)


async def callback(visit: Visit) -> Response:
    """
    The return from the issuer. The session gets a new id, and forms that waited for this person are
    kept. A visitor who followed somebody else's link keeps the current session.
    """
    session, sessions = visit.session, visit.site.sessions
    try:
        session.signed_in(await visit.site.issuer.finish(visit.request))
    except SignInNeeded:
        if session.user:
            return visit.go("/dashboard")
        return visit.go("/" if "error" in visit.query else "/sign-in")
    sessions.renew(session)
    session.issuer.clear()
    path, session.after_sign_in = session.after_sign_in, "/dashboard"
    return visit.go("/resume" if session.pending else path)


async def sign_out(visit: Visit) -> Response:
    """End the session here first, then at the issuer; a failure there does not matter."""
    user = visit.session.user
    visit.site.sessions.drop(visit.session)
    visit.session.signed_out()
    farewell = await visit.site.issuer.farewell(user.tokens) if user else "/"
    return RedirectResponse(farewell, 303)


async def resume(visit: Visit) -> Response:
    """A form that was sent after the session had ended, ready to be sent again."""
    pending, visit.session.pending = visit.session.pending, None
    return visit.render("resume.html", pending=pending) if pending else visit.go("/dashboard")


async def language(visit: Visit) -> Response:
    """Remember the language; nothing else changes, so a link may do it."""
    tag = visit.path["tag"]
    if tag not in {language.tag for language in visit.site.languages}:
        raise NotFound
    visit.session.language = tag
    return visit.go(local(visit.query.get("back", "/")))


def local(path: str) -> str:
    """The path if it stays on this site, else home."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if inside and "\n" not in path and "\r" not in path else "/"
