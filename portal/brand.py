"""
The adopter's `brand.toml` over ours -> `Brand`: name, colours, fonts, pages. Whatever cannot be
used, or could not be read by people with weak sight, is named when the portal starts.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from babel import Locale, UnknownLocaleError

OURS: Final = Path(__file__).parent
COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
FONT: Final = re.compile(r"[\w\s\"',-]+")
READABLE: Final = 4.5
"""The contrast that WCAG 2.2 AA asks of text."""


class BrandError(ValueError):
    """The brand cannot be used, for a reason that its author can mend."""


@dataclass(frozen=True, slots=True)
class Brand:
    """What makes the site somebody's own."""

    name: str
    tagline: str
    logo: str
    locales: tuple[Locale, ...]
    timezone: str
    colours: Mapping[str, Mapping[str, str]]
    fonts: Mapping[str, str]
    contact: Mapping[str, str]
    footer: Mapping[str, Any]
    pages: Mapping[str, bool]
    folder: Path | None

    def shows(self, page: str | None) -> bool:
        return page is None or self.pages.get(page, True)

    def folders(self, name: str) -> list[Path]:
        """Our folder of this name and then theirs, which wins."""
        found = [OURS / name, *([self.folder / name] if self.folder else [])]
        return [folder for folder in found if folder.is_dir()]

    def css(self) -> str:
        """The style sheet with the colours and fonts: both themes, the device's unless chosen."""
        light, dark = _inks(self.colours["light"]), _inks(self.colours["dark"])
        lines = [f"--font-{name}: {value};" for name, value in self.fonts.items()]
        lines += [f"--{name}: light-dark({light[name]}, {dark[name]});" for name in light]
        return (
            ":root {\n  color-scheme: light dark;\n  " + "\n  ".join(lines) + "\n}\n"
            ":root[data-theme=light] { color-scheme: light; }\n"
            ":root[data-theme=dark] { color-scheme: dark; }\n"
        )


def load(folder: Path | None) -> Brand:
    """BrandError with the key that is wrong."""
    values = _toml(OURS / "brand.toml")
    theirs = folder / "brand.toml" if folder else None
    if theirs and theirs.exists():
        values = _over(values, _toml(theirs))
    _check(values)
    return Brand(
        locales=tuple(_locale(name) for name in values["languages"]),
        folder=folder,
        **{name: value for name, value in values.items() if name != "languages"},
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise BrandError(f"{path}: {error}") from error


def _over(ours: dict[str, Any], theirs: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    open_ended = at in {"pages.", "contact.", "footer."}
    if not open_ended and (unknown := theirs.keys() - ours.keys()):
        raise BrandError(f"brand.toml: there is no {at}{sorted(unknown)[0]}")
    merged = {
        name: _over(ours[name], value, f"{at}{name}.")
        if isinstance(value, dict) and isinstance(ours.get(name), dict)
        else value
        for name, value in theirs.items()
    }
    return ours | merged


def _check(values: Mapping[str, Any]) -> None:
    for theme, colours in values["colours"].items():
        for name, value in colours.items():
            if not COLOUR.fullmatch(str(value)):
                raise BrandError(f"brand.toml: colours.{theme}.{name} must be like #1a2b3c")
        for ground in ("background", "surface"):
            for ink in ("text", "accent"):
                _check_contrast(theme, colours, ink, ground)
    for name, value in values["fonts"].items():
        if not FONT.fullmatch(value):
            raise BrandError(f"brand.toml: fonts.{name} must be a list of font families")


def _check_contrast(theme: str, colours: Mapping[str, str], ink: str, ground: str) -> None:
    found = contrast(colours[ink], colours[ground])
    if found < READABLE:
        raise BrandError(
            f"brand.toml: colours.{theme}.{ink} on {ground} has a contrast of {found:.1f};"
            f" people need {READABLE}"
        )


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name)
    except (ValueError, UnknownLocaleError) as error:
        raise BrandError(f"brand.toml: languages has no {name}") from error


def _inks(colours: Mapping[str, str]) -> dict[str, str]:
    """The colours of a theme, and which of black and white can be read on its accent."""
    on_accent = max(("#ffffff", "#10201d"), key=lambda ink: contrast(ink, colours["accent"]))
    return {**colours, "on-accent": on_accent}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, as WCAG defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
