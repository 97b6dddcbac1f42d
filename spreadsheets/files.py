"""The bytes of a file -> the list in it, or the question in which letters it is written."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from spreadsheets.letters import REGIONS, makes_sense, readings, wrong_kind
from spreadsheets.lines import Heading, Sheet, read
from spreadsheets.problems import LETTERS, Problem

NOTHING: Final = Heading({})


@dataclass(frozen=True, slots=True)
class FileReading:
    """One of several ways in which the letters of a file can be read."""

    region: str
    """The region whose letters they are; `read_file` takes it back."""
    name: str
    """The region, for the catalogues."""
    sample: str
    """The first row in which they differ, as it reads in this one."""


@dataclass(frozen=True, slots=True)
class File:
    """A list and, if its encoding is ambiguous, the readings to choose from."""

    sheet: Sheet
    readings: Sequence[FileReading] = ()


def read_file(
    content: bytes, region: str = "", decimal_mark: str = "", further: Collection[str] = ()
) -> File:
    """
    The list in a file in whichever letters, or in those of a region that somebody chose; `further`
    columns may be named besides those that every list can have.
    """
    if message := wrong_kind(content):
        return File(Sheet("", NOTHING, {}, [], [Problem(message)]))
    texts = readings(content)
    if region in texts:
        return File(read(texts[region], decimal_mark, further))
    found = {each: read(text, decimal_mark, further) for each, text in texts.items()}
    different = _different(_likely(found)) if len(found) > 1 else found
    first, *others = different.values()
    return _question(different) if others else File(first)


def _likely(found: Mapping[str, Sheet]) -> Mapping[str, Sheet]:
    """The sheets that make sense; all of them where none does."""
    fewest = min(len(sheet.problems) for sheet in found.values())
    best = {region: sheet for region, sheet in found.items() if len(sheet.problems) == fewest}
    sensible = {
        region: sheet for region, sheet in best.items() if makes_sense(_cells(sheet), region)
    }
    return sensible or best


def _different(found: Mapping[str, Sheet]) -> dict[str, Sheet]:
    """Of sheets that say the same the first one."""
    kept: dict[str, Sheet] = {}
    for region, sheet in found.items():
        if all(sheet.rows != other.rows for other in kept.values()):
            kept[region] = sheet
    return kept


def _cells(sheet: Sheet) -> Iterator[str]:
    return (cell for row in sheet.rows.values() for cell in row.values())


def _question(found: Mapping[str, Sheet]) -> File:
    first, second, *_ = found.values()
    row = next(row for row in first.rows if first.rows[row] != second.rows.get(row))
    choices = [
        FileReading(region, REGIONS[region], " · ".join(filter(None, sheet.rows[row].values())))
        for region, sheet in found.items()
        if row in sheet.rows
    ]
    return File(Sheet("", first.heading, {}, [], [Problem(LETTERS, row)]), choices)
