"""
Lines of text -> a PDF of A4 pages. It uses no more of the format than a valid file needs: the
standard fonts, one stream of text a page, and a table of offsets that readers check.
"""

from collections.abc import Sequence
from typing import Final

LINES: Final = 56
"""Lines of a page."""
WIDTH, HEIGHT, MARGIN, LEADING = 595, 842, 56, 13
FONT: Final = b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>"


def pdf(lines: Sequence[str]) -> bytes:
    """A document with these lines; a letter that the font lacks becomes a question mark."""
    pages = [lines[at : at + LINES] for at in range(0, max(len(lines), 1), LINES)]
    numbers = range(4, 4 + 2 * len(pages), 2)
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        FONT,
    ]
    for number, page in zip(numbers, pages, strict=True):
        objects += [_page(number + 1), _stream(page)]
    return _file(objects)


def enlarged(document: bytes, size: int) -> bytes:
    """The document with `size` more bytes, in an object on no page (ISO 32000-1, 7.5.6)."""
    previous = int(document.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    number = int(document.rsplit(b"/Size ", 1)[1].split(b" ")[0])
    body = b"%d 0 obj\n<< /Length %d >>\nstream\n" % (number, size)
    body += b"x" * size + b"\nendstream\nendobj\n"
    start = len(document) + len(body)
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, len(document))
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Prev %d >>\n" % (number + 1, previous)
    return document + body + table + trailer + b"startxref\n%d\n%%%%EOF\n" % start


def _page(contents: int) -> bytes:
    box = f"[0 0 {WIDTH} {HEIGHT}]"
    font = "<< /Font << /F1 3 0 R >> >>"
    text = f"/Type /Page /Parent 2 0 R /MediaBox {box} /Resources {font} /Contents {contents} 0 R"
    return f"<< {text} >>".encode()


def _stream(lines: Sequence[str]) -> bytes:
    start = f"BT /F1 10 Tf {LEADING} TL {MARGIN} {HEIGHT - MARGIN} Td".encode()
    shown = [b"(" + _escaped(line) + b") Tj T*" for line in lines]
    body = b"\n".join([start, *shown, b"ET"])
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(body), body)


def _escaped(line: str) -> bytes:
    raw = line.encode("cp1252", "replace")
    for letter in (b"\\", b"(", b")"):
        raw = raw.replace(letter, b"\\" + letter)
    return raw


def _file(objects: Sequence[bytes]) -> bytes:
    made = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, each in enumerate(objects, 1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start, size = len(made), len(objects) + 1
    made += b"xref\n0 %d\n0000000000 65535 f \n" % size
    made += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    made += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(made)
