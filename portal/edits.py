"""
A form that shows what stands -> what its author changed of it. Each field `x` comes with a field
`was-x`, so that only what was really typed is sent, and typed values outlive what others change
meanwhile. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from portal.drafts import LENGTHS, TOO_LONG, is_too_long, quantity
from portal.language import Language
from portal.lists import NO_DATE, day
from portal.own_fields import OWN, Mistyped, OwnField, read_form
from portal.words import N_

WAS: Final = "was-"
QUANTITY: Final = "quantity-"
REMOVE: Final = "remove-"
ADDED: Final = ("number", "quantity")
"""The fields of a product that is to be added."""
TEXTS: Final = {"reference": "customerReference", "requisition": "requisitionNumber"}
DATES: Final = {"receipt_date": "requestedReceiptDate"}
DECIMALS: Final = 10
"""Of a quantity that is sent; the gateway knows what the product allows."""
FIELDS: Final[Mapping[str, Iterable[str]]] = {"Update": (*TEXTS, *DATES), "AddLines": ADDED}
"""The fields of a mutation that has several."""
NO_QUANTITY: Final = N_("This product is not sold in this quantity.")


@dataclass(frozen=True, slots=True)
class Change:
    """One mutation of the gateway, and the field of the form that asks for it."""

    operation: str
    field: str
    values: Mapping[str, Any]


def edited(form: Mapping[str, str]) -> dict[str, str]:
    """The fields that say something else than what stood there."""
    fields = {name: form[name] for name in (*TEXTS, *DATES, *ADDED) if name in form}
    many = (QUANTITY, REMOVE, OWN)
    fields |= {name: value for name, value in form.items() if name.startswith(many)}
    return {
        name: value
        for name, value in fields.items()
        if as_shown(value) != as_shown(form.get(WAS + name, "" if _is_new(name) else None))
    }


def as_shown(text: str | None) -> str | None:
    """A text as a field has it: without line breaks, and spaces around it are nothing."""
    return None if text is None else text.replace("\r", "").replace("\n", "").strip()


def _is_new(name: str) -> bool:
    return name in ADDED or name.startswith(REMOVE)


def line_of(name: str, own: Iterable[OwnField] = ()) -> str:
    """The id of the line that a field of the form is about; empty for one of the header."""
    prefixes = (QUANTITY, REMOVE, *(f"{field.field}-" for field in own))
    return next((name.removeprefix(one) for one in prefixes if name.startswith(one)), "")


def mistakes(
    edits: Mapping[str, str],
    language: Language,
    own: Sequence[OwnField] = (),
    of_lines: Sequence[OwnField] = (),
) -> dict[str, str]:
    """The edits that cannot be sent as typed, by field: they are neither cut nor left out."""
    found = {
        **{name: _long(name, value) for name, value in edits.items() if name in TEXTS},
        **{name: _past(value, language.today()) for name, value in edits.items() if name in DATES},
        **{
            name: None if _amount(edits, name, language) else NO_QUANTITY
            for name in edits
            if name.startswith(QUANTITY) and REMOVE + name.removeprefix(QUANTITY) not in edits
        },
        **_addition(edits, language),
        **_own(edits, language, own)[1],
        **_own_of_lines(edits, language, of_lines)[1],
    }
    return {name: message for name, message in found.items() if message}


def _long(name: str, text: str) -> str | None:
    return TOO_LONG if is_too_long(text.strip(), LENGTHS[name]) else None


def _past(text: str, today: date) -> str | None:
    if not text.strip():
        return None
    found = day(text.strip())
    if found is None:
        return NO_DATE
    return N_("This day has passed.") if found < today else None


def _addition(edits: Mapping[str, str], language: Language) -> dict[str, str | None]:
    if not any(edits.get(name, "").strip() for name in ADDED):
        return {}
    return {
        "number": None if edits.get("number", "").strip() else N_("Enter a product number."),
        "quantity": None if _amount(edits, "quantity", language) else NO_QUANTITY,
    }


def _amount(edits: Mapping[str, str], name: str, language: Language) -> Decimal | None:
    return quantity(language.typed(edits.get(name, "")), DECIMALS)


def changes(
    edits: Mapping[str, str],
    language: Language,
    key: str,
    own: Sequence[OwnField] = (),
    of_lines: Sequence[OwnField] = (),
    product: str | None = None,
) -> list[Change]:
    """
    The changes to ask of the gateway for edits without mistakes; `key` and `product` are for what
    is added.
    """
    changed, gone = _lines(edits, language, _own_of_lines(edits, language, of_lines)[0])
    return [
        *_header(edits, _own(edits, language, own)[0]),
        *changed,
        *_added(edits, language, key, product),
        *gone,
    ]


def remaining(
    edits: Mapping[str, str], done: Iterable[Change], of_lines: Sequence[OwnField] = ()
) -> dict[str, str]:
    """The edits without those that are made."""
    operations = {change.operation for change in done}
    made = {name for change in done for name in FIELDS.get(change.operation, (change.field,))}
    if "Update" in operations:
        made |= {name for name in edits if name.startswith(OWN) and not line_of(name, of_lines)}
    lines = {change.values["line"] for change in done if "line" in change.values}
    made |= {name for name in edits if line_of(name, of_lines) in lines}
    return {name: value for name, value in edits.items() if name not in made}


def _own(
    edits: Mapping[str, str], language: Language, own: Sequence[OwnField]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of extensions with their values, null for what was cleared, and the mistakes."""
    changed = [field for field in own if field.in_changes and field.field in edits]
    values, wrong = read_form(changed, edits, language)
    return {field.name: values.get(field.name) for field in changed}, wrong


def _own_of_lines(
    edits: Mapping[str, str], language: Language, own: Sequence[OwnField]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The same for fields of lines: values by line and field, but for lines that go."""
    values: dict[str, dict[str, Any]] = {}
    wrong: dict[str, str] = {}
    for name, text in edits.items():
        for field in own:
            line = name.removeprefix(f"{field.field}-")
            if line == name or not field.in_changes or REMOVE + line in edits:
                continue
            try:
                values.setdefault(line, {})[field.name] = field.read(text, language)
            except Mistyped as error:
                wrong[name] = str(error)
    return values, wrong


def _header(edits: Mapping[str, str], own: Mapping[str, Any]) -> list[Change]:
    """A field that was cleared is sent as null where it is a day."""
    values = {column: edits[name].strip() for name, column in TEXTS.items() if name in edits}
    days = {column: edits[name].strip() or None for name, column in DATES.items() if name in edits}
    typed = (*DATES, *TEXTS, *(OWN + name for name in own))
    first = next((name for name in typed if name in edits), "")
    said = {**values, **days, **own}
    return [Change("Update", first, said)] if said else []


def _lines(
    edits: Mapping[str, str], language: Language, own: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Change], list[Change]]:
    """Lines with another quantity or other fields of extensions, and lines that go."""
    gone = [name.removeprefix(REMOVE) for name in edits if name.startswith(REMOVE)]
    changed: dict[str, dict[str, Any]] = {
        name.removeprefix(QUANTITY): {"quantity": str(_amount(edits, name, language))}
        for name in edits
        if name.startswith(QUANTITY)
    }
    for line, values in own.items():
        changed.setdefault(line, {}).update(values)
    return [
        Change("UpdateLine", QUANTITY + line, {"line": line, **values})
        for line, values in changed.items()
        if line not in gone
    ], [Change("RemoveLine", REMOVE + line, {"line": line}) for line in gone]


def _added(
    edits: Mapping[str, str], language: Language, key: str, product: str | None
) -> list[Change]:
    amount = _amount(edits, "quantity", language)
    if not product or not amount:
        return []
    lines = [{"product": product, "quantity": str(amount)}]
    return [Change("AddLines", "number", {"idempotencyKey": key, "lines": lines})]


def unmet(
    change: Change,
    order: Mapping[str, Any] | None,
    own: Sequence[OwnField] = (),
) -> list[str]:
    """The fields of the header whose value is not the requested one."""
    if change.operation != "Update" or order is None:
        return []
    names = {**TEXTS, **DATES}
    ours = [
        name
        for name, column in names.items()
        if column in change.values and (change.values[column] or "") != (order[column] or "")
    ]
    theirs = [
        field.field
        for field in own
        if field.name in change.values and field.name in order
        if not field.same(change.values[field.name], order[field.name])
    ]
    return [*ours, *theirs]
