"""Catalogues and formats: messages by gettext, dates, numbers and money by Babel, per locale."""

import gettext
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from babel import Locale, dates, numbers
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from portal.countries import choices, name_of

DOMAIN: Final = "portal"


@dataclass(frozen=True, slots=True)
class Language:
    """One locale on offer: its messages, and how it writes values."""

    locale: Locale
    messages: gettext.NullTranslations
    timezone: str

    @property
    def tag(self) -> str:
        return str(self.locale).replace("_", "-")

    @property
    def name(self) -> str:
        """The name that its speakers give it."""
        return (self.locale.get_display_name(self.locale) or self.tag).capitalize()

    @property
    def zone(self) -> tzinfo:
        return dates.get_timezone(self.timezone)

    def today(self) -> date:
        """The day that it is for readers of the site."""
        return datetime.now(self.zone).date()

    def start_of(self, day: date) -> str:
        """The instant at which a day begins for them."""
        begins = datetime.combine(day, time(), self.zone)
        return begins.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def country(self, value: str | None) -> str:
        return name_of(value, self.locale)

    def countries(self) -> list[tuple[str, str]]:
        return choices(self.locale)

    @property
    def decimal_mark(self) -> str:
        return numbers.get_decimal_symbol(self.locale)

    def day(self, value: str | date | None) -> date | None:
        """A day, or that of an instant in the time zone of the site."""
        found = _instant(value) if isinstance(value, str) and value else value
        if isinstance(found, datetime):
            return found.astimezone(self.zone).date()
        return found if isinstance(found, date) else None

    def date(self, value: str | date | None) -> str:
        """A day, or the day of an instant."""
        found = self.day(value)
        return dates.format_date(found, "medium", self.locale) if found else ""

    def month(self, value: str) -> str:
        """The month of a day, and its year."""
        return dates.format_skeleton("yMMMM", date.fromisoformat(value), locale=self.locale)

    def moment(self, value: str | None) -> str:
        if not value:
            return ""
        return dates.format_datetime(_instant(value), "medium", self.zone, self.locale)

    def ago(self, value: str | None) -> str:
        """The time since an instant, in words."""
        if not value:
            return ""
        instant = _instant(value)
        passed = datetime.now(UTC) - (
            instant
            if isinstance(instant, datetime)
            else datetime(*instant.timetuple()[:3], tzinfo=UTC)
        )
        return dates.format_timedelta(-passed, add_direction=True, locale=self.locale)

    def label(self, text: str) -> str:
        """A sentence of the adopter's in this language, without its full stop."""
        return self.messages.gettext(text).removesuffix(".")

    def number(self, value: str | Decimal | int | None) -> str:
        """A number with all the decimals that it has."""
        if value in (None, ""):
            return ""
        found = _decimal(value).normalize() + 0
        return numbers.format_decimal(found, locale=self.locale, decimal_quantization=False)

    def money(self, value: Mapping[str, str] | None) -> str:
        """An amount of the gateway, `{amount, currency}`, with the decimals of its currency."""
        return self._money(value, "#,##0.00", rounds=True)

    def price(self, value: Mapping[str, str] | None) -> str:
        """A price of one unit: it may be a fraction of what its currency can pay."""
        return self._money(value, "#,##0.00########", rounds=False)

    def _money(self, value: Mapping[str, str] | None, bare: str, *, rounds: bool) -> str:
        if not value or value.get("amount") is None:
            return ""
        amount, currency = _decimal(value["amount"]).normalize() + 0, value.get("currency")
        if not currency:
            return numbers.format_decimal(amount, bare, self.locale)
        return numbers.format_currency(
            amount, currency, locale=self.locale, decimal_quantization=rounds
        )

    def plain(self, value: Decimal) -> str:
        """A number for a field: as it is typed, without groups."""
        return numbers.format_decimal(
            value, locale=self.locale, group_separator=False, decimal_quantization=False
        )

    def typed(self, text: str) -> str:
        """A number as people type it here -> as machines write it: 1.000,5 in Dutch is 1000.5."""
        group, point = (
            re.escape(symbol(self.locale))
            for symbol in (numbers.get_group_symbol, numbers.get_decimal_symbol)
        )
        number = text.strip()
        for mark in (group, r"\s"):
            if re.fullmatch(rf"[1-9][0-9]{{0,2}}({mark}[0-9]{{3}})+({point}[0-9]+)?", number):
                number = re.sub(mark, "", number)
        return re.sub(point, ".", number)


def languages(locales: Iterable[Locale], folders: Iterable[Path], timezone: str) -> list[Language]:
    found = list(folders)
    return [Language(locale, _messages(locale, found), timezone) for locale in locales]


def choose(offered: list[Language], wanted: str | None, accepted: str) -> Language:
    """The language picked by hand, else the first that the browser accepts, else the first."""
    by_tag = {language.tag: language for language in offered}
    if wanted in by_tag:
        return by_tag[wanted]
    for tag in _by_weight(accepted):
        for language in offered:
            if tag in (language.tag.lower(), language.locale.language):
                return language
    return offered[0]


def _by_weight(accepted: str) -> Iterable[str]:
    """The tags of an Accept-Language header, most wanted first, each with its bare language."""
    weighed = []
    for part in accepted.split(",")[:20]:
        tag, _, weight = part.strip().lower().partition(";q=")
        weighed.append((-_weight(weight), tag))
    for _, tag in sorted(weighed, key=lambda pair: pair[0]):
        yield tag
        yield tag.partition("-")[0]


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def _messages(locale: Locale, folders: list[Path]) -> gettext.NullTranslations:
    """Their catalogue on top of ours; messages that neither has stay English."""
    found = gettext.NullTranslations()
    for folder in folders:
        for name in (locale.language, str(locale)):
            path = folder / name / "LC_MESSAGES" / f"{DOMAIN}.po"
            if path.exists():
                top = compiled(path)
                top.add_fallback(found)
                found = top
    return found


def compiled(path: Path) -> gettext.GNUTranslations:
    """A catalogue as it is written, ready to use: there is no build step to forget."""
    return gettext.GNUTranslations(io.BytesIO(_machine_readable(path.read_bytes())))


@lru_cache(maxsize=8)
def _machine_readable(text: bytes) -> bytes:
    """The text of a catalogue in the form that gettext reads."""
    catalogue: Catalog = read_po(io.BytesIO(text))
    machine = io.BytesIO()
    write_mo(machine, catalogue)
    return machine.getvalue()


def _instant(value: str) -> datetime | date:
    return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)


def _decimal(value: str | Decimal | int | None) -> Decimal:
    return Decimal(value or 0)
