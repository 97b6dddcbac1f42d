"""The environment -> values of declared variables, and a line for each mistake."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from variables.declaring import Variable
from variables.spelling import suggestion

FILE = "_FILE"
"""Behind the name of a secret: the variable that has the path of the file with it."""
QUOTES = "\"'"
"""Shells take them away; files of variables, as containers read them, keep them."""
PLACEHOLDER: Final = re.compile(r"<[^<>@]*>|\$\{[^{}]*\}|\$\([^()]*\)|\{\{[^{}]*\}\}")
"""A word of a manual or of a template in the place of a value; <a@b> is an address of e-mail."""
LARGEST: Final = 16_000_000
"""Bytes of a file of settings, at most."""


def texts(
    variables: Collection[Variable], environ: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """The text of each variable that is set, secrets in files included, and the mistakes."""
    raw: dict[str, str] = {}
    mistakes: list[str] = []
    for entry in variables:
        try:
            text = _text(entry, environ)
        except ValueError as error:
            mistakes.append(f"{entry.name}{FILE}: {error}")
        else:
            raw |= {entry.name: text} if text else {}
    return raw, mistakes


def values(
    variables: Collection[Variable], raw: Mapping[str, str], mistakes: list[str]
) -> dict[str, Any]:
    """The value of each field; what cannot be used is added to `mistakes`."""
    found: dict[str, Any] = {}
    for entry in variables:
        try:
            found[entry.field] = _value(entry, raw.get(entry.name))
        except ValueError as error:
            # A file that cannot be used was named: its variable is not missing.
            if not any(each.startswith(f"{entry.name}{FILE}:") for each in mistakes):
                mistakes.append(f"{entry.name}: {error}")
    return found


def unknown(
    known: Collection[Variable], environ: Mapping[str, str], prefix: str, *more: str
) -> list[str]:
    """
    A line for each variable that has the prefix, in letters of either case, and is none of those
    `known`, nor of `more`.
    """
    names = [entry.name for entry in known]
    names += [entry.name + FILE for entry in known if entry.secret]
    names += more
    strangers = sorted(
        name for name in environ if name.upper().startswith(prefix) and name not in names
    )
    return [f"{name}: unknown{suggestion(name.upper(), names)}" for name in strangers]


def _text(entry: Variable, environ: Mapping[str, str]) -> str | None:
    direct = environ.get(entry.name, "").strip()
    path = environ.get(entry.name + FILE, "").strip() if entry.secret else None
    if not path:
        return direct
    if direct:
        raise ValueError(f"give this or {entry.name}, not both")
    found = text_of(path).strip()
    if not found:
        raise ValueError("the file is empty")
    return found


def twice(files: Mapping[str, str | Path | None], written: Collection[str]) -> list[str]:
    """
    A line for each variable of a file that is written to, where another variable has that file.
    """
    found: dict[Path, str] = {}
    mistakes = []
    for name, path in sorted(files.items(), key=lambda each: each[0] in written):
        if path:
            # A link that leads to itself is named where the file is read.
            first = found.setdefault(Path(os.path.realpath(path)), name)
            if first != name and name in written:
                mistakes.append(f"{name}: is the file of {first}; name one of its own")
    return mistakes


def text_of(path: str | Path) -> str:
    """The text of a file, with the mark before it that editors on Windows leave or without."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise ValueError(f"the file has more than {LARGEST // 1_000_000} MB; name the right one")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ValueError("the file is not in UTF-8; save it as UTF-8") from None


def said_in(path: str | Path) -> str:
    """
    The text of a file that says something. An empty one was cut off while it was written: without
    what it said, more would be allowed than was meant.
    """
    text = text_of(path)
    if not text.strip():
        raise ValueError("the file is empty; leave the variable out where there is nothing to say")
    return text


def _value(entry: Variable, text: str | None) -> Any:
    if text is not None:
        _refuse_typed_around(text, secret=entry.secret)
        return entry.parse(text)
    if entry.required:
        raise ValueError(f"required: {entry.doc}")
    return entry.default


def _refuse_typed_around(text: str, *, secret: bool) -> None:
    """ValueError for signs of files and manuals that are no part of a value."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in QUOTES:
        raise ValueError("has quotes around it; leave them out")
    if PLACEHOLDER.fullmatch(text) or (not secret and PLACEHOLDER.search(text)):
        raise ValueError("holds a placeholder; put the value in its place")
    if secret:
        return
    for quote in QUOTES:
        if text.count(quote) == 1 and (text.startswith(quote) or text.endswith(quote)):
            raise ValueError("has a quote at one end; leave it out")
