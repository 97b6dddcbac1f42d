"""
A TOML file -> the texts of variables, as if they were set in the environment; and its JSON schema.

A key is the name of its variable in small letters without the prefix. Secrets stay in files of
their own, which `<name>_file` names.
"""

import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from variables import parsing
from variables.declaring import Variable
from variables.environment_values import FILE, text_of
from variables.spelling import suggestion

CONFIG = "CONFIG"
"""Behind the prefix: the variable with the path of the file."""
LIMITS = "limits"
"""The section whose keys are numbers by name."""
TYPOGRAPHIC = frozenset("\u201c\u201d\u201e\u2018\u2019\u00a0")
"""Quotes and spaces that programs for letters put in the place of plain ones."""
STRAIGHT = "; type its quotes and spaces anew, in an editor for plain text"
REMEDIES = {
    "Unescaped '\\'": "; write / in paths, or put them in single quotes",
    "Expected '='": '; a line is key = "text"',
    "Invalid statement": '; a line is key = "text"',
}
"""Remedies for mistakes of TOML, by a part of the sentence in which Python tells of them."""
DRAFT = "https://json-schema.org/draft/2020-12/schema"
SECONDS = {"type": "number", "exclusiveMinimum": 0}
WORDS = {"type": ["array", "string"], "items": {"type": "string"}}


def toml(text: str) -> dict[str, Any]:
    """The document of a text; TOMLDecodeError, with the remedy where one is known."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        known = (remedy for sign, remedy in REMEDIES.items() if sign in said)
        remedy = STRAIGHT if TYPOGRAPHIC & set(text) else next(known, "")
        raise tomllib.TOMLDecodeError(said + remedy) from None


def file_texts(
    path: str, variables: Collection[Variable], prefix: str, limits: Collection[str] = ()
) -> tuple[dict[str, str], list[str]]:
    """The text of each variable that a file sets, by the variable's name, and the mistakes."""
    try:
        document = toml(text_of(path))
    except tomllib.TOMLDecodeError as error:
        return {}, [f"{path}: {error}"]
    except ValueError as error:
        return {}, [f"{prefix}{CONFIG}: {path}: {error}"]
    section = document.pop(LIMITS, {}) if limits else {}
    reading = _FileReading(path)
    reading.take(document, _keys(variables, prefix), prefix)
    if isinstance(section, dict):
        reading.take(section, dict.fromkeys(limits, LIMITS), f"{prefix}LIMIT_")
    else:
        reading.mistakes.append(f"{path}: '{LIMITS}' must be a section, [{LIMITS}]")
    return reading.texts, reading.mistakes


def configured(
    environ: Mapping[str, str],
    variables: Collection[Variable],
    prefix: str,
    limits: Collection[str] = (),
) -> tuple[Mapping[str, str], list[str]]:
    """The environment with what the file of `<prefix>CONFIG` adds, and the file's mistakes."""
    path = environ.get(prefix + CONFIG)
    if not path:
        return environ, []
    found, mistakes = file_texts(path, variables, prefix, limits)
    set_otherwise = {
        name
        for entry in variables
        if entry.secret and (environ.get(entry.name) or environ.get(entry.name + FILE))
        for name in (entry.name, entry.name + FILE)
    }
    kept = {name: text for name, text in found.items() if name not in set_otherwise}
    return {**kept, **environ}, mistakes


def json_schema(
    variables: Collection[Variable], prefix: str, limits: Mapping[str, tuple[Any, str]], title: str
) -> dict[str, Any]:
    """The JSON schema of the file, by which editors and pipelines check it."""
    properties: dict[str, Any] = {}
    for entry in variables:
        key = entry.name.removeprefix(prefix).lower()
        if entry.secret:
            doc = f"The path of a file that holds it: {entry.doc}"
            properties[key + FILE.lower()] = {"type": "string", "description": doc}
        else:
            default = {} if entry.default_text == "" else {"default": _plain(entry.default)}
            properties[key] = {**_type(entry), "description": entry.doc, **default}
    counts = {
        name: {"type": "integer", "minimum": 1, "default": default, "description": doc}
        for name, (default, doc) in limits.items()
    }
    if counts:
        properties[LIMITS] = {"type": "object", "additionalProperties": False, "properties": counts}
    return {
        "$schema": DRAFT,
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


class _FileReading:
    """One reading of one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.texts: dict[str, str] = {}
        self.mistakes: list[str] = []

    def take(self, section: Mapping[str, Any], known: Mapping[str, str], prefix: str) -> None:
        """Read a section, whose variables have a prefix."""
        for key, value in section.items():
            text = _text(value)
            if key not in known:
                near = suggestion(key.lower().removeprefix(prefix.lower()), known)
                top = f"; keys stand above all sections but [{LIMITS}]"
                self._wrong(f"'{key}' is unknown{top if isinstance(value, dict) else near}")
            elif known[key] == "secret":
                self._wrong(f"'{key}' is a secret; name its file in '{key}{FILE.lower()}'")
            elif text is None:
                self._wrong(f"'{key}' must be a text, a number, true, false or a list of texts")
            else:
                self.texts[prefix + key.upper()] = text

    def _wrong(self, problem: str) -> None:
        self.mistakes.append(f"{self._path}: {problem}")


def _keys(variables: Collection[Variable], prefix: str) -> dict[str, str]:
    """Each key that a file can have, and what it is."""
    found = {}
    for entry in variables:
        key = entry.name.removeprefix(prefix).lower()
        found[key] = "secret" if entry.secret else "value"
        if entry.secret:
            found[key + FILE.lower()] = "path"
    return found


def _text(value: object) -> str | None:
    """The value as one would write it in a variable; None for what no variable takes."""
    match value:
        case bool():
            return "on" if value else "off"
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case str():
            return value
        case list() if all(isinstance(each, str) for each in value):
            return ",".join(value)
        case _:
            return None


def _type(entry: Variable) -> dict[str, Any]:
    """The type of a value, by the function that reads it."""
    if entry.parse is parsing.switch:
        return {"type": "boolean"}
    if type(entry.default) is int or entry.parse in (parsing.count, parsing.port):
        return {"type": "integer", "minimum": 1}
    if entry.parse is parsing.seconds:
        return SECONDS
    if isinstance(entry.default, tuple) or entry.parse is parsing.words:
        return WORDS
    return {"type": "string"}


def _plain(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default
