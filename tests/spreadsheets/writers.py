"""Rows -> the bytes that spreadsheet programs save, written by the rules that each of them has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

Cell = str | Decimal | None
Rows = Sequence[Sequence[Cell]]
Write = Callable[..., bytes]


@dataclass(frozen=True)
class Convention:
    """The numbers of a region as they are written, and what its Excel puts between cells."""

    name: str
    separator: str
    decimal: str
    group: str

    def shown(self, cell: Cell) -> str:
        """A cell as its column shows it: General, without groups."""
        return f"{cell:f}".replace(".", self.decimal) if isinstance(cell, Decimal) else cell or ""

    def grouped(self, cell: Cell) -> str:
        """The same where the column is formatted with a mark for thousands."""
        if not isinstance(cell, Decimal):
            return cell or ""
        return f"{cell:,}".translate({ord(","): self.group, ord("."): self.decimal})


AMERICAN = Convention("american", ",", ".", ",")
DUTCH = Convention("dutch", ";", ",", ".")
FRENCH = Convention("french", ";", ",", "\u202f")
SWISS = Convention("swiss", ";", ".", "\u2019")


def _square(rows: Rows, show: Callable[[Cell], str]) -> list[list[str]]:
    """Fill the rows up to the used range, which is what is saved: all have as many cells."""
    width = max(len(row) for row in rows)
    return [[show(cell) for cell in [*row, *[None] * (width - len(row))]] for row in rows]


def _quoted(text: str, signs: str) -> str:
    needs = any(sign in text for sign in f'"\r\n{signs}')
    return '"' + text.replace('"', '""') + '"' if needs else text


def excel(
    rows: Rows, convention: Convention, encoding: str = "cp1252", *, show: str = "shown"
) -> bytes:
    """CSV (comma delimited): the separator of the region, the letters of the region."""
    cells = _square(rows, getattr(convention, show))
    lines = (
        convention.separator.join(_quoted(cell, convention.separator) for cell in row)
        for row in cells
    )
    return "".join(f"{line}\r\n" for line in lines).encode(encoding)


def excel_utf8(rows: Rows, convention: Convention, *, show: str = "shown") -> bytes:
    """CSV UTF-8 (comma delimited)."""
    return excel(rows, convention, "utf-8-sig", show=show)


def excel_unicode(rows: Rows, convention: Convention, *, show: str = "shown") -> bytes:
    """Unicode text: UTF-16 with a mark, tabs; cells with a comma are quoted too."""
    cells = _square(rows, getattr(convention, show))
    lines = ("\t".join(_quoted(cell, "\t,") for cell in row) for row in cells)
    return "".join(f"{line}\r\n" for line in lines).encode("utf-16")


def excel_macintosh(rows: Rows, convention: Convention) -> bytes:
    """CSV (Macintosh): lines end in a carriage return."""
    return excel(rows, convention, "mac_roman").replace(b"\r\n", b"\r")


def libreoffice(
    rows: Rows, convention: Convention, encoding: str = "utf-8", *, show: str = "shown"
) -> bytes:
    """Text CSV as it is offered: UTF-8, a comma in every region, cells as they are shown."""
    cells = _square(rows, getattr(convention, show))
    lines = (",".join(_quoted(cell, ",") for cell in row) for row in cells)
    return "".join(f"{line}\n" for line in lines).encode(encoding)


def libreoffice_quoting(rows: Rows, convention: Convention, *, show: str = "shown") -> bytes:
    """The same with semicolons and "quote all text cells"."""
    width = max(len(row) for row in rows)
    lines = []
    for row in rows:
        padded = [*row, *[None] * (width - len(row))]
        texts = [getattr(convention, show)(cell) for cell in padded]
        lines.append(
            ";".join(
                '"' + text.replace('"', '""') + '"' if isinstance(cell, str) else text
                for cell, text in zip(padded, texts, strict=True)
            )
        )
    return "".join(f"{line}\n" for line in lines).encode()


def sheets(rows: Rows, convention: Convention, *, show: str = "shown") -> bytes:
    """Google Sheets: UTF-8 without a mark, commas, no end of line behind the last row."""
    cells = _square(rows, getattr(convention, show))
    return "\r\n".join(",".join(_quoted(cell, ",") for cell in row) for row in cells).encode()


def copied(rows: Rows, convention: Convention, *, show: str = "shown") -> bytes:
    """The bytes on the clipboard: tabs, and quotes around cells with line breaks alone."""
    cells = _square(rows, getattr(convention, show))
    lines = ("\t".join(_quoted(c, "\t") if "\n" in c else c for c in row) for row in cells)
    return "".join(f"{line}\r\n" for line in lines).encode()


def declaring(rows: Rows, convention: Convention, *, show: str = "shown") -> bytes:
    """A program that tells Excel the separator in the first line."""
    saved = excel(rows, convention, "utf-8", show=show)
    return f"sep={convention.separator}\r\n".encode() + saved


UNICODE = (
    excel_utf8,
    excel_unicode,
    libreoffice,
    libreoffice_quoting,
    sheets,
    copied,
    declaring,
)
"""The writers of which no letter is in doubt."""
