"""
The fields that extensions of the gateway add to orders: what is typed into them becomes values, and
values become what is shown. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from portal.drafts import PLAIN
from portal.language import Language
from portal.lists import NO_DATE
from portal.words import N_

OWN: Final = "own-"
"""The beginning of the names of their fields in forms."""
UNKNOWN: Final = "UNKNOWN"
"""The member of an enumeration that stands for what nobody knows; it cannot be chosen."""
YES: Final = frozenset({"true", "yes", "ja", "1"})
NO: Final = frozenset({"false", "no", "nee", "0"})
"""The ways to write yes and no in a list."""
MOMENT: Final = "%Y-%m-%dT%H:%M"
"""A moment as browsers put it into a field."""
EMPTY: Final = N_("Fill this in.")
NO_NUMBER: Final = N_("Enter a number.")
NO_WHOLE: Final = N_("Enter a whole number.")
NO_MOMENT: Final = N_("Enter a day and a time.")


class Mistyped(ValueError):
    """A text is no value of its field; the message is for its author."""


@dataclass(frozen=True, slots=True)
class OwnField:
    """A field that an extension of the gateway adds to orders."""

    name: str
    doc: str
    """Its description in the schema, by which catalogues translate it."""
    kind: str
    """`text`, `choice`, `whole`, `number`, `yes`, `date` or `moment`."""
    choices: Mapping[str, str]
    """The members of its enumeration, and their descriptions."""
    in_new: bool
    in_changes: bool
    is_required: bool

    @property
    def field(self) -> str:
        """Its name in forms."""
        return OWN + self.name

    def read(self, text: str, language: Language) -> Any:
        """The value to send for what was typed, None for nothing; Mistyped where it is none."""
        said = text.strip()
        if not said:
            if self.is_required:
                raise Mistyped(EMPTY)
            return None
        return _read(self, said, language)

    def read_cell(self, text: str, language: Language) -> Any:
        """As `read`, for the cell of a list, in which people write words and labels."""
        said = text.strip()
        if self.kind == "choice" and said:
            return self._chosen(said.casefold(), language)
        if self.kind == "yes" and said:
            return self._agreed(said.casefold())
        return self.read(said, language)

    def _chosen(self, said: str, language: Language) -> str:
        """The member of its enumeration that has this name, or this description."""
        for name, doc in self.choices.items():
            if said in (name.casefold(), language.label(doc).casefold()):
                return name
        raise Mistyped(EMPTY)

    def _agreed(self, said: str) -> bool:
        if said not in YES | NO:
            raise Mistyped(EMPTY)
        return said in YES

    def typed(self, value: Any, language: Language) -> str:
        """A value as it stands in its field."""
        match self.kind, value:
            case _, None:
                return ""
            case "number" | "whole", _:
                return language.plain(Decimal(value))
            case "yes", _:
                return "true" if value else "false"
            case "moment", _:
                return f"{_moment(value).astimezone(language.zone):{MOMENT}}"
        return str(value)

    def same(self, one: Any, other: Any) -> bool:
        """True if two values say the same, however they are written."""
        if one is None or other is None or self.kind not in ("number", "moment"):
            return bool(one == other)
        if self.kind == "number":
            return Decimal(one) == Decimal(other)
        return _moment(one) == _moment(other)

    def shown(self, value: Any, language: Language) -> str:
        """A value for people."""
        match self.kind, value:
            case _, None:
                return ""
            case "number" | "whole", _:
                return language.number(value)
            case "yes", _:
                return language.messages.gettext(N_("Yes") if value else N_("No"))
            case "date", _:
                return language.date(value)
            case "moment", _:
                return language.moment(value)
            case "choice", _:
                return language.label(self.choices.get(value, N_("Unknown")))
        return str(value)


def _read(field: OwnField, text: str, language: Language) -> Any:
    match field.kind:
        case "yes":
            return text == "true"
        case "choice":
            if text not in field.choices:
                raise Mistyped(EMPTY)
        case "whole" | "number":
            return _number(field, language.typed(text))
        case "date":
            return _date(text)
        case "moment":
            return _instant(text, language)
    return text


def _number(field: OwnField, text: str) -> Any:
    if not PLAIN.fullmatch(text.removeprefix("-")):
        raise Mistyped(NO_WHOLE if field.kind == "whole" else NO_NUMBER)
    number = Decimal(text)
    if field.kind == "number":
        return str(number)
    if number != int(number):
        raise Mistyped(NO_WHOLE)
    return int(number)


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Mistyped(NO_DATE) from None


def _instant(text: str, language: Language) -> str:
    """A moment on the clocks of the site, with its zone."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=language.zone)
    except ValueError:
        raise Mistyped(NO_MOMENT) from None
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def read_form(
    fields: Iterable[OwnField], form: Mapping[str, str], language: Language
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that a form has for fields, and the mistakes in it by their names in the form."""
    values: dict[str, Any] = {}
    mistakes: dict[str, str] = {}
    for field in fields:
        try:
            values[field.name] = field.read(form.get(field.field, ""), language)
        except Mistyped as error:
            mistakes[field.field] = str(error)
    return {name: value for name, value in values.items() if value is not None}, mistakes
