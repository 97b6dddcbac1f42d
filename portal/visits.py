"""
A request -> a `Visit`, what every page works with: who is here, asking the gateway as them,
rendering. A page is a function of a visit; `Page` says where it is and who may see it.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from portal.brand import Brand
from portal.client import Answer, Caller, Gateway
from portal.desks import Desk, signed
from portal.drafts import TOLD
from portal.errors import BadLink, SignInNeeded, TooLarge, Unshared
from portal.following import Streams
from portal.keeping import Boards, Desks, Shelves, owner_of
from portal.language import Language, choose
from portal.outcomes import Colleague
from portal.pasting import carried
from portal.rendering import Templates
from portal.schema import OwnSchema
from portal.seals import Seals
from portal.sessions import Loan, Notice, Session, Sessions, User
from portal.settings import Settings
from portal.signin import Issuer

FRESH: Final = 300
"""Seconds for which what the gateway said about the caller is believed."""
MAXIMUM_FIELDS: Final = 2_500
MAXIMUM_FORM: Final = 1_000_000
"""Bytes of a form with its file; a list of 500 lines has less than a tenth of it."""

EVERYWHERE: Final = {"viewer", "account"}
"""Documents that are about all accounts of the caller, whichever one is picked."""

MAKING: Final = {"accepting", "changing", "sharing", "templates", "wizard"}
"""Documents of which an order is made or changed: what they say must be so now."""

ORDERING: Final = "orders:create"
"""The permission of those who may have a draft."""

ALONE: Final = "X-Asked-Alone"
"""The header by which an open page says that nobody asked, which keeps no session alive."""

Show = Callable[["Visit"], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One address of the site."""

    path: str
    show: Show
    methods: tuple[str, ...] = ("GET",)
    public: bool = False
    needs: str | None = None
    """The permission without which it is neither offered nor shown."""
    reads: str | None = None
    """The type of the gateway's schema without which it is neither offered nor shown."""
    part: str | None = None
    """The entry of `[pages]` in the brand that can switch it off."""
    menu: str | None = None
    """Its name in the menu, where it has one."""
    is_asked_alone: bool = False
    """True if open pages ask for it by themselves, which keeps no session alive."""


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of the site that all visits share."""

    settings: Settings
    brand: Brand
    languages: list[Language]
    templates: Templates
    gateway: Gateway
    issuer: Issuer
    sessions: Sessions
    desks: Desks
    shelves: Shelves
    boards: Boards
    seals: Seals
    menu: Sequence[Page]
    streams: Streams
    own: OwnSchema
    """The fields that extensions of the gateway add to orders and lines."""


@dataclass(slots=True)
class Visit:
    """One request by one visitor."""

    site: Site
    request: Request
    session: Session
    language: Language
    page: Page
    form: Mapping[str, str] = field(default_factory=dict)
    is_partial: bool = False
    """True if the gateway answered with only a part of the data."""
    desk: Desk = field(default_factory=Desk)
    """The draft at hand: the caller's own for the account that was picked, or a colleague's."""
    at: str = ""
    """The name of `desk`."""
    loan: Loan | None = None
    """The loan by which `desk` is a colleague's."""

    @property
    def user(self) -> User:
        if self.session.user is None:
            raise SignInNeeded
        return self.session.user

    @property
    def viewer(self) -> Mapping[str, Any]:
        return self.session.user.viewer if self.session.user else {}

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def path(self) -> Mapping[str, str]:
        return self.request.path_params

    @property
    def is_fragment(self) -> bool:
        """True if htmx asks, for a part of the page."""
        return "HX-Request" in self.request.headers

    @property
    def who(self) -> Mapping[str, Any]:
        """The `viewer` of the gateway: the caller, with rights; empty where nobody is known."""
        found: Mapping[str, Any] = self.viewer.get("viewer", {})
        return found

    def may(self, permission: str | None) -> bool:
        held = self.who.get("permissions", ())
        return permission is None or permission in held

    def offers(self, page: Page) -> bool:
        """True if the page is for the visitor, and about something that the environment has."""
        return self.may(page.needs) and (page.reads is None or self.has(page.reads))

    def has(self, member: str) -> bool:
        """True if the environment behind the gateway has a member of its schema."""
        lacking = self.who.get("capabilities") or {}
        return member not in lacking.get("missing", ())

    def shows(self, member: str) -> bool:
        """True if the visitor's roles do not hide a member of the gateway's schema."""
        return member not in self.who.get("hidden", ())

    def reads(self, member: str) -> bool:
        """True if lists can be narrowed and sorted by a member: it is there and not hidden."""
        return self.has(member) and self.shows(member)

    @property
    def sees_drafts(self) -> bool:
        """
        True if the visitor's roles hide nothing of what drafts say. All of it must be seen by the
        one who orders, and by the one in whose draft others write.
        """
        own = self.site.own
        added = (
            *(f"SalesOrder.{each.name}" for each in own.fields),
            *(f"SalesOrderLine.{each.name}" for each in own.line_fields),
        )
        return all(map(self.shows, (*TOLD, *added)))

    @property
    def may_share(self) -> bool:
        """True if the draft at hand is one that the visitor can share."""
        is_own = not self.loan and self.account is not None
        return is_own and bool(self.desk.draft.lines) and self.sees_drafts

    def translate(self, message: str) -> str:
        return self.language.messages.gettext(message)

    @property
    def accounts(self) -> list[dict[str, Any]]:
        return list((self.viewer.get("accounts") or {}).get("nodes", ()))

    @property
    def account(self) -> dict[str, Any] | None:
        """The account that was picked, or the only one there is."""
        if len(self.accounts) == 1:
            return self.accounts[0]
        return self.session.account

    @property
    def account_filter(self) -> dict[str, Any]:
        """The condition on lists for the account that was picked among several."""
        picked = self.account if len(self.accounts) > 1 else None
        return {"account": {"eq": picked["id"]}} if picked else {}

    def owner(self, account: str | None) -> str:
        """The name of the caller's desk for one of their accounts, or for none in particular."""
        return owner_of(self.site.settings.issuer, self.user.subject, account)

    @property
    def own(self) -> str:
        """The name of the caller's own desk for the account that was picked."""
        return self.owner((self.account or {}).get("id"))

    @property
    def name(self) -> str:
        """The caller's name, if anybody gave them one."""
        return self.who.get("name") or self.user.name or ""

    @property
    def me(self) -> Colleague:
        """The caller, as one of those who share a draft."""
        return Colleague(self.own, self.name)

    async def change(self, move: Callable[[Desk], Desk]) -> None:
        """Change the draft at hand; Unshared where it is a colleague's, and shared no longer."""

        def made(desk: Desk) -> Desk:
            return signed(desk, move(self.lent(desk)), self.me, time.time())

        self.desk = await self.site.desks.change(self.at, made)

    def lent(self, desk: Desk) -> Desk:
        """The desk as it is now, if the caller may still work on it; Unshared where not."""
        loan = self.loan
        if loan and not desk.is_shared_as(loan.id, loan.account):
            raise Unshared(desk.placed_as(loan.key))
        return desk

    async def ask(self, document: str, operation: str, **variables: Any) -> dict[str, Any]:
        """The data of one operation, asked with the caller's token. PortalError without any."""
        answer: Answer = await self.site.gateway.ask(
            document, operation, variables, self._caller(document)
        )
        self.is_partial = self.is_partial or answer.is_partial
        return answer.data

    async def fetch(self, path: str) -> httpx2.Response:
        """A document of the gateway's, which the caller may have; its body is not read yet."""
        return await self.site.gateway.fetch(path, self._caller("papers"))

    def follow(
        self, document: str, variables: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Any] | None]:
        """The data of each answer to a subscription, and None once in a while between them."""
        return self.site.gateway.follow(document, variables, self._caller(document))

    def _caller(self, document: str) -> Caller:
        """Staff look at any account by filters; others act for the one that they picked."""
        picked = self.session.account if document not in EVERYWHERE else None
        is_staff = self.who.get("kind") == "staff"
        chosen = picked["id"] if picked and not is_staff else None
        fresh = document in MAKING
        return Caller(self.user.tokens.access, chosen, self.user.seen_as, fresh=fresh)

    def notice(self, message: str) -> None:
        """Show a message about a finished action on the next page."""
        self.session.notices.append(Notice(message))

    def warn(self, message: str) -> None:
        """Show a warning on the next page: the action that failed, and the reason."""
        self.session.notices.append(Notice(message, "warn"))

    def refusal(self, error: Mapping[str, Any]) -> str:
        """Say in words for people what the gateway refused, or would refuse."""
        return self.site.templates.refusal(self.language, error)

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page. Notices are shown once."""
        shown = {"visit": self, "path": self.request.url.path, "notices": self.session.notices}
        html = self.site.templates.render(template, self.language, shown | values)
        if not self.is_fragment:
            self.session.notices = []
        return HTMLResponse(html, status)

    def go(self, path: str, **query: str) -> Response:
        """Post, then redirect."""
        return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, 303)

    def leave(self, path: str, **query: str) -> Response:
        """To another page, also where htmx asked for a part of this one."""
        response = self.go(path, **query)
        if not self.is_fragment:
            return response
        return Response(status_code=204, headers={"HX-Redirect": response.headers["location"]})

    @property
    def here(self) -> str:
        """The address to come back to: this page, or the one that its form stands on."""
        path = self.request.url.path
        if "GET" not in self.page.methods:
            return path.rpartition("/")[0] or "/"
        return f"{path}?{self.request.url.query}" if self.request.url.query else path

    def link(self, **changes: str | None) -> str:
        """This address with some of its query changed."""
        query = {**self.query, **changes}
        kept = {name: value for name, value in query.items() if value}
        return f"?{urlencode(kept)}"


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, of several with one name the last; a file becomes text too."""
    if request.method != "POST":
        return {}
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal() or int(length) > MAXIMUM_FORM:
        raise TooLarge
    if not _is_utf8(request):
        raise BadLink
    async with request.form(max_files=1, max_fields=MAXIMUM_FIELDS) as found:
        return {
            name: carried(await value.read()) if isinstance(value, UploadFile) else value
            for name, value in found.multi_items()
        }


def _is_utf8(request: Request) -> bool:
    """True if a form is in the coding of our pages: some others decode what no page can show."""
    _, told = parse_options_header(request.headers.get("Content-Type", ""))
    return told.get(b"charset", b"utf-8").lower() == b"utf-8"


def language_of(site: Site, session: Session, request: Request) -> Language:
    return choose(site.languages, session.language, request.headers.get("Accept-Language", ""))
