"""Colours -> whether people can read them, and colours that they can read. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
READABLE: Final = 4.5
"""The contrast that WCAG 2.2 AA asks of text."""
EASY: Final = 5.0
"""The contrast of a colour of ours, so that it can be read on a tinted ground as well."""
INKS: Final = ("#ffffff", "#10201d", "#000000")
GROUNDS: Final = ("background", "surface")


def completed(colours: Mapping[str, str]) -> dict[str, str]:
    """A theme with the colours that follow from its own: of links, and of what stands on accent."""
    link = colours["link"] or readable(colours, colours["accent"])
    return {**colours, "link": link, "on-accent": ink(colours["accent"])}


def ink(ground: str) -> str:
    """The first of our inks that can be read on the ground: black or white always can."""
    return next(each for each in INKS if contrast(each, ground) >= READABLE)


def readable(colours: Mapping[str, str], wanted: str) -> str:
    """The colour, or as near to the text's as it takes to read it on both grounds."""
    grounds = [colours[name] for name in GROUNDS]
    if _least(wanted, grounds) >= READABLE:
        return wanted
    mixed = (_mix(wanted, colours["text"], part / 20) for part in range(1, 20))
    return next((each for each in mixed if _least(each, grounds) >= EASY), colours["text"])


def _least(colour: str, grounds: Iterable[str]) -> float:
    return min(contrast(colour, ground) for ground in grounds)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, as WCAG defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _mix(one: str, other: str, part: float) -> str:
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
