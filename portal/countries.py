"""The countries that an order can be sent to, as dual-write spells them, and their names."""

from collections.abc import Mapping
from typing import Final

from babel import Locale

from portal.folding import folded

COUNTRIES: Final[Mapping[str, str]] = {
    "US": "united states",
    "DE": "germany",
    "FR": "france",
    "GB": "united kingdom",
    "JP": "japan",
    "IN": "india",
    "ES": "spain",
    "NZ": "new zealand",
    "AU": "australia",
    "CO": "columbia",  # The map's own spelling of Colombia.
    "ZA": "south africa",
    "BE": "belgium",
    "CA": "canada",
    "AT": "austria",
    "TR": "turkey",
    "CN": "china",
    "DK": "denmark",
    "SE": "sweden",
    "NO": "norway",
    "FI": "finland",
    "EG": "egypt",
}
"""ISO code -> the name that the map of order headers writes to Dataverse and reads from it."""
CODES: Final[Mapping[str, str]] = {name: code for code, name in COUNTRIES.items()}


def is_known(value: str) -> bool:
    """True if dual-write carries this country to the ERP."""
    return value in CODES


def name_of(value: str | None, locale: Locale) -> str:
    """A stored country by the name that readers of this language use; unknown ones as they are."""
    text = value or ""
    code = CODES.get(text.strip().casefold(), text.strip())
    is_code = len(code) == 2 and code.isascii() and code.isupper()
    return (locale.territories.get(code) if is_code else None) or text


def choices(locale: Locale) -> list[tuple[str, str]]:
    """The countries that a form offers: dual-write's spelling and the name, ordered by name."""
    named = [(value, name_of(value, locale)) for value in CODES]
    return sorted(named, key=lambda pair: folded(pair[1]))
