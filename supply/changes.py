"""
The changes of schema and settings between two revisions, as the upgrade notes list them.

`python -m supply.changes v0.1.0` compares that tag with the files that are here; a second name
compares with that revision instead.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click
from graphql import build_schema, find_breaking_changes, find_dangerous_changes

ROOT: Final = Path(__file__).parents[1]
SCHEMA: Final = "schema.graphql"
SETTINGS: Final = "docs/settings.md", "docs/portal.md"
ROW: Final = re.compile(r"^\| `((?:GATEWAY|PORTAL)_\w+)` \| (.*?) \| (.*) \|$", re.MULTILINE)


def schema_changes(old: str, new: str) -> Iterator[str]:
    """Lines for what breaks clients, what may, and what is new."""
    before, after = build_schema(old), build_schema(new)
    for breaking in find_breaking_changes(before, after):
        yield f"breaking: {breaking.description}"
    for dangerous in find_dangerous_changes(before, after):
        yield f"may break: {dangerous.description}"
    for added in find_breaking_changes(after, before):
        if added.type.name.endswith("REMOVED"):
            yield f"new: {added.description.replace('was removed', 'was added')}"


def settings_changes(old: str, new: str) -> Iterator[str]:
    """Lines for settings that came, went, or have another default."""
    before, after = _settings(old), _settings(new)
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"gone: {name}"
        elif name not in before:
            yield f"new: {name}, {_default(after[name])}"
        elif before[name] != after[name]:
            yield f"changed: {name}, {_default(after[name])}, before {_default(before[name])}"


def _settings(text: str) -> Mapping[str, str]:
    return {name: default for name, default, _ in ROW.findall(text)}


def _default(value: str) -> str:
    return f"default {value}" if value.strip("` ") else "no default"


def _text(revision: str | None, name: str) -> str:
    if revision is None:
        return (ROOT / name).read_text()
    command = ["git", "show", f"{revision}:{name}"]
    return subprocess.run(  # noqa: S603 - git, of this repository
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


@click.command(help=__doc__)
@click.argument("old")
@click.argument("new", required=False)
def main(old: str, new: str | None) -> None:
    found = {
        "Schema": list(schema_changes(_text(old, SCHEMA), _text(new, SCHEMA))),
        "Settings": [
            line
            for name in SETTINGS
            for line in settings_changes(_text(old, name), _text(new, name))
        ],
    }
    for title, lines in found.items():
        click.echo(f"### {title}\n")
        click.echo("".join(f"- {line}\n" for line in lines) or "Nothing.\n")


if __name__ == "__main__":
    main()
