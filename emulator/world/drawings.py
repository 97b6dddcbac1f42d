"""Small drawings of goods as PNG, computed from a few shapes: pictures of our own making."""

import zlib
from collections.abc import Callable, Mapping
from functools import cache
from struct import pack
from typing import Final

SIDE: Final = 160
"""Pixels in width and height."""
GROUND, BODY, SHADE, LIGHT = range(4)
TINTS: Final = (
    ("f3ece2", "6b4226", "4a2c17", "d9b48f"),
    ("e6efe9", "2f6f55", "1d4a38", "a9d3bf"),
    ("e9edf5", "34507a", "213555", "b5c7e6"),
    ("f6e9e4", "a8442a", "742c1a", "f0b9a6"),
    ("efeaf3", "5c4a7d", "3c2f55", "c9bbe0"),
)
"""Colours of ground, body, shade and light."""
Shape = Callable[[float, float], bool]
"""True for the points inside, of a square whose sides are 1 long and whose origin is at the top."""


def _box(left: float, top: float, right: float, bottom: float) -> Shape:
    return lambda x, y: left <= x <= right and top <= y <= bottom


def _disc(middle: float, height: float, wide: float, high: float) -> Shape:
    return lambda x, y: ((x - middle) / wide) ** 2 + ((y - height) / high) ** 2 <= 1


def _cone(top: float, bottom: float, above: float, below: float) -> Shape:
    """A body that is `above` wide at its top and `below` at its bottom."""

    def inside(x: float, y: float) -> bool:
        if not top <= y <= bottom:
            return False
        wide = above + (below - above) * (y - top) / (bottom - top)
        return abs(x - 0.5) <= wide / 2

    return inside


def _ring(middle: float, height: float, outer: float, inner: float) -> Shape:
    whole, hole = _disc(middle, height, outer, outer), _disc(middle, height, inner, inner)
    return lambda x, y: whole(x, y) and not hole(x, y)


DRAWN: Final[Mapping[str, tuple[tuple[int, Shape], ...]]] = {
    "bag": (
        (SHADE, _cone(0.14, 0.24, 0.34, 0.44)),
        (BODY, _cone(0.24, 0.86, 0.46, 0.54)),
        (LIGHT, _box(0.34, 0.42, 0.66, 0.7)),
        (SHADE, _disc(0.5, 0.56, 0.07, 0.1)),
        (LIGHT, _box(0.49, 0.46, 0.51, 0.66)),
    ),
    "box": (
        (BODY, _box(0.22, 0.3, 0.78, 0.82)),
        (SHADE, _box(0.22, 0.3, 0.78, 0.42)),
        (LIGHT, _box(0.44, 0.3, 0.56, 0.56)),
    ),
    "cup": (
        (SHADE, _disc(0.5, 0.84, 0.34, 0.05)),
        (BODY, _ring(0.74, 0.5, 0.13, 0.08)),
        (BODY, _cone(0.34, 0.8, 0.5, 0.32)),
        (LIGHT, _disc(0.5, 0.35, 0.25, 0.05)),
        (SHADE, _disc(0.5, 0.355, 0.2, 0.035)),
    ),
    "pitcher": (
        (SHADE, _ring(0.74, 0.52, 0.16, 0.11)),
        (BODY, _cone(0.24, 0.82, 0.36, 0.5)),
        (LIGHT, _box(0.34, 0.34, 0.38, 0.76)),
        (BODY, _disc(0.32, 0.27, 0.08, 0.05)),
    ),
    "machine": (
        (BODY, _box(0.16, 0.22, 0.84, 0.44)),
        (SHADE, _box(0.16, 0.76, 0.84, 0.86)),
        (SHADE, _box(0.66, 0.44, 0.8, 0.76)),
        (LIGHT, _disc(0.27, 0.33, 0.06, 0.06)),
        (LIGHT, _box(0.4, 0.29, 0.76, 0.37)),
        (SHADE, _box(0.36, 0.44, 0.48, 0.52)),
        (BODY, _cone(0.58, 0.76, 0.2, 0.14)),
    ),
    "apron": (
        (SHADE, _ring(0.5, 0.24, 0.12, 0.09)),
        (BODY, _cone(0.28, 0.5, 0.26, 0.44)),
        (BODY, _cone(0.5, 0.88, 0.52, 0.6)),
        (LIGHT, _box(0.38, 0.6, 0.62, 0.76)),
    ),
}


def drawing(kind: str, tint: int) -> bytes:
    """A drawing of one kind in one of the tints."""
    return _png(_pixels(kind), TINTS[tint % len(TINTS)])


@cache
def _pixels(kind: str) -> bytes:
    """The rows of the drawing, each behind the zero of its filter."""
    return b"".join(
        b"\0" + bytes(_colour(kind, column, row) for column in range(SIDE)) for row in range(SIDE)
    )


def _colour(kind: str, column: int, row: int) -> int:
    x, y = (column + 0.5) / SIDE, (row + 0.5) / SIDE
    return next((colour for colour, inside in reversed(DRAWN[kind]) if inside(x, y)), GROUND)


def _png(pixels: bytes, colours: tuple[str, ...]) -> bytes:
    palette = bytes.fromhex("".join(colours))
    parts = (
        (b"IHDR", pack(">IIBBBBB", SIDE, SIDE, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(pixels, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))
