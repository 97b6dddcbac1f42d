"""Turns a value as one side keeps it into what the other keeps: types, enums, empty values."""

from datetime import date
from decimal import Decimal
from typing import Final

from emulator.days import NO_DAY, day_of, erp_day, kept_day
from emulator.defaults import EMPTY
from emulator.metadata import EXACTS, Column, Type
from emulator.values import Stored, scaled, stored
from emulator.world.customer_rows import ENGLISH
from emulator.world.order_rows import PROCESSING
from emulator.world.reference_rows import COUNTRIES

EMPTIES: Final = (None, "", NO_DAY, "1900-01-01")
HOLDS: Final = ("No", "Invoice", "All", "Payment", "Requisition", "Never")
LINE_STATES: Final = ("None", "Backorder", "Delivered", "Invoiced", "Canceled")
PROMISES: Final = ("None", "SalesLeadTime", "ATP", "ATPPlusIssueMargin", "CTP")
COUNTRY: Final[dict[Stored, Stored]] = {each.iso: each.name for each in COUNTRIES}

VALUE_MAPS: Final[dict[str, dict[Stored, Stored]]] = {
    "msdyn_processingstatus": {text: int(status) for status, text in PROCESSING.items()},
    "msdyn_linestatus": {n: 192350000 + i for i, n in enumerate(LINE_STATES)},
    "msdyn_salesorderpromisingmethod": {n: 192350000 + i for i, n in enumerate(PROMISES)},
    "msdyn_onholdstatus": {name: 806380000 + i for i, name in enumerate(HOLDS)},
    "msdyn_language": {"en-us": ENGLISH},
    "shipto_country": COUNTRY,
    "billto_country": COUNTRY,
    "address1_country": COUNTRY,
}
"""By Dataverse column: the ERP's value and Dataverse's. Other values arrive as empty."""


def to_dataverse(value: Stored, source: Column, target: Column) -> Stored:
    if value in EMPTIES:
        return None
    if target.name in VALUE_MAPS:
        return VALUE_MAPS[target.name].get(value)
    return _alike(value, source, target)


def to_finops(value: Stored, source: Column, target: Column) -> Stored:
    if source.name in VALUE_MAPS:
        back = {theirs: ours for ours, theirs in VALUE_MAPS[source.name].items()}
        value = back.get(value.lower() if isinstance(value, str) else value)
    if value in EMPTIES:
        return _empty(target)
    return _alike(value, source, target)


def _alike(value: Stored, source: Column, target: Column) -> Stored:
    if isinstance(value, int) and source.type in EXACTS and target.type in EXACTS:
        return scaled(Decimal(value).scaleb(-source.scale), target.scale)
    if source.type is Type.BOOL:
        return "Yes" if value else "No"
    if target.type is Type.BOOL:
        return int(value == "Yes")
    if target.is_day:
        return kept_day(target, date.fromisoformat(str(value)[:10]))
    if source.is_day:
        return erp_day(day_of(source, str(value)))
    return stored(target, value)


def _empty(column: Column) -> Stored:
    if column.type is Type.ENUM and column.options:
        return column.options.options[0].label
    return EMPTY.get(column.type, 0)
