"""The composition root: settings -> the ASGI application. The one module that knows all others."""

import importlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from front.stopping import Stopping
from portal import brand as branding
from portal import gateway_documents
from portal.admission import admit
from portal.brand import Brand, BrandError
from portal.checking import extra, mistakes, wrong_parts
from portal.client import Gateway
from portal.cookies import Cookies
from portal.errors import (
    BadLink,
    Gone,
    NotFound,
    Overtaken,
    PortalError,
    SignInNeeded,
    Stale,
    Unavailable,
    Unshared,
    Waiting,
)
from portal.following import MOST, Streams, with_subscriptions
from portal.headers import Headers, careful
from portal.keeping import Boards, Desks, Shelves
from portal.language import languages
from portal.lending import ended
from portal.mails import Letters
from portal.outgoing import Outbox, Outgoing, SmtpServer
from portal.pages.draft_at_hand import became, overtaken
from portal.receiving_news import NewsDesk
from portal.rendering import Templates
from portal.schema import OwnSchema, read
from portal.seals import Seals
from portal.sent_mails import OwnSentMails, SentMails
from portal.served_assets import Assets
from portal.sessions import Pending, Session, Sessions
from portal.settings import Settings, origin_of
from portal.signin import Issuer
from portal.sitemap import PAGES
from portal.stores import DraftStore, FileDrafts, FileStore, MemoryDrafts, Store
from portal.visits import ALONE, Page, Site, Visit, language_of, read_form
from variables.environment_values import said_in

log = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    store: Store | None = None,
    drafts: DraftStore | None = None,
    schema: str = "",
    stopping: Stopping | None = None,
) -> Starlette:
    """
    The portal of one brand; `store` is for sessions and `drafts` for drafts, and `schema` is the
    printed schema of the gateway, instead of the files of the settings. With `stopping` it heeds
    the signals by which its process is told to stop.

    BrandError, ImportError, RuntimeError, OSError or ValueError where it cannot start.
    """
    own = _own(settings, schema)
    brand = _brand(settings, own)
    pages = [*PAGES, *_extra(settings)]
    assets = Assets(brand.folders("assets"), {"brand.css": brand.css()})
    seals = Seals(*settings.secrets)
    offered = languages(brand.locales, brand.folders("locales"), brand.timezone)
    drafts = drafts or _drafts(settings, seals)
    site = Site(
        settings=settings,
        brand=brand,
        languages=offered,
        templates=Templates(brand, offered, assets, own),
        gateway=_gateway(settings, _documents(brand, own), transport),
        issuer=Issuer(settings),
        sessions=_sessions(settings, store),
        desks=Desks(drafts),
        shelves=Shelves(drafts),
        boards=Boards(drafts),
        seals=seals,
        streams=Streams(),
        menu=[page for page in pages if page.menu and brand.shows(page.part)],
        own=own,
    )
    _check(brand, pages, site.templates)
    return _served(site, pages, assets, stopping)


def _served(
    site: Site, pages: Sequence[Page], assets: Assets, stopping: Stopping | None
) -> Starlette:
    """The application that shows the pages of a site."""
    end = stopping or Stopping()
    end.then.append(site.streams.stop)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with stopping.heeding() if stopping else nullcontext():
            yield
        await site.gateway.close()
        await site.issuer.close()

    secure = careful(origin_of(site.settings.issuer), secure=site.settings.is_secure)
    app = Starlette(
        routes=[
            *assets.routes(),
            Route("/healthz", _healthy),
            Route("/readyz", _readiness(end)),
            *_mail(site),
            *(_route(site, page) for page in pages),
            _route(site, Page(path="/{rest:path}", show=_nowhere, public=True)),
        ],
        middleware=[Middleware(Headers, values=secure, stopping=end)],
        lifespan=lifespan,
    )
    app.state.site = site
    return app


def _gateway(
    settings: Settings, documents: Mapping[str, str], transport: httpx2.AsyncBaseTransport | None
) -> Gateway:
    """The gateway behind the portal, over `transport` where one is given."""

    def client(**more: Any) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=settings.gateway_url,
            transport=transport,
            timeout=settings.timeout,
            trust_env=False,
            **more,
        )

    return Gateway(client(), documents, client(limits=httpx2.Limits(max_connections=MOST)))


def asked(settings: Settings) -> Mapping[str, str]:
    """The documents that the portal of these settings asks for, by name."""
    brand = branding.load(settings.brand)
    return _documents(brand, _own(settings))


def _documents(brand: Brand, own: OwnSchema) -> Mapping[str, str]:
    """The documents of our pages, and those that follow them."""
    return with_subscriptions(own.asking(gateway_documents.load(brand.folders("documents"))))


def _own(settings: Settings, schema: str = "") -> OwnSchema:
    try:
        text = schema or (said_in(settings.schema) if settings.schema else "")
    except ValueError as error:
        raise ValueError(f"PORTAL_SCHEMA: {error}") from None
    return read(text)


def _check(brand: Brand, pages: Sequence[Page], templates: Templates) -> None:
    """Raise BrandError with every mistake that a visitor would notice."""
    branding.refuse(wrong_parts(brand, pages, templates))
    if not any((folder / "terms.html").exists() for folder in brand.folders("templates")[1:]):
        log.warning("terms.html is ours: put your terms into templates/ of the brand's folder")


def _extra(settings: Settings) -> Sequence[Page]:
    try:
        return extra(settings.extensions)
    except ImportError as error:
        raise ImportError(f"PORTAL_EXTENSIONS: {error}") from None


def _brand(settings: Settings, own: OwnSchema) -> Brand:
    """The brand; BrandError with every mistake in it, those of its templates too."""
    try:
        return branding.load(settings.brand)
    except BrandError:
        branding.refuse(mistakes(settings.brand, settings.extensions, own))
        raise


def _sessions(settings: Settings, store: Store | None) -> Sessions:
    return Sessions(
        idle=settings.idle_minutes * 60,
        lifetime=settings.session_hours * 3600,
        store=store or _stored_sessions(settings),
    )


def _stored_sessions(settings: Settings) -> Store | None:
    if settings.shared:
        return _shared().RedisStore(settings.shared)  # type: ignore[no-any-return]
    if not settings.sessions:
        return None
    with _naming("PORTAL_SESSIONS"):
        return FileStore(settings.sessions)


@contextmanager
def _naming(variable: str) -> Iterator[None]:
    """Let an error of SQLite name the variable with the path of its file; ValueError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ValueError(f"{variable}: {error}; name a file of the portal's own") from None


def _shared() -> Any:
    """The module of stores that need Redis, which is an extra; RuntimeError without it."""
    try:
        return importlib.import_module("portal.shared_stores")
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"PORTAL_SHARED: needs {error.name}; install dynamics-gateway[shared]"
        ) from None


def _drafts(settings: Settings, seals: Seals) -> DraftStore:
    if settings.shared:
        return _shared().RedisDrafts(settings.shared, seals)  # type: ignore[no-any-return]
    if settings.drafts:
        with _naming("PORTAL_DRAFTS"):
            return FileDrafts(settings.drafts, seals)
    if settings.is_secure:
        log.warning("drafts are in memory: a restart forgets which orders are being checked")
    return MemoryDrafts()


def _mail(site: Site) -> list[Route]:
    """The address at which the gateway tells news, where mails are sent."""
    settings = site.settings
    if not settings.mail_secret:
        return []
    out: Outgoing
    if settings.outbox:
        out = Outbox(settings.outbox)
    elif settings.smtp:
        out = SmtpServer(settings.smtp)
    else:
        raise ValueError("PORTAL_MAIL_SECRET: mails need PORTAL_SMTP or PORTAL_OUTBOX")
    if not settings.mail_from:
        raise ValueError("PORTAL_MAIL_SECRET: mails need PORTAL_MAIL_FROM")
    letters = Letters(site.templates, site.languages, settings.mail_from, settings.public_url)
    desk = NewsDesk(letters, out, settings.mail_secret, _sent_mails(settings))
    return [Route("/mail", desk.take, methods=["POST"])]


def _sent_mails(settings: Settings) -> SentMails:
    if settings.shared:
        return _shared().RedisSentMails(settings.shared)  # type: ignore[no-any-return]
    return OwnSentMails()


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("ok")


def _readiness(end: Stopping) -> Callable[[Request], Awaitable[Response]]:
    """
    The process's own readiness. Of gateway, issuer and Redis it says nothing: were one of them
    away, every process would be as unready as the next one.
    """

    async def ready(request: Request) -> Response:
        if end.begun:
            return PlainTextResponse("stopping", 503)
        return PlainTextResponse("ok")

    return ready


async def _nowhere(visit: Visit) -> Response:
    raise NotFound


def _route(site: Site, page: Page) -> Route:
    cookies = Cookies(site.sessions, site.seals, secure=site.settings.is_secure)

    async def answer(request: Request) -> Response:
        if request.method == "HEAD":
            # Pages tell a look from a form, which has a token, by GET alone.
            request = Request({**request.scope, "method": "GET"}, request.receive)
        alone = page.is_asked_alone or ALONE in request.headers
        try:
            session = cookies.read(request, touch=not alone)
        except Unavailable as error:
            return _problem(_visit(site, request, Session(), page), error)
        request.scope["session"] = session.issuer
        response = await _shown(_visit(site, request, session, page))
        try:
            site.sessions.save(session)
        except Unavailable:
            log.warning("a session could not be written down")
        cookies.write(request, response, session)
        return response

    return Route(page.path, answer, methods=list(page.methods))


def _visit(site: Site, request: Request, session: Session, page: Page) -> Visit:
    return Visit(site, request, session, language_of(site, session, request), page)


async def _shown(visit: Visit) -> Response:
    try:
        await _read(visit)
        await admit(visit)
        return await visit.page.show(visit)
    except SignInNeeded:
        return _to_sign_in(visit)
    except Waiting as error:
        return visit.leave("/orders/new/checking", key=error.key)
    except (Gone, Overtaken, Unshared) as error:
        return _told(visit, error)
    except HTTPException as error:
        # A body that is no form.
        return visit.render("problem.html", status=error.status_code, kind=BadLink.kind)
    except PortalError as error:
        return _problem(visit, error)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is there to be told
    except Exception:
        log.exception("%s %s", visit.request.method, visit.page.path)
        return visit.render("problem.html", status=500, kind="defect")


def _problem(visit: Visit, error: PortalError) -> Response:
    return visit.render("problem.html", status=error.status, kind=error.kind)


async def _read(visit: Visit) -> None:
    """Read the form if the visitor has a session; without one it is not read."""
    if visit.request.method == "POST" and not visit.site.sessions.is_kept(visit.session):
        raise (Stale if visit.page.public else SignInNeeded)
    visit.form = await read_form(visit.request)


def _told(visit: Visit, error: Gone | Overtaken | Unshared) -> Response:
    """A form about a draft that is not as the form has it, from another tab or from before."""
    if isinstance(error, Unshared):
        visit.warn(ended(visit, error))
        return visit.leave("/drafts")
    if isinstance(error, Overtaken):
        visit.warn(overtaken(visit))
    elif error.placed:
        visit.warn(became(visit, error.placed))
    else:
        visit.warn(visit.translate("This draft was discarded. Nothing was changed."))
    return visit.leave("/orders/new/items")


def _to_sign_in(visit: Visit) -> Response:
    """To the issuer and back again; a form that was being sent waits for its author."""
    session, request = visit.session, visit.request
    session.expire()
    if visit.page.is_asked_alone:
        return Response(status_code=401)  # Who signs in comes back to the page around it.
    if visit.is_fragment:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    if request.method == "POST" and visit.form.get("csrf") == session.csrf:
        fields = tuple((name, value) for name, value in visit.form.items() if name != "csrf")
        session.pending = Pending(request.url.path, fields)
    elif request.method == "GET":
        session.after_sign_in = visit.here
    return visit.go("/sign-in")
