"""`gateway doctor`: the day of the first contact with an environment, and every morning after."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.commands.operator import examine
from gateway.config import environment
from gateway.config.settings import Settings, SettingsError
from gateway.doctor.dual_write import CONFIGURATIONS, changed
from gateway.doctor.examining import Report
from gateway.doctor.findings import Status, worst_first
from gateway.engine.limits import REGISTRY
from gateway.errors import GatewayError
from gateway.metadata import overrides

COULD_NOT_LOOK, USAGE, SOMETHING_WRONG = 1, 2, 3
EARLIER = click.Path(exists=True, dir_okay=False, path_type=Path)
PATH = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--write", is_flag=True, help="Try an order of which nothing remains.")
@click.option("--write-names", type=PATH, help="Write a names file for what differs here.")
@click.option("--dump", type=PATH, help="Write what was learned, for `emulator --environment`.")
@click.option("--since", type=EARLIER, help="Name the dual-write maps that changed since a dump.")
@click.option("--all", "show_all", is_flag=True, help="Show what is in order too.")
def doctor(
    *,
    as_json: bool,
    write: bool,
    write_names: Path | None,
    dump: Path | None,
    since: Path | None,
    show_all: bool,
) -> None:
    """Look whether this environment is what the gateway relies on; nothing is changed.

    Each finding says what differs, what breaks for it, and what to do. Exit codes: 0 nothing is
    wrong, 3 something is, 1 it could not look, 2 the settings are wrong.
    """
    before = _maps_of(since) if since else None
    report = _report(write=write)
    if before is not None and CONFIGURATIONS in report.dumped:
        report.findings += changed(before, report.dumped[CONFIGURATIONS])
    files = (
        (write_names, lambda: overrides.dump(report.overrides).encode()),
        (dump, lambda: msgspec.json.format(msgspec.json.encode(report.dump))),
    )
    written = [_write(path, text, report) for path, text in files if path is not None]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({"findings": report.findings})).decode())
    else:
        _print(report, show_all=show_all)
    if not report.could_look or not all(written):
        sys.exit(COULD_NOT_LOOK)
    sys.exit(SOMETHING_WRONG if report.is_wrong else 0)


def _maps_of(file: Path) -> list[Mapping[str, Any]]:
    """The running maps in a dump."""
    try:
        found: list[Mapping[str, Any]] = msgspec.json.decode(file.read_bytes())["dataverse"].get(
            CONFIGURATIONS, []
        )
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        raise click.UsageError(f"{file} is no dump of the doctor.") from None
    return found


def _report(*, write: bool) -> Report:
    try:
        return asyncio.run(examine(_settings(), write=write, say=_say))
    except (GatewayError, OSError) as error:
        click.echo(f"It could not look: {error}", err=True)
        sys.exit(COULD_NOT_LOOK)
    except (SettingsError, ImportError, TypeError) as error:
        click.echo(str(error), err=True)
        sys.exit(USAGE)


def _write(path: Path, text: Callable[[], bytes], report: Report) -> bool:
    """Write a file; if a service is out of reach, leave it unchanged and return False."""
    if report.out_of_reach:
        why = f"could not look at {' and '.join(report.out_of_reach)}"
    else:
        try:
            path.write_bytes(text())
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return True
    click.echo(f"{path} is not written: {why}", err=True)
    return False


def _settings() -> Settings:
    return environment.load(REGISTRY)


def _say(step: str) -> None:
    click.echo(f"... {step}", err=True)


def _print(report: Report, *, show_all: bool) -> None:
    for finding in worst_first(report.findings):
        if show_all or finding.status is not Status.OK:
            click.echo(finding.text)
    counts = ", ".join(
        f"{sum(each.status is status for each in report.findings)} {status}" for status in Status
    )
    click.echo(f"{counts}.")
