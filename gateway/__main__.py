"""The command line: `gateway serve`, `demo`, `schema`, `token`, `settings`, `documents`, ..."""

import asyncio
import difflib
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec
import strawberry
import uvicorn
from graphql import GraphQLSchema
from starlette.applications import Starlette

from front.listening import mistake
from front.stopping import Stopping
from gateway.app import create_app, read_again, start_log, stopping_of
from gateway.audit.chain import ChainKey
from gateway.audit.verifying import verify as check_chain
from gateway.commands import budgeting, operator
from gateway.commands.doctor import doctor
from gateway.commands.partner_deliveries import deliveries
from gateway.config import environment
from gateway.config.contradictions import own_address
from gateway.config.settings import (
    LIMIT,
    PREFIX,
    VARIABLES,
    Settings,
    SettingsError,
    Variable,
    schema_of_file,
    table,
)
from gateway.derived_keys import key_for
from gateway.doctor.findings import Status, worst_first
from gateway.engine.limits import REGISTRY, Limits
from gateway.engine.manifest import manifest
from gateway.engine.outcome import Refused
from gateway.errors import GatewayError
from gateway.http import workers
from gateway.http.protocols import protocol, sockets
from gateway.memory import settle
from gateway.observing.pauses import PAUSES
from gateway.resolvers.root import build

SCHEMA = files("gateway") / "schema.graphql"
KEEP_ALIVE = 65
"""Seconds that an idle connection stays open; longer than a proxy keeps it, to avoid races."""
HEALTHY = 30
"""Seconds in which a worker must give a sign of life: on a busy host it takes long to start."""
FAILURE, USAGE, STRAYS = 1, 2, 3
SHIPPED = ""
"""The file that `schema --check` compares with where it names none."""
WORLDS = ("showcase", "small", "medium", "large")
SECRETS = ("GATEWAY_AUDIT_SECRET", "GATEWAY_CLIENT_SECRET", "GATEWAY_CLIENT_CERTIFICATE")
"""The secrets that can seal the lines of the audit: the first that is set does."""

PORT = click.IntRange(1, 65_535)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
CACHE = click.Path(file_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="dynamics-gateway")
def main() -> None:
    """A GraphQL gateway over Dynamics 365 Supply Chain Management and Dataverse.

    Exit codes: 0 done, 1 it could not be done, 2 wrong usage or settings.
    """


main.add_command(doctor)
main.add_command(deliveries)


@main.command()
@click.option("--host", help="Address to listen on, instead of GATEWAY_HOST.")
@click.option("--port", type=PORT, help="Port to listen on, instead of GATEWAY_PORT.")
def serve(host: str | None, port: int | None) -> None:
    """Serve the environment that the GATEWAY_... variables describe.

    `gateway settings` shows them. Every mistake in them is reported before anything listens.
    """
    found = _settings()
    host, port = host or found.host, port or found.port
    if wrong := mistake(PREFIX, host, port) or own_address(found, port):
        _fail(wrong, USAGE)
    start_log(found)
    stopping = stopping_of(found)
    app = _app(found, stopping)
    settle()
    PAUSES.measure()
    alone = found.workers == 1
    config = uvicorn.Config(
        app if alone else "gateway.app:from_environment",
        factory=not alone,
        host=host,
        port=port,
        workers=found.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=protocol(),
        **sockets(Limits(**found.limits).body_bytes),
        timeout_keep_alive=KEEP_ALIVE,
        timeout_worker_healthcheck=HEALTHY,
        timeout_graceful_shutdown=ceil(stopping.grace),
    )
    workers.serve(config)


@main.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65_534),
    default=8000,
    show_default=True,
    help="The emulator takes the next.",
)
@click.option("--world", type=click.Choice(WORLDS), help="The generated data. [default: showcase]")
@click.option(
    "--load", type=FOLDER, help="Exports to load instead: dataverse/*.jsonl, finops/*.jsonl."
)
@click.option("--lenient", is_flag=True, help="Skip and list rows of --load that do not fit.")
@click.option("--metadata", type=FILE, multiple=True, help="TOML with tables and columns of yours.")
@click.option("--extension", multiple=True, help="Your module that declares them to the gateway.")
@click.option(
    "--partner",
    default="US-001@usmf",
    show_default=True,
    help="The demo partner's accounts: NUMBER@company,...",
)
@click.option("--brand", type=FOLDER, help="The portal's brand, shown anew after each change.")
@click.option("--portal-extension", multiple=True, help="Your module with pages of the portal.")
@click.option("--cache", type=CACHE, help="The folder for generated worlds and signing keys.")
def demo(**options: Any) -> None:
    """Try it here: emulator, token issuer and gateway on loopback.

    GraphQL is at /graphql and GraphiQL at /graphiql of the port; the emulated Dynamics and the
    issuer are on the next one. Ctrl-C stops everything; nothing is kept.
    """
    if options["load"] and options["world"]:
        raise click.UsageError("Give either --world or --load.")
    if options["lenient"] and not options["load"]:
        raise click.UsageError("--lenient goes with --load.")
    _demo(lambda module: module.run(module.Options(**options)))


@main.command()
@click.option("--as", "name", required=True, help="A contact, by id or e-mail address.")
@click.argument("query")
def explain(name: str, query: str) -> None:
    """Run QUERY as a customer and say which rule gave or refused each table, and what it cut.

    Rows that were cut are counted with the gateway's own rights. The audit gets a line.
    """
    try:
        found = asyncio.run(operator.explain(_settings(), name, query))
    except GatewayError as error:
        _fail(error.message)
    except Refused as refused:
        found = refused.body
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


@main.group()
def audit() -> None:
    """The file that GATEWAY_AUDIT_FILE names."""


@audit.command()
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--head", help="A hash printed by an earlier run: its line must still be there.")
def verify(files: tuple[Path, ...], head: str | None) -> None:
    """Say whether the lines of FILES are all there, as they were written; exit 1 if not.

    Several files are one chain, the oldest first. It takes GATEWAY_AUDIT_SECRET, or whatever that
    is made of, as `gateway serve` does.
    """
    raw, _ = environment.read(REGISTRY)
    secret = next((raw[name] for name in SECRETS if name in raw), None)
    if secret is None:
        _fail(f"One of {', '.join(SECRETS)} is needed: lines are sealed with it.", USAGE)
    verdict = check_chain(map(str, files), ChainKey(key_for("audit", secret)), head)
    if verdict.problems:
        _fail("\n".join(verdict.problems))
    if verdict.behind:
        click.echo(f"They begin behind line {verdict.behind} of an earlier file.")
    if verdict.broken:
        click.echo(f"{verdict.broken} of them broke off when a process ended, and are known.")
    click.echo(f"{verdict.lines} lines, whole. Keep the head to prove it later: {verdict.head}")


@main.command()
@click.argument("name", required=False)
@click.option("--service", is_flag=True, help="The token that the emulated Dynamics itself takes.")
@click.option("--port", type=PORT, help="Of the demo on this port, not of the one started last.")
def token(name: str | None, service: bool, port: int | None) -> None:
    """Print a bearer token for a caller of the running demo, valid for an hour.

    NAME is jane, sam, rep, may, admin or partner, or the e-mail of any contact in the data.
    """
    if (name is None) is not service:
        raise click.UsageError("Give a NAME or --service.")
    _demo(lambda module: click.echo(module.token(name, port)))


@main.command()
@click.option("--days", default=7, show_default=True, help="How far back to look.")
@click.option("--minutes", default=10, show_default=True, help="How old an order must be to count.")
def reconcile(days: int, minutes: int) -> None:
    """List orders that only one of Dataverse and the ERP has; exit 3 if there are any.

    One line each: the side that lacks it, legal entity, number, when it was made, and its id in
    Dataverse. Nothing is repaired or deleted.
    """
    try:
        report = asyncio.run(operator.reconcile(_settings(), days=days, minutes=minutes))
    except GatewayError as error:
        _fail(error.message)
    for stray in report.strays:
        click.echo(
            f"not in {stray.lacking}\t{stray.company}\t{stray.number}\t{stray.created}\t{stray.id}"
        )
    click.echo(f"{report.compared} orders compared, {len(report.strays)} strays", err=True)
    sys.exit(STRAYS if report.strays else 0)


@main.command()
@click.option("--extension", multiple=True, help="Your module that declares tables and columns.")
@click.option(
    "--check",
    is_flag=False,
    flag_value=SHIPPED,
    metavar="[FILE]",
    help="Compare with FILE, or with the schema that ships; exit 1 if it differs.",
)
def schema(extension: tuple[str, ...], check: str | None) -> None:
    """Print the GraphQL schema in SDL: of our own tables, and of those of --extension.

    Exit code 2 where an extension cannot be used.
    """
    if extension and check == SHIPPED:
        raise click.UsageError("Name the file of your schema: --check FILE.")
    text = _built(extension).as_str() + "\n"
    if check is None:
        click.echo(text, nl=False)
    elif check == SHIPPED:
        _compare(SCHEMA.read_text("utf-8"), text, "schema.graphql")
    else:
        file = Path(check)
        _compare(file.read_text("utf-8") if file.exists() else "", text, check)


def _built(extension: tuple[str, ...]) -> strawberry.Schema:
    """The schema of our own tables and those of the extensions."""
    if extension:
        # A console script does not look for modules where it is called: where yours are.
        sys.path.insert(0, os.getcwd())
    try:
        return build(extension)
    except (ImportError, TypeError) as error:
        _fail(str(error), USAGE)


def _compare(committed: str, text: str, name: str) -> None:
    """Fail with the difference where a committed schema is not that of the code."""
    if committed == text:
        return
    lines = committed.splitlines(), text.splitlines()
    difference = difflib.unified_diff(*lines, name, "the code", lineterm="")
    _fail("\n".join([*difference, f"{name} is not what the code says; print it again."]))


@main.command()
@click.argument("folders", type=FOLDER, nargs=-1, required=True)
@click.option("--budget", type=int, metavar="N", help="The most calls that a query may take.")
@click.option("--extension", multiple=True, help="Your module that declares tables and columns.")
def documents(folders: tuple[Path, ...], budget: int | None, extension: tuple[str, ...]) -> None:
    """Print a manifest of the .graphql files in FOLDERS, as GATEWAY_TRUSTED_DOCUMENTS takes it.

    With --budget exit 1 instead where a query takes more calls to Dynamics, and name each such with
    its cost: the most for any caller, with all that a variable could leave out.
    """
    files = [file for folder in folders for file in sorted(folder.glob("*.graphql"))]
    texts = budgeting.texts_of(files)
    if budget is not None:
        _check_budget(texts, budget, _built(extension)._schema)
    found = manifest(texts.values())
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


def _check_budget(texts: Mapping[Path, str], budget: int, schema: GraphQLSchema) -> None:
    """Fail with the queries that take more calls than that, and their costs."""
    found = list(budgeting.costs(texts, schema))
    dearer = [f"{each.name}: {each.calls} calls" for each in found if each.calls > budget]
    if dearer:
        _fail("\n".join([*dearer, f"{len(dearer)} of {len(found)} queries pass {budget} calls."]))


@main.command()
@click.option(
    "--check",
    is_flag=True,
    help="Exit 2, with the mistakes, if serve would refuse them; 1 if something that it talks to "
    "does not answer.",
)
@click.option("--offline", is_flag=True, help="Check as --check does, and ask nobody.")
@click.option("--markdown", is_flag=True, help="The table of docs/settings.md instead.")
@click.option("--json-schema", is_flag=True, help="The JSON schema of GATEWAY_CONFIG's file.")
def settings(*, check: bool, offline: bool, markdown: bool, json_schema: bool) -> None:
    """List every variable, its default and what is set; secrets are masked."""
    if markdown:
        click.echo(table())
        return
    if json_schema:
        click.echo(msgspec.json.format(msgspec.json.encode(schema_of_file(REGISTRY))).decode())
        return
    raw, _ = environment.read(REGISTRY)
    for entry in VARIABLES:
        _list(entry.name, _shown(entry, raw.get(entry.name)), entry.doc)
    for name, (default, doc) in REGISTRY.items():
        variable = LIMIT + name.upper()
        _list(variable, raw.get(variable) or f"{default} (default)", doc)
    if check or offline:
        found = _settings()
        _app(found)
        if wrong := own_address(found, found.port):
            _fail(wrong, USAGE)
        if not offline:
            _contact(found)


def _contact(settings: Settings) -> None:
    """A line for each thing that `serve` talks to, and the remedy where it does not answer."""
    found = asyncio.run(operator.contact(settings))
    for finding in worst_first(found):
        click.echo(finding.text)
    if any(each.status is Status.WRONG for each in found):
        sys.exit(FAILURE)


def _list(name: str, value: str, doc: str) -> None:
    click.echo(f"{name:34} {value}\n    {doc}")


def _shown(entry: Variable, text: str | None) -> str:
    if text is not None:
        return "(set, hidden)" if entry.secret else text
    if entry.required:
        return "(required, not set)"
    return f"{entry.default_text} (default)" if entry.default_text else "(not set)"


def _settings() -> Settings:
    try:
        return environment.load(REGISTRY)
    except SettingsError as error:
        _fail("\n".join(error.mistakes), USAGE)


def _app(settings: Settings, stopping: Stopping | None = None) -> Starlette:
    """The gateway itself: it reads the files and modules that the settings name."""
    try:
        return create_app(settings, stopping=stopping, read=read_again)
    except ModuleNotFoundError as error:
        remedy = "install it, or name its folder in PYTHONPATH"
        _fail(f"GATEWAY_EXTENSIONS: {error}; {remedy}", USAGE)
    except (SettingsError, ImportError, TypeError) as error:
        _fail(str(error), USAGE)


def _demo(action: Callable[[Any], object]) -> None:
    """Run what needs the demo, which `serve` must not load: emulator and portal come with it."""
    try:
        module = importlib.import_module("gateway.commands.demo")
    except ModuleNotFoundError as error:
        _fail(f"The demo needs {error.name}; install dynamics-gateway[demo].")
    try:
        action(module)
    except module.DemoError as error:
        _fail(str(error))


def _fail(message: str, code: int = FAILURE) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
