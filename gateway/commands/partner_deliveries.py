"""`gateway deliveries`: list, replay and try what is sent to the webhooks of partners."""

import asyncio
import sys
import time
from typing import Any, NoReturn
from uuid import uuid4

import click
import msgspec

from gateway.auth.policy_file import PolicyFile
from gateway.auth.webhooks import Webhook
from gateway.config import environment
from gateway.config.settings import Settings, SettingsError
from gateway.deliveries.asyncapi import asyncapi_of
from gateway.deliveries.deliveries_file import DeliveriesFile
from gateway.deliveries.delivering import TAKEN, send
from gateway.deliveries.news import message
from gateway.deliveries.posting import NotPosted
from gateway.engine.limits import REGISTRY
from gateway.errors import GatewayError
from gateway.model.registry import Registry
from gateway.schema.vocabulary import vocabulary
from gateway.telling.opening import opened

FAILURE, USAGE = 1, 2
MOST = 1_000


@click.group()
def deliveries() -> None:
    """List, replay and try what is sent to the webhooks of partners."""


@deliveries.command("list")
@click.option("--hook", help="Only those of this webhook.")
@click.option("--state", type=click.Choice(["waiting", "done", "aside"]), help="Only these.")
@click.option("--most", default=50, type=click.IntRange(1, MOST), help="The number of lines.")
def list_(hook: str | None, state: Any, most: int) -> None:
    """One line a delivery, the newest first: state, webhook, id, tries, reason."""
    for each in _file(_settings()).listed(hook, state, most):
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(each.since))
        click.echo(
            f"{when} {each.state:7} {each.hook} {each.id} {each.tries} {each.reason}".rstrip()
        )


@deliveries.command()
@click.argument("hook")
@click.argument("ids", nargs=-1)
def replay(hook: str, ids: tuple[str, ...]) -> None:
    """Send deliveries of HOOK again: those with these IDS, or all that were set aside."""
    try:
        number = _file(_settings()).replay(hook, ids, time.time())
    except GatewayError as error:
        _fail(error.message, FAILURE)
    click.echo(f"{number} deliveries wait again")


@deliveries.command()
@click.argument("hook")
def test(hook: str) -> None:
    """Send a message of the type `test` to HOOK now, and tell the answer."""
    settings = _settings()
    found = _hooks(settings).get(hook)
    if found is None:
        _fail(f"no webhook is called {hook}")
    try:
        body = message("test", {"webhook": hook})
        status = asyncio.run(send(found, f"test_{uuid4().hex}", body))
    except NotPosted as problem:
        _fail(f"{hook}: {problem}", FAILURE)
    click.echo(f"{hook}: status {status}")
    if status not in TAKEN:
        sys.exit(FAILURE)


@deliveries.command()
def asyncapi() -> None:
    """Print an AsyncAPI document of all that is sent: subscriptions, and webhooks as declared."""
    settings = _settings()
    found = _hooks(settings) if settings.policy else {}
    click.echo(msgspec.json.format(msgspec.json.encode(asyncapi_of(found.values())), indent=2))


def _hooks(settings: Settings) -> dict[str, Webhook]:
    words = vocabulary(Registry(settings.extensions))
    try:
        return dict(PolicyFile(settings.policy, words).current().webhooks)
    except SettingsError as error:
        _fail("\n".join(error.mistakes))


def _file(settings: Settings) -> DeliveriesFile:
    if settings.changes_file is None:
        _fail("GATEWAY_CHANGES_FILE is not set: there are no deliveries")
    try:
        return opened(DeliveriesFile, settings)
    except SettingsError as error:
        _fail("\n".join(error.mistakes))


def _settings() -> Settings:
    try:
        return environment.load(REGISTRY)
    except SettingsError as error:
        _fail("\n".join(error.mistakes))


def _fail(said: str, code: int = USAGE) -> NoReturn:
    click.echo(said, err=True)
    sys.exit(code)
