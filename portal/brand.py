"""
The adopter's `brand.toml` over ours -> `Brand`: name, colours, fonts, pages. Whatever cannot be
used, or could not be read by people with weak sight, is named when the portal starts, all of it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from babel import Locale, UnknownLocaleError, dates

from portal.colours import COLOUR, GROUNDS, READABLE, completed, contrast
from variables.environment_values import text_of
from variables.toml_files import toml

OURS: Final = Path(__file__).parent
FONT: Final = re.compile(r"[\w\s\"',-]+")
LINK: Final = re.compile(r"(https?://|mailto:|tel:|/(?!/))\S+")
OPEN_ENDED: Final = {"pages", "contact", "footer"}
"""Tables in which an adopter may have keys of their own, for templates and pages of theirs."""
SPOKEN: Final = {"en"}
"""The languages that are spoken without a catalogue."""


class BrandError(ValueError):
    """The brand cannot be used, for reasons that its author can fix: one line for each."""


@dataclass(frozen=True, slots=True)
class Brand:
    """The brand that makes the site somebody's own."""

    name: str
    tagline: str
    logo: str
    wordmark: str
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
        return _folders(self.folder, name)

    def css(self) -> str:
        """The style sheet with the colours and fonts: both themes, the device's unless chosen."""
        light, dark = completed(self.colours["light"]), completed(self.colours["dark"])
        lines = [f"--font-{name}: {value};" for name, value in self.fonts.items()]
        lines += [f"--{name}: light-dark({light[name]}, {dark[name]});" for name in light]
        return (
            ":root {\n  color-scheme: light dark;\n  " + "\n  ".join(lines) + "\n}\n"
            ":root[data-theme=light] { color-scheme: light; }\n"
            ":root[data-theme=dark] { color-scheme: dark; }\n"
        )


def load(folder: Path | None) -> Brand:
    """BrandError with every key that is wrong."""
    ours = _toml(OURS / "brand.toml")
    path = folder / "brand.toml" if folder else None
    theirs = _toml(path) if path and path.exists() else {}
    values = _over(ours, _fitting(ours, theirs))
    refuse([*_shape(ours, theirs), *_mistakes(values, folder)])
    return Brand(
        locales=tuple(Locale.parse(name) for name in values["languages"]),
        folder=folder,
        **{name: value for name, value in values.items() if name != "languages"},
    )


def refuse(mistakes: Iterable[str]) -> None:
    """BrandError if there are any."""
    if found := list(mistakes):
        raise BrandError("\n".join(found))


def unknown_pages(brand: Brand, parts: Iterable[str | None]) -> Iterator[str]:
    """Entries of `[pages]` that switch nothing off: what they mean to hide would stay public."""
    known = {part for part in parts if part}
    for name in sorted(brand.pages.keys() - known):
        yield f"brand.toml: there is no pages.{name}; there is {', '.join(sorted(known))}"


def _folders(folder: Path | None, name: str) -> list[Path]:
    found = [OURS / name, *([folder / name] if folder else [])]
    return [each for each in found if each.is_dir()]


def _toml(path: Path) -> dict[str, Any]:
    try:
        return toml(text_of(path))
    except ValueError as error:
        raise BrandError(f"{path}: {error}") from error


def _shape(ours: Mapping[str, Any], theirs: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Keys that there are not, and values of another type than ours."""
    for name, value in theirs.items():
        known = ours.get(name)
        if known is None:
            if at.removesuffix(".") not in OPEN_ENDED:
                yield f"brand.toml: there is no {at}{name}"
        elif type(value) is not type(known):
            yield f"brand.toml: {at}{name} must be {TYPES[type(known)]}"
        elif isinstance(value, dict):
            yield from _shape(known, value, f"{at}{name}.")


def _fitting(ours: Mapping[str, Any], theirs: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Theirs without what `_shape` refuses, so that all other values can be looked at."""
    found = {}
    for name, value in theirs.items():
        known = ours.get(name, value if at in OPEN_ENDED else None)
        if type(value) is type(known):
            found[name] = _fitting(known, value, name) if isinstance(value, dict) else value
    return found


TYPES: Final[Mapping[type, str]] = {
    str: "a text",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def _over(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    merged = {
        name: _over(ours[name], value) if isinstance(value, dict) and name in ours else value
        for name, value in theirs.items()
    }
    return {**ours, **merged}


def _mistakes(values: Mapping[str, Any], folder: Path | None) -> Iterator[str]:
    """Yield the mistakes that make a brand unusable, one sentence each."""
    yield from (f"brand.toml: {said}" for said in _wrong(values, folder))


def _wrong(values: Mapping[str, Any], folder: Path | None) -> Iterator[str]:
    for name in ("logo", "wordmark"):
        places = [each / values[name] for each in _folders(folder, "assets")]
        if (values[name] or name == "logo") and not any(each.is_file() for each in places):
            yield f"{name}: there is no file {values[name]!r} in assets/"
    yield from _wrong_languages(values["languages"], folder)
    try:
        dates.get_timezone(values["timezone"])
    except (LookupError, ValueError, OSError):
        yield f"timezone: there is no {values['timezone']!r}; it is like Europe/Amsterdam"
    for theme, colours in values["colours"].items():
        yield from _wrong_colours(theme, colours)
    for name, value in values["fonts"].items():
        if not FONT.fullmatch(value):
            yield f"fonts.{name} must be a list of font families"
    for place, link in enumerate(values["footer"]["links"], start=1):
        yield from _wrong_link(place, link)
    for name, value in values["pages"].items():
        if not isinstance(value, bool):
            yield f"pages.{name} must be true or false"


def _wrong_languages(names: list[Any], folder: Path | None) -> Iterator[str]:
    if not names:
        yield "languages must name at least one"
    for name in names:
        try:
            locale = Locale.parse(str(name))
        except (ValueError, UnknownLocaleError):
            yield f"languages has no {name}"
            continue
        places = [
            each / spelled / "LC_MESSAGES" / "portal.po"
            for each in _folders(folder, "locales")
            for spelled in (locale.language, str(locale))
        ]
        if locale.language not in SPOKEN and not any(each.is_file() for each in places):
            yield f"languages: {name} has no locales/{name}/LC_MESSAGES/portal.po"


def _wrong_colours(theme: str, colours: Mapping[str, str]) -> Iterator[str]:
    named = {name: value for name, value in colours.items() if value or name != "link"}
    bad = [name for name, value in named.items() if not COLOUR.fullmatch(value)]
    yield from (f"colours.{theme}.{name} must be like #1a2b3c" for name in bad)
    if bad:
        return
    for ground in GROUNDS:
        for ink in {"text", "link"} & named.keys():
            found = contrast(colours[ink], colours[ground])
            if found < READABLE:
                yield (
                    f"colours.{theme}.{ink} on {ground} has a contrast of {found:.1f};"
                    f" people need {READABLE}"
                )


def _wrong_link(place: int, link: Any) -> Iterator[str]:
    if not isinstance(link, dict) or link.keys() != {"label", "url"}:
        yield f'footer.links: number {place} must be {{ label = "Privacy", url = "https://..." }}'
    elif not LINK.fullmatch(str(link["url"])):
        yield f"footer.links: {link['url']} is no address like https://... or /terms"
