"""
The environment, and the file of `GATEWAY_CONFIG` -> the `Settings` of the gateway; all mistakes are
reported together. Nothing else in the gateway reads the environment.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from gateway.config import parsers, telemetry
from gateway.config.contradictions import contradicting_numbers, same_addresses
from gateway.config.settings import LIMIT, PREFIX, VARIABLES, Settings, SettingsError
from variables.environment_values import FILE, texts, twice, unknown, values
from variables.toml_files import configured
from variables.web_addresses import GUID

WRITTEN: Final = ("AUDIT_FILE", "CHANGES_FILE", "LEARNED_NAMES")
"""Variables of files that the gateway writes."""
READ: Final = ("CONFIG", "POLICY", "NAMES", "ISSUERS", "TRUSTED_DOCUMENTS")
"""Variables of files that it reads, besides those of secrets."""
NO_FILES: Final = frozenset({"-", "auto", "off"})
"""Words in the place of a file."""


def load(limits: Collection[str] = (), environ: Mapping[str, str] = os.environ) -> Settings:
    """
    Read every variable once. `limits` are the lower-case names of the engine's limits.

    SettingsError names all mistakes together: missing, unusable, contradicting and unknown ones.
    """
    both, wrong = configured(environ, VARIABLES, PREFIX, limits)
    if wrong and both == environ:  # the file says nothing: all else would seem to be missing
        raise SettingsError(wrong)
    environ = both
    raw, mistakes = _texts(limits, environ)
    mistakes = [*wrong, *mistakes]
    found = _limits(raw, limits, mistakes)
    parsed = values(VARIABLES, raw, mistakes)
    mistakes += [f"{name}: {problem}" for name, problem in _contradictions(environ, parsed)]
    found_ones = (*contradicting_numbers(parsed), *same_addresses(parsed))
    mistakes += [f"{name}: {problem}" for name, problem in found_ones]
    mistakes += unknown(VARIABLES, environ, PREFIX, *map(_limit, limits))
    mistakes += telemetry.mistakes(environ) if parsed.get("traces") else ()
    mistakes += twice(_files(environ, parsed), [PREFIX + each for each in WRITTEN])
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(**parsed, limits=found)


def read(
    limits: Collection[str] = (), environ: Mapping[str, str] = os.environ
) -> tuple[dict[str, str], list[str]]:
    """The text of each variable that is set, secrets in files included, and the mistakes."""
    environ, wrong = configured(environ, VARIABLES, PREFIX, limits)
    raw, mistakes = _texts(limits, environ)
    return raw, [*wrong, *mistakes]


def _texts(limits: Collection[str], environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    overridden = {name: environ[name] for name in map(_limit, limits) if environ.get(name)}
    raw, mistakes = texts(VARIABLES, environ)
    return overridden | raw, mistakes


def _limit(name: str) -> str:
    return LIMIT + name.upper()


def _limits(raw: Mapping[str, str], limits: Collection[str], mistakes: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for limit in limits:
        name = _limit(limit)
        try:
            found |= {limit: parsers.count(raw[name])} if name in raw else {}
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    return found


def _contradictions(environ: Mapping[str, str], parsed: Mapping[str, Any]) -> list[tuple[str, str]]:
    def given(name: str) -> bool:
        return bool(environ.get(PREFIX + name) or environ.get(PREFIX + name + FILE))

    found = [*_of_sign_in(given, parsed)]
    if parsed.get("graphiql") and not given("GRAPHIQL_CLIENT_ID"):
        found.append((PREFIX + "GRAPHIQL_CLIENT_ID", "required by GATEWAY_GRAPHIQL"))
    if parsed.get("trusted_only") and not given("TRUSTED_DOCUMENTS"):
        found.append((PREFIX + "TRUSTED_DOCUMENTS", f"required by {PREFIX}TRUSTED_ONLY"))
    if given("AUDIT_SECRET") and not given("AUDIT_FILE"):
        found.append((PREFIX + "AUDIT_SECRET", f"of no use without {PREFIX}AUDIT_FILE"))
    if not parsed.get("live", True) and given("HINTS_SECRET"):
        found.append((PREFIX + "HINTS_SECRET", f"of no use without {PREFIX}LIVE"))
    if parsed.get("graphiql_client_id") in parsed.get("audience", ()):
        # The client id is the audience of ID tokens, which must never pass for access tokens.
        found.append((PREFIX + "AUDIENCE", f"must not hold {PREFIX}GRAPHIQL_CLIENT_ID"))
    return found


def _files(environ: Mapping[str, str], parsed: Mapping[str, Any]) -> dict[str, str]:
    """The files that are named, by their variables."""
    found = {PREFIX + each: parsed.get(each.lower()) for each in (*READ, *WRITTEN)}
    found |= {
        f"{entry.name}{FILE}": environ.get(entry.name + FILE) for entry in VARIABLES if entry.secret
    }
    return {name: path for name, path in found.items() if path and path not in NO_FILES}


def _of_sign_in(
    given: Callable[[str], bool], parsed: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The contradictions in how the gateway signs in to Dynamics."""
    if given("TENANT") == given("TOKEN_URL"):
        yield PREFIX + "TENANT", f"give either this or {PREFIX}TOKEN_URL"
    if given("CLIENT_SECRET") == given("CLIENT_CERTIFICATE"):
        yield PREFIX + "CLIENT_SECRET", f"give either this or {PREFIX}CLIENT_CERTIFICATE"
    if given("TENANT") and GUID.fullmatch(parsed.get("client_secret") or ""):
        yield PREFIX + "CLIENT_SECRET", "is the id of a secret; take its value"
    pool = parsed.get("pool", ())
    if parsed.get("client_id") in {each.client_id for each in pool}:
        yield PREFIX + "POOL", f"must not name {PREFIX}CLIENT_ID again"
    if not given("CLIENT_CERTIFICATE") and any(each.secret is None for each in pool):
        lacks = f"an application without a secret needs {PREFIX}CLIENT_CERTIFICATE"
        yield PREFIX + "POOL", lacks
