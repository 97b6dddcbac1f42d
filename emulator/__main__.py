"""The emulator's own command line: `emulator serve` with generated, loaded or no data."""

import time
from pathlib import Path
from typing import Any

import click
import uvicorn

from emulator.certificates import certificates
from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.faults.connections import over_sockets
from emulator.identities import DEMO_USERS, People
from emulator.loading import Loaded
from emulator.settings import CACHE, SMALL, Settings
from emulator.starting import NotStarted, listed, listening, started
from emulator.steering import advance, pause, pay, resume, token
from emulator.tokens import TENANT
from emulator.world.sizes import SIZES

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Dynamics 365 on your own machine: Dataverse, Finance & Operations, and who may sign in."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8001, show_default=True, type=click.IntRange(1, 65535), help="Port."
)
@click.option("--base-url", help="The URL that clients use, if it is not that of host and port.")
@click.option("--world", type=click.Choice(list(SIZES)), help="Generated data; small by default.")
@click.option("--seed", default=1, show_default=True, help="Another seed makes another world.")
@click.option("--load", type=FOLDER, help="Exports: dataverse/<set>.jsonl, finops/<set>.jsonl.")
@click.option("--lenient", is_flag=True, help="With --load: leave out and list what does not fit.")
@click.option("--empty", is_flag=True, help="Tables without rows.")
@click.option("--pricing", is_flag=True, help="With the ERP's pricing engine.")
@click.option("--promising", is_flag=True, help="With availability to promise.")
@click.option("--metadata", type=FILE, multiple=True, help="TOML with further tables and columns.")
@click.option("--environment", type=FILE, help="A dump of an environment to answer as.")
@click.option(
    "--navigation",
    type=click.Choice(["mixed", "lower", "schema"]),
    default="mixed",
    show_default=True,
    help="Case of custom navigation properties: the dictionary's, all lower, or schema names.",
)
@click.option("--certificate", type=FILE, multiple=True, help="PEM of a client that signs in so.")
@click.option("--tls", is_flag=True, help="Serve https with a certificate authority of its own.")
@click.option(
    "--cache",
    default=CACHE,
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where worlds and keys are kept.",
)
def serve(host: str, port: int, base_url: str | None, tls: bool, **options: Any) -> None:
    """Serve the emulated services until interrupted.

    Exit code 1 says that data, metadata or port could not be used, 2 that the options do not fit.
    """
    settings = _settings(base_url or _base_url(host, port, tls), options)
    begun = time.monotonic()
    if settings.load:
        click.echo(f"Loading {settings.load} ...")
    try:
        with listening(host, port) as found:
            app = started(settings)
            _report(app.state.loaded, app.state.people)
            click.echo(_welcome(settings, app.state.people, time.monotonic() - begun))
            secured = _secured(settings, host) if tls else {}
            config = uvicorn.Config(over_sockets(app), log_level="warning", **secured)
            uvicorn.Server(config).run(sockets=[found])
    except NotStarted as error:
        raise click.ClickException(str(error)) from error


def _base_url(host: str, port: int, tls: bool) -> str:
    """Certificates and the clients that ask for them prefer a name to an address."""
    return (
        f"https://localhost:{port}"
        if tls and host == "127.0.0.1"
        else (f"{'https' if tls else 'http'}://{host}:{port}")
    )


def _secured(settings: Settings, host: str) -> dict[str, Any]:
    made = certificates((settings.cache or CACHE) / "tls", host)
    click.echo(f"  Authority  {made.authority} (clients must trust it)")
    return {"ssl_certfile": str(made.certificate), "ssl_keyfile": str(made.key)}


def _settings(base_url: str, options: dict[str, Any]) -> Settings:
    sources = [name for name in ("world", "load", "empty") if options[name]]
    if len(sources) > 1:
        raise click.UsageError(f"--{sources[0]} and --{sources[1]} exclude each other.")
    if options["lenient"] and not options["load"]:
        raise click.UsageError("--lenient goes with --load.")
    return Settings(
        base_url=base_url.rstrip("/"),
        world=None if sources and not options["world"] else options["world"] or SMALL,
        seed=options["seed"],
        load=options["load"],
        lenient=options["lenient"],
        pricing=options["pricing"],
        promising=options["promising"],
        metadata=options["metadata"],
        environment=options["environment"],
        navigation=options["navigation"],
        certificates=options["certificate"],
        cache=options["cache"],
    )


def _report(loaded: Loaded, people: People) -> None:
    """Report the result of a load, and whom to sign in as if it does not know the demo users."""
    if len(loaded.skipped):
        click.echo("\n".join(["Left out:", *listed(loaded.skipped)]), err=True)
    if loaded.counts:
        click.echo(f"Loaded {sum(loaded.counts.values()):,} rows.")
    if missing := people.absent():
        emails = ", ".join(DEMO_USERS[name].email for name in missing)
        click.echo(f"No contact has the e-mail of {', '.join(missing)} ({emails});")
        click.echo("sign in with the e-mail of any contact instead.")


def _welcome(settings: Settings, people: People, seconds: float) -> str:
    base = settings.base_url
    return f"""Ready in {seconds:.1f} s.
  Dataverse  {base}/api/data/v9.2
  F&O        {base}/data
  Issuer     {base}/issuer
  Token      {base}/{TENANT}/oauth2/v2.0/token
             client {SERVICE_CLIENT_ID}, secret {SERVICE_SECRET}, scope {base}/.default
  Users      {", ".join(people.present())}; partner"""


for command in (advance, pay, pause, resume, token):
    main.add_command(command)


if __name__ == "__main__":
    main()
