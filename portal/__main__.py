"""The command line: `portal serve`, `portal check`, `portal settings`."""

import logging
import sys
from contextlib import suppress
from math import ceil
from pathlib import Path
from socket import socket

import click
import uvicorn
from starlette.applications import Starlette

from front.connection_bounds import Bounded
from front.listening import mistake
from front.stopping import Stopping
from portal import neighbours
from portal.app import asked, create_app
from portal.catalogue import missing, template
from portal.checking import mistakes
from portal.following import Streams
from portal.schema import read
from portal.settings import PREFIX, Settings, load, table
from variables.environment_values import text_of

log = logging.getLogger("portal")
USAGE = 2
NOT_STARTED = 3


class PortalServer(uvicorn.Server):
    """A server whose streams end before it waits for what is under way."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._streams.stop()  # an interrupt tells of no end beforehand
        await super().shutdown(sockets)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The customer portal: a web site in front of the GraphQL gateway."""


@main.command()
def serve() -> None:
    """Serve the site that the PORTAL_... variables describe."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # It logs every URL, and with it the links of visitors' documents.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings, app, stopping = _prepared()
    if wrong := mistake(PREFIX, settings.host, settings.port):
        click.echo(wrong, err=True)
        sys.exit(USAGE)
    if away := neighbours.store(settings):
        log.warning("%sSHARED: %s; %s", PREFIX, away.says, away.do)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=Bounded,
        ws="none",
        timeout_graceful_shutdown=ceil(stopping.grace),
    )
    server = PortalServer(config, app.state.site.streams)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(NOT_STARTED)


@main.command()
@click.argument(
    "brand", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--extension", multiple=True, help="Your module with further pages.")
@click.option(
    "--schema",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The printed schema of your gateway.",
)
def check(brand: Path | None, extension: tuple[str, ...], schema: Path | None) -> None:
    """Name every mistake in the folder BRAND, which needs neither gateway nor issuer.

    Exits with 1 if there are any, which the start of the portal would refuse.
    """
    # A console script does not look for modules where it is called: where they are tried.
    sys.path.insert(0, str(Path.cwd()))
    try:
        own = read(text_of(schema) if schema else "")
        found = [*mistakes(brand, extension, own)]
    except (ValueError, OSError) as error:
        found = [str(error)]
    for one in found:
        click.echo(one, err=True)
    if found:
        sys.exit(1)
    click.echo("The brand can be used.")


@main.command("settings")
@click.option(
    "--check",
    "contact",
    is_flag=True,
    help="Exit 2, with the mistakes, if serve would refuse them; 1 if something that it talks to "
    "does not answer as it should.",
)
@click.option("--offline", is_flag=True, help="Check as --check does, and ask nobody.")
def show_settings(*, contact: bool, offline: bool) -> None:
    """Every variable, its default and what it says, as a table."""
    if not contact and not offline:
        click.echo(table())
        return
    settings, *_ = _prepared()
    found = [] if offline else [*neighbours.check(settings)]
    for name, wrong in found:
        _tell(name, wrong)
    if any(wrong for _, wrong in found):
        sys.exit(1)


def _tell(name: str, wrong: neighbours.Wrong | None) -> None:
    """Say how one of those that a portal talks to does."""
    click.echo(
        f"WRONG   {name}: {wrong.says}\n        do: {wrong.do}" if wrong else f"OK      {name}"
    )


def _prepared() -> tuple[Settings, Starlette, Stopping]:
    """The settings, the portal that they describe, and its end; ends with every mistake in them."""
    try:
        settings = load()
        stopping = Stopping(settings.linger, settings.stop_within)
        return settings, create_app(settings, stopping=stopping), stopping
    except (ValueError, ImportError, RuntimeError, OSError) as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)


@main.command("catalogue")
@click.argument("po", required=False, type=click.Path(exists=True, path_type=Path))
def show_catalogue(po: Path | None) -> None:
    """Print the messages to translate, or those that the catalogue PO still lacks."""
    click.echo("\n".join(missing(po)) if po else template())


@main.command("documents")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def write_documents(folder: Path) -> None:
    """Write the documents that this portal asks the gateway for, each into a file of FOLDER."""
    try:
        for name, text in asked(load()).items():
            (folder / f"{name}.graphql").write_text(text)
    except ValueError as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)


if __name__ == "__main__":
    main()
