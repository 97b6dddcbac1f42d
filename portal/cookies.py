"""A request -> the session of its visitor, and back into the cookies of the answer."""

from starlette.requests import Request
from starlette.responses import Response

from portal.seals import Seals
from portal.sessions import Session, Sessions, carried, guest


class Cookies:
    """
    The two cookies: the id of a session on the server, and the sealed state of a visitor without a
    session. Behind TLS, their names bind them to the host.
    """

    def __init__(self, sessions: Sessions, seals: Seals, *, secure: bool) -> None:
        self._sessions = sessions
        self._seals = seals
        self._secure = secure
        prefix = "__Host-" if secure else ""
        self._id = f"{prefix}portal"
        self._guest = f"{prefix}portal-guest"

    def read(self, request: Request, *, touch: bool) -> Session:
        found = self._sessions.find(request.cookies.get(self._id), touch=touch)
        return found or guest(request.cookies.get(self._guest), self._seals)

    def write(self, request: Request, response: Response, session: Session) -> None:
        held = request.cookies
        if self._sessions.is_kept(session):
            self._set(response, self._id, session.id, held)
            self._set(response, self._guest, "", held)
        else:
            if session.id == held.get(self._id):
                # Signed out just now. An id that is unknown may be that of a moment ago, whose
                # successor another answer is setting: it is left alone.
                self._set(response, self._id, "", held)
            if session.guest() != session.carried:
                self._set(response, self._guest, carried(session, self._seals), held)

    def _set(self, response: Response, name: str, value: str, held: dict[str, str]) -> None:
        if value == held.get(name, ""):
            return
        if value:
            response.set_cookie(name, value, httponly=True, samesite="lax", secure=self._secure)
        else:
            response.delete_cookie(name, httponly=True, samesite="lax", secure=self._secure)
