"""The commands that steer a running emulator: they say over HTTP what its demo should do next."""

import ssl
from pathlib import Path
from typing import Any

import click
import httpx2

from emulator.settings import CACHE

URL = click.option(
    "--url", default="http://127.0.0.1:8001", show_default=True, help="The running emulator."
)
CACHED = click.option("--cache", default=CACHE, show_default=True, type=click.Path(path_type=Path))


@click.command()
@click.argument("order", required=False)
@click.option(
    "--to", metavar="STATUS", help="confirmed, picked, delivered, invoiced, canceled, ..."
)
@click.option("--steps", type=click.IntRange(1), help="How many stations; one by default.")
@click.option("--company", help="Where several companies have an order of this number.")
@URL
@CACHED
def advance(order: str | None, url: str, cache: Path, **wishes: Any) -> None:
    """Move ORDER, or the newest open one, through its life in the ERP."""
    asked = {name: value for name, value in wishes.items() if value is not None}
    if order:
        asked["order"] = order
    for move in _post(url, cache, "emulator/advance", asked)["moves"]:
        click.echo(f"{move['order']} ({move['company']}): {move['from']} -> {move['to']}")


@click.command()
@click.argument("invoice", required=False)
@click.option("--amount", help="How much; all that is open by default.")
@click.option("--company", help="Where several companies have an invoice of this number.")
@URL
@CACHED
def pay(invoice: str | None, url: str, cache: Path, **wishes: Any) -> None:
    """Pay INVOICE, or the one that is longest due: the payment settles it."""
    asked = {name: value for name, value in wishes.items() if value is not None}
    if invoice:
        asked["invoice"] = invoice
    paid = _post(url, cache, "emulator/pay", asked)
    currency = paid["currency"]
    told = f"{paid['amount']} {currency} paid, {paid['open']} {currency} open"
    click.echo(f"{paid['invoice']} ({paid['company']}): {told}")


@click.command()
@URL
@CACHED
def pause(url: str, cache: Path) -> None:
    """Pause dual-write: what is written from now on waits in a queue."""
    _post(url, cache, "emulator/pause", {})
    click.echo("Dual-write is paused.")


@click.command()
@URL
@CACHED
def resume(url: str, cache: Path) -> None:
    """Resume dual-write: replay what waits, and list what the other side does not take."""
    failures = _post(url, cache, "emulator/resume", {})["failures"]
    click.echo(f"Dual-write runs; {len(failures)} writes failed.")
    for each in failures:
        click.echo(f"  {each['kind']} of {each['set']} {each['key']}: {each['message']}")


@click.command()
@click.argument("name")
@URL
@CACHED
def token(name: str, url: str, cache: Path) -> None:
    """Print a bearer token for NAME: jane, partner, or the e-mail of any contact in the data."""
    click.echo(_post(url, cache, "issuer/demo/token", {"name": name})["access_token"])


def _post(url: str, cache: Path, path: str, json: dict[str, Any]) -> dict[str, Any]:
    authority = cache / "tls" / "ca.pem"
    trusted = ssl.create_default_context(cafile=authority if authority.exists() else None)
    try:
        with httpx2.Client(trust_env=False, verify=trusted, timeout=60) as client:
            answer = client.post(f"{url.rstrip('/')}/{path}", json=json)
        found: dict[str, Any] = answer.json()
    except (httpx2.TransportError, ValueError) as error:
        raise click.ClickException(f"No emulator answers at {url}.") from error
    if not answer.is_success:
        raise click.ClickException(str(found.get("error_description") or found.get("error")))
    return found
