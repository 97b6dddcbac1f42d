"""
Gateway and emulator on loopback, for trying and testing; and tokens for its callers.

Everything here is for one machine: published secrets, tokens for the asking. `serve` loads none of
it.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import httpx2
import uvicorn
from graphql import print_schema
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp

from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.faults.connections import over_sockets
from emulator.identities import DEMO_USERS, PARTNER
from emulator.settings import Settings as Emulated
from emulator.starting import NotStarted, listed, listening, started
from emulator.tokens import AUDIENCE, TENANT
from emulator.world.sizes import SHOWCASE
from front.connection_bounds import Bounded
from gateway.app import create_app, schema
from gateway.commands.demo_policy import POLICY
from gateway.commands.reloading import Reloading
from gateway.config import parsers
from gateway.config.settings import Settings
from gateway.engine.limits import Limits
from gateway.http.protocols import sockets
from gateway.http.routing import GRAPHQL
from portal.app import create_app as create_portal
from portal.settings import Settings as Shown

HOST = "127.0.0.1"
PORT = 8000
CACHE = Path.home() / ".cache" / "dynamics-gateway"
ADDRESSES = CACHE / "demos"
"""The folder in which each running demo leaves its addresses for `gateway token`."""
GRACE = 5
"""Seconds that requests in flight get after Ctrl-C."""
ABOUT = {
    "jane": "buys for one customer",
    "sam": "buys for the same, and in the showcase for a second one",
    "rep": "represents that customer",
    "may": "buys for another",
    "admin": "the seller's own staff",
    "partner": "a machine of that customer",
}
SECRET = "whsec_" + b64encode(b"published on purpose, loopback").decode()
SENDER = "Northwind Supply <orders@northwind.example>"
OUTBOX = "outbox"
NO_DEMO = "No such demo runs; start one with: gateway demo"
QUERY = "{ orders(first: 3) { nodes { number status lines { nodes { quantity } } } } }"


class DemoError(Exception):
    """The demo cannot do it, for a reason that its user can mend."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a running demo, and its process id."""

    port: int
    pid: int

    @property
    def gateway(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def emulator(self) -> str:
        return f"http://{HOST}:{self.port + 1}"


class Server(uvicorn.Server):
    """One of the demo's two servers: it leaves signals to the demo and says when it listens."""

    def __init__(self, app: ASGIApp, **more: Any) -> None:
        """`more`: further settings of uvicorn."""
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            http=Bounded,
            timeout_graceful_shutdown=GRACE,
            **{"ws": "none", **more},
        )
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def settings(
    emulator: str,
    port: int,
    partner: str,
    extensions: tuple[str, ...],
    *,
    customer_roles: tuple[str, ...] = ("buyer",),
    mail: Path | None = None,
) -> Settings:
    """
    The gateway of the demo: everything on that helps in trying it. With `mail`, a folder for what
    that needs, people are written to. ValueError for `partner`.
    """
    told: dict[str, Any] = {}
    if mail:
        (mail / "policy.toml").write_text(POLICY.format(host=HOST, port=port, secret=SECRET))
        told = {"policy": str(mail / "policy.toml"), "changes_file": str(mail / "changes")}
    return Settings(
        dataverse_url=emulator,
        finops_url=emulator,
        token_url=f"{emulator}/{TENANT}/oauth2/v2.0/token",
        client_id=SERVICE_CLIENT_ID,
        client_secret=SERVICE_SECRET,
        issuer=f"{emulator}/issuer",
        audience=(AUDIENCE,),
        staff_roles=(DEMO_USERS["admin"].role,),
        partners=parsers.partners(f"{PARTNER.subject}={partner}"),
        extensions=extensions,
        learned_names="off",
        customer_roles=customer_roles,
        host=HOST,
        port=port,
        introspection=True,
        graphiql=True,
        graphiql_client_id="graphiql",
        show_execution=True,
        metrics=True,
        deadline=30.0,
        read_timeout=30.0,
        **told,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `gateway demo`."""

    port: int
    world: str | None = None
    load: Path | None = None
    lenient: bool = False
    metadata: tuple[Path, ...] = ()
    extension: tuple[str, ...] = ()
    partner: str
    brand: Path | None = None
    portal_extension: tuple[str, ...] = ()
    cache: Path | None = None


def run(options: Options) -> None:
    """Serve until Ctrl-C. DemoError where a port is taken or the data cannot be loaded."""
    addresses = Addresses(options.port, os.getpid())
    outbox = CACHE / OUTBOX / str(options.port)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        with (
            listening(HOST, options.port) as front,
            listening(HOST, options.port + 1) as back,
            TemporaryDirectory() as folder,
        ):
            outbox.mkdir(parents=True, exist_ok=True)
            emulator = _emulator(_emulated(options, addresses))
            site = _site(options, addresses, Path(folder), outbox)
            most = Limits().body_bytes
            servers = {front: Server(site, **sockets(most)), back: Server(over_sockets(emulator))}
            welcome = _welcome(addresses, outbox, [*emulator.state.people.present(), "partner"])
            with asyncio.Runner(loop_factory=servers[front].config.get_loop_factory()) as runner:
                runner.run(_serve(servers, addresses, welcome))
    except NotStarted as error:
        raise DemoError(str(error)) from error


def _emulated(options: Options, addresses: Addresses) -> Emulated:
    """The settings of the emulator."""
    world = None if options.load else options.world or SHOWCASE
    return Emulated(
        base_url=addresses.emulator,
        world=world,
        pricing=world == SHOWCASE,
        promising=world == SHOWCASE,
        load=options.load,
        lenient=options.lenient,
        metadata=options.metadata,
        cache=options.cache or CACHE / "emulator",
    )


def _site(options: Options, addresses: Addresses, folder: Path, outbox: Path) -> Starlette:
    """Gateway and portal as one application, which keeps its files in `folder`."""
    # A console script does not look for modules where it is called: where they are tried.
    sys.path.insert(0, os.getcwd())
    # Orders of an export seldom name who placed them; their buyers would see none.
    roles = ("representative",) if options.load else ("buyer",)
    shown = _shown(options, addresses, folder, outbox)
    try:
        said = settings(
            addresses.emulator,
            options.port,
            options.partner,
            options.extension,
            customer_roles=roles,
            mail=folder,
        )
        return with_portal(create_app(said), shown, print_schema(schema(said)))
    except (ValueError, ImportError, TypeError, RuntimeError, AttributeError, SyntaxError) as error:
        raise DemoError(str(error)) from error


def _shown(options: Options, addresses: Addresses, folder: Path, outbox: Path) -> Shown:
    """The settings of the portal; one that is made anew knows its visitors still."""
    found = portal_settings(addresses.gateway, addresses.emulator, outbox)
    if not (options.brand or options.portal_extension):
        return found
    return replace(
        found,
        brand=options.brand,
        extensions=options.portal_extension,
        sessions=folder / "sessions",
        drafts=folder / "drafts",
    )


def portal_settings(gateway: str, emulator: str, outbox: Path | None = None) -> Shown:
    """
    The portal of the demo: it calls the gateway over HTTP like any other client, and writes mails
    into the folder `outbox`.
    """
    told: dict[str, Any] = {}
    if outbox:
        told = {"mail_secret": (SECRET,), "mail_from": SENDER, "outbox": outbox}
    return Shown(
        gateway_url=gateway,
        issuer=f"{emulator}/issuer",
        client_id="portal",
        client_secret="portal-demo-secret",  # noqa: S106 - published on purpose, loopback only
        public_url=gateway,
        **told,
    )


def with_portal(gateway: Starlette, settings: Shown, schema: str = "") -> Starlette:
    """
    The gateway's own addresses, and the portal at all others; it shows what `schema` has, and each
    change of its brand. ValueError, ImportError or AttributeError for a brand that cannot be used.
    """
    portal = Reloading(
        partial(create_portal, settings, schema=schema), settings.brand, settings.extensions
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with gateway.router.lifespan_context(gateway), portal.running():
            yield

    paths = [route.path for route in gateway.routes if isinstance(route, Route)]
    ours = [*(Route(path, gateway) for path in paths), WebSocketRoute(GRAPHQL, gateway)]
    return Starlette(routes=[*ours, Mount("/", portal)], lifespan=lifespan)


async def _serve(servers: dict[socket.socket, Server], addresses: Addresses, welcome: str) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        # The gateway reads the metadata of Dynamics when it starts, so Dynamics starts first.
        for listening, server in reversed(servers.items()):
            group.create_task(server.serve(sockets=[listening]))
            await server.ready.wait()
        with _written(addresses):
            click.echo(welcome)
            await stop.wait()
        for server in servers.values():
            server.should_exit = True


@contextlib.contextmanager
def _written(addresses: Addresses) -> Iterator[None]:
    """The addresses in a file of their own while the demo runs."""
    ADDRESSES.mkdir(parents=True, exist_ok=True)
    file = ADDRESSES / f"{addresses.port}.json"
    file.write_text(json.dumps(asdict(addresses)))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _emulator(emulated: Emulated) -> Starlette:
    """The emulator with its data; what came of a load on standard error."""
    found = started(emulated)
    loaded = found.state.loaded
    for line in listed(loaded.skipped):
        click.echo(line, err=True)
    if loaded.counts:
        click.echo(f"Loaded {sum(loaded.counts.values()):,} rows.", err=True)
    return found


def _welcome(addresses: Addresses, outbox: Path, callers: Sequence[str]) -> str:
    command = os.path.relpath(Path(sys.executable).with_name("gateway"))
    token = f"{command} token {callers[0]}"
    if addresses.port != PORT:
        token += f" --port {addresses.port}"
    people = "\n".join(f"    {name:8} {ABOUT[name]}" for name in callers)
    query = json.dumps({"query": QUERY})
    return f"""
Portal     {addresses.gateway}/
GraphQL    {addresses.gateway}/graphql
GraphiQL   {addresses.gateway}/graphiql
Dynamics   {addresses.emulator}/api/data/v9.2 and {addresses.emulator}/data (emulated)
Issuer     {addresses.emulator}/issuer
Mails      {outbox}

Callers
{people}
    and every contact in the data, by e-mail

Ask

  curl -s {addresses.gateway}/graphql -H 'Content-Type: application/json' \\
    -H "Authorization: Bearer $({token})" \\
    -d '{query}'

Ctrl-C stops it.
"""


def token(name: str | None, port: int | None) -> str:
    """
    A bearer token of a running demo, by default the one started last.

    For the caller with this name or e-mail address; without one, for the emulated services.
    """
    asked = {"service": True} if name is None else {"name": name}
    running = _running(port)
    try:
        with httpx2.Client(trust_env=False) as client:
            answer = client.post(f"{running.emulator}/issuer/demo/token", json=asked)
    except httpx2.TransportError:
        raise DemoError(NO_DEMO) from None
    if answer.status_code == 404:
        raise DemoError(f"The demo knows no caller named {name}.")
    found = answer.json() if answer.is_success else {}
    if not isinstance(found.get("access_token"), str):
        raise DemoError(f"The demo's issuer answered {answer.status_code}.")
    return str(found["access_token"])


def _running(port: int | None) -> Addresses:
    """The addresses of the demo on `port`, or of the one that was started last and still runs."""
    for file in sorted(ADDRESSES.glob(f"{port or '*'}.json"), key=_written_at, reverse=True):
        with contextlib.suppress(OSError, ValueError, TypeError):
            found = Addresses(**json.loads(file.read_text()))
            os.kill(found.pid, 0)
            return found
    raise DemoError(NO_DEMO)


def _written_at(file: Path) -> float:
    return file.stat().st_mtime if file.exists() else 0.0
