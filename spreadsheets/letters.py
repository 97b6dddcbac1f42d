"""
The bytes of a file -> the texts that they can be.

Unicode tells itself apart. Where a program has saved the letters of its region, no byte says which
region that is; the words tell, as most of them make no sense in the letters of another one.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from spreadsheets.problems import DOCUMENT, N_, NO_TEXT, PICTURE, WORKBOOK

REGIONS: Final[Mapping[str, str]] = {
    "cp1252": N_("Western European"),
    "cp1250": N_("Central European"),
    "cp1254": N_("Turkish"),
    "cp1257": N_("Baltic"),
    "cp1251": N_("Cyrillic"),
    "cp1253": N_("Greek"),
    "mac_roman": N_("Macintosh"),
    "cp850": N_("MS-DOS"),
}
"""The encodings in which spreadsheets save CSV without Unicode, the usual ones first."""
BEGINNINGS: Final = (
    (re.compile(rb"PK\x03\x04|\xd0\xcf\x11\xe0"), WORKBOOK),
    (re.compile(rb"\s*(%PDF-|\{\\rtf|<[!?a-zA-Z])"), DOCUMENT),
    (
        re.compile(
            rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|II\*\x00|MM\x00\*|BM.{4}\x00\x00\x00\x00"
            rb"|RIFF.{4}WEBP",
            re.DOTALL,
        ),
        PICTURE,
    ),
)
"""The beginnings of files that are no lists, and the message for each."""
CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
TEXT: Final = 100
"""A text has more than this many bytes for each control character."""
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

WORD: Final = re.compile(r"[^\W\d_]+")
AROUND: Final = "“”\u2018\u2019„\u201a«»¿¡\u2013—…•§©®™°\u00ad"
"""Signs that may stand in front of a letter."""
GLUED: Final = re.compile(rf"[^\x00-\x7f\w\s{AROUND}](?=[^\W\d_])")
"""Signs that may not."""
RAISED: Final = "¹²³¼½¾"
SCRIPTS: Final = {"LATIN", "CYRILLIC", "GREEK"}


def wrong_kind(content: bytes) -> str | None:
    """The message for a file that is no text; None for a text."""
    for beginning, message in BEGINNINGS:
        if beginning.match(content):
            return message
    is_text = _wide(content) or TEXT * len(CONTROLS.findall(content)) < max(len(content), TEXT + 1)
    return None if is_text else NO_TEXT


def readings(content: bytes) -> dict[str, str]:
    """The text of a file by the encodings in which it can be one; Unicode is the only one then."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            # What was cut off or damaged becomes U+FFFD, which no list may have.
            return {encoding: content[len(mark) :].decode(encoding, "replace")}
    encoding = _wide(content) or "utf-8"
    if (text := _decoded(content, encoding)) is not None:
        return {encoding: text}
    found = {region: _decoded(content, region) for region in REGIONS}
    return {region: text for region, text in found.items() if text is not None}


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _wide(content: bytes) -> str | None:
    """The UTF-16 encoding of a file: signs and digits have a zero for one of their two bytes."""
    for mark, encoding in MARKS[1:]:
        if content.startswith(mark):
            return encoding
    high, low = content[::2], content[1::2]
    for zeros, others, encoding in ((low, high, "utf-16-le"), (high, low, "utf-16-be")):
        if zeros and zeros.count(0) * 2 > len(zeros) and not others.count(0):
            return encoding
    return None


def makes_sense(cells: Iterable[str], region: str) -> bool:
    """True if the words in the cells could be words in the letters of a region."""
    said = (cell for cell in cells if not cell.isascii())
    return not any(GLUED.search(cell) or _strange(cell, region) for cell in said)


def _strange(cell: str, region: str) -> bool:
    return any(_is_strange(word, region) for word in WORD.findall(cell) if not word.isascii())


def _is_strange(word: str, region: str) -> bool:
    """
    Two scripts in one word, three accents and nothing else, a capital behind a small letter, the
    sigma of an end elsewhere, or a lone letter from where the encodings of Windows have signs.
    """
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in word} & SCRIPTS
    plain = any(letter.isascii() for letter in word)
    return (
        len(scripts) > 1
        or not word.rstrip(RAISED).isalpha()
        or (scripts == {"LATIN"} and len(word) > 2 and not plain)
        or any(a.islower() and b.isupper() and not b.isascii() for a, b in pairwise(word))
        or "ς" in word[:-1]
        or (len(word) == 1 and word.encode(region)[0] < 0xC0)
    )
