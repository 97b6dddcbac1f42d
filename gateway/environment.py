"""
The environment -> the `Settings` of the gateway; all mistakes in it are reported together. Nothing
else in the gateway reads the environment.
"""

import difflib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gateway import parsers
from gateway.settings import LIMIT, PREFIX, VARIABLES, Settings, SettingsError, Variable

FILE = "_FILE"
"""Behind the name of a secret: the variable that has the path of the file with it."""


def load(limits: Collection[str] = (), environ: Mapping[str, str] = os.environ) -> Settings:
    """
    Read every variable once. `limits` are the lower-case names of the engine's limits.

    SettingsError names all mistakes together: missing, unusable, contradicting and unknown ones.
    """
    raw, mistakes = read(limits, environ)
    parsed: dict[str, Any] = {"limits": _limits(raw, limits, mistakes)}
    for entry in VARIABLES:
        try:
            parsed[entry.field] = _value(entry, raw.get(entry.name))
        except ValueError as error:
            mistakes.append(f"{entry.name}: {error}")
    mistakes += [f"{name}: {problem}" for name, problem in _contradictions(environ, parsed)]
    mistakes += _unknown(environ, limits)
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(**parsed)


def read(
    limits: Collection[str] = (), environ: Mapping[str, str] = os.environ
) -> tuple[dict[str, str], list[str]]:
    """The text of each variable that is set, secrets in files included, and the mistakes."""
    overridden = (LIMIT + name.upper() for name in limits)
    raw = {name: environ[name] for name in overridden if environ.get(name)}
    mistakes: list[str] = []
    for entry in VARIABLES:
        try:
            text = _text(entry, environ)
        except ValueError as error:
            mistakes.append(f"{entry.name}{FILE}: {error}")
        else:
            raw |= {entry.name: text} if text else {}
    return raw, mistakes


def _text(entry: Variable, environ: Mapping[str, str]) -> str | None:
    direct = environ.get(entry.name, "").strip()
    path = environ.get(entry.name + FILE) if entry.secret else None
    if not path:
        return direct
    if direct:
        raise ValueError(f"give this or {entry.name}, not both")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("the file cannot be read") from None


def _value(entry: Variable, text: str | None) -> Any:
    if text is not None:
        return entry.parse(text)
    if entry.required:
        raise ValueError(f"required: {entry.doc}")
    return entry.default


def _limits(raw: Mapping[str, str], limits: Collection[str], mistakes: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for limit in limits:
        name = LIMIT + limit.upper()
        try:
            found |= {limit: parsers.count(raw[name])} if name in raw else {}
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    return found


def _contradictions(environ: Mapping[str, str], parsed: Mapping[str, Any]) -> list[tuple[str, str]]:
    def given(name: str) -> bool:
        return bool(environ.get(PREFIX + name) or environ.get(PREFIX + name + FILE))

    found = []
    if given("TENANT") == given("TOKEN_URL"):
        found.append((PREFIX + "TENANT", f"give either this or {PREFIX}TOKEN_URL"))
    if given("CLIENT_SECRET") == given("CLIENT_CERTIFICATE"):
        found.append((PREFIX + "CLIENT_SECRET", f"give either this or {PREFIX}CLIENT_CERTIFICATE"))
    if parsed.get("graphiql") and not given("GRAPHIQL_CLIENT_ID"):
        found.append((PREFIX + "GRAPHIQL_CLIENT_ID", "required by GATEWAY_GRAPHIQL"))
    if parsed.get("trusted_only") and not given("TRUSTED_DOCUMENTS"):
        found.append((PREFIX + "TRUSTED_DOCUMENTS", f"required by {PREFIX}TRUSTED_ONLY"))
    if parsed.get("graphiql_client_id") in parsed.get("audience", ()):
        # The client id is the audience of ID tokens, which must never pass for access tokens.
        found.append((PREFIX + "AUDIENCE", f"must not hold {PREFIX}GRAPHIQL_CLIENT_ID"))
    return found


def _unknown(environ: Mapping[str, str], limits: Collection[str]) -> list[str]:
    known = [entry.name for entry in VARIABLES]
    known += [entry.name + FILE for entry in VARIABLES if entry.secret]
    known += [LIMIT + name.upper() for name in limits]
    strangers = sorted(n for n in environ if n.startswith(PREFIX) and n not in known)
    return [f"{name}: unknown{_suggestion(name, known)}" for name in strangers]


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
