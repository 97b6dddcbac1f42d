"""The words of templates and pages -> a catalogue to translate, and what one still lacks."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from spreadsheets import problems

FOLDERS: Final = (Path(__file__).parent, Path(problems.__file__).parent)
"""The portal, and the reader of lists with its sentences."""
METHODS: Final[Any] = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS: Final[Any] = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
KEYWORDS: Final[Any] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "translate": None,
    "ngettext": (1, 2),
}


def words() -> Catalog:
    """Every message of ours that is to be translated."""
    found = Catalog(project="portal", fuzzy=False)
    for folder in FOLDERS:
        for name, _, message, _, _ in extract_from_dir(folder, METHODS, OPTIONS, KEYWORDS):
            found.add(message, None, [(name, 0)])
    return found


def template() -> str:
    """All of them as a .po file without translations."""
    out = io.BytesIO()
    write_po(out, words(), width=110, omit_header=False, no_location=True, sort_output=True)
    return out.getvalue().decode()


def missing(path: Path) -> Iterator[str]:
    """The messages that a catalogue does not translate, or no longer surely."""
    there = read_po(io.BytesIO(path.read_bytes()))
    for message in words():
        if message.id:
            held = there.get(message.id if isinstance(message.id, str) else message.id[0])
            if held is None or held.fuzzy or not _complete(held.string):
                yield str(message.id)


def _complete(string: object) -> bool:
    return all(string) if isinstance(string, tuple | list) else bool(string)
