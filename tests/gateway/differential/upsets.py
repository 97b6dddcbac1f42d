"""
Upsets of the answers of Dynamics: the same for the same seed, row and column.

A value is upset by the row that it stands in and never by the URL that brought it, and an answer by
what it was asked and never for which keys, so that two gateways who batch keys otherwise still see
the same. The genuine row decides, before anything in it was changed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from gateway.model.tables import TABLES
from tests.stack import collection_of

T = TypeVar("T")
Row = dict[str, Any]

KEYS = {collection_of(table): tuple(table.key) for table in TABLES.values()}
"""The key columns of each collection that the gateway reads rows of; others are left alone."""
OWNERS = {
    "accountid": "00000000-0000-4000-8000-00000000abcd",
    "contactid": "00000000-0000-4000-8000-00000000abce",
    "_customerid_value": "00000000-0000-4000-8000-00000000abcd",
    "_parentcustomerid_value": "00000000-0000-4000-8000-00000000abcd",
    "_msdyn_contactperson_value": "00000000-0000-4000-8000-00000000abce",
    "_msdyn_associatedcontact_value": "00000000-0000-4000-8000-00000000abcf",
    "_pricelevelid_value": "00000000-0000-4000-8000-00000000abd0",
    "OrderAccount": "XX-999",
    "dataAreaId": "xxmf",
}
"""The columns that say whose a row is, and values of nobody."""

VALUES: Mapping[str, Callable[[Any], Any]] = {
    "null": lambda value: None,
    "number for text": lambda value: 7 if isinstance(value, str) else str(value),
    "object": lambda value: {"value": value},
    "list": lambda value: [value],
    "nothing in a list": lambda value: [],
    "true": lambda value: True,
    "unknown number": lambda value: 999,
    "negative": lambda value: -1,
    "huge whole": lambda value: 10**30,
    "fraction": lambda value: Decimal("1.5"),
    "whole with decimals": lambda value: Decimal("3.00"),
    "huge fraction": lambda value: msgspec.Raw(b"1.5E+400"),
    "exponent": lambda value: msgspec.Raw(b"1E2"),
    "negative zero": lambda value: msgspec.Raw(b"-0.0"),
    "many digits": lambda value: msgspec.Raw(b"0.1234567890123456789012345678901234567890"),
    "no number": lambda value: "NaN",
    "infinity": lambda value: "Infinity",
    "number in text": lambda value: " 12.50 ",
    "digits with a dash": lambda value: "1_000",
    "other digits": lambda value: "\u0661\u0662",
    "no date": lambda value: "2026-02-30",
    "date alone": lambda value: "2026-03-01",
    "not set": lambda value: "1900-01-01T12:00:00Z",
    "first day": lambda value: "0001-01-01T00:00:00Z",
    "last day": lambda value: "9999-12-31T23:59:59Z",
    "no zone": lambda value: "2026-03-01T10:00:00",
    "another zone": lambda value: "2026-03-01T01:30:00+02:00",
    "fine moment": lambda value: "2026-03-01T10:00:00.1234567Z",
    "moment with a blank": lambda value: "2026-03-01 10:00:00Z",
    "week date": lambda value: "2026-W09-7",
    "no text": lambda value: "",
    "blanks": lambda value: "  ",
    "capitals": lambda value: value.upper() if isinstance(value, str) else value,
    "unicode": lambda value: "\u0000\u00e9\u2028\U0001f600</script>",
    "yes": lambda value: "Yes",
    "braced": lambda value: "{" + str(value) + "}",
}
"""The values that stand in a column instead of its own."""
ROWS = ("foreign", "twice", "gone", "extra column", "null row", "text row")
"""The upsets of a row."""

Change = Callable[[Row], Any]
ANSWERS: Mapping[str, Change] = {
    "no value": lambda answer: {k: v for k, v in answer.items() if k != "value"},
    "null value": lambda answer: answer | {"value": None},
    "object for value": lambda answer: answer | {"value": {}},
    "empty value": lambda answer: answer | {"value": []},
    "list": lambda answer: answer["value"],
    "wrong count": lambda answer: answer | {"@odata.count": 12_345},
    "negative count": lambda answer: answer | {"@odata.count": -5},
    "count in text": lambda answer: answer | {"@odata.count": "3"},
    "fraction of a count": lambda answer: answer | {"@odata.count": Decimal("2.5")},
    "huge count": lambda answer: answer | {"@odata.count": 2**40},
    "no count": lambda answer: {k: v for k, v in answer.items() if k != "@odata.count"},
    "limited count": lambda answer: (
        answer | {"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded": True}
    ),
    "foreign link": lambda answer: answer | {"@odata.nextLink": "https://evil.example/data"},
    "link of no text": lambda answer: answer | {"@odata.nextLink": 5},
}
"""The upsets of an answer that is still JSON."""
BODIES: Mapping[str, Callable[[bytes], bytes]] = {
    "no JSON": lambda body: b"<html>Service unavailable</html>",
    "empty": lambda body: b"",
    "cut": lambda body: body[: len(body) // 2],
    "bad UTF-8": lambda body: body.replace(b"value", b"v\xff\xfelue", 1),
    "NaN": lambda body: body.replace(b'"value":[', b'"nan":NaN,"value":[', 1),
}
STATUSES = {
    "400": (400, {}),
    "401": (401, {}),
    "404": (404, {}),
    "412": (412, {}),
    "429": (429, {"Retry-After": "1"}),
    "429 for long": (429, {"Retry-After": "30"}),
    "500": (500, {}),
    "503": (503, {}),
}
"""Refusals; those of a service that is busy come each time or pass."""
CUT, SILENT = "cut connection", "silence"
BROKEN = CUT, SILENT
PASSING = ("429 passes", "503 passes", "cut passes")
SHORT = "short pages"
FAULTS = (*ANSWERS, *BODIES, *STATUSES, *BROKEN, *PASSING, SHORT)

COMPARED = re.compile(r"([\w/.]+) (?:eq|ne|gt|ge|lt|le) |PropertyName='(\w+)'")


@dataclass
class Upsets:
    """One seed's misfortunes: which share of values, rows and answers they befall."""

    seed: int = 0
    values: float = 0.0
    rows: float = 0.0
    answers: float = 0.0
    uneven: bool = False
    """True if answers take different times to arrive."""
    told: bool = False
    """
    True if the answer tells of its reads, each of which is counted after the other until there is
    no time left: which ones are left out would be a matter of timing, so that none is silent.
    """
    met: Counter[str] = field(default_factory=Counter)
    """The number of times that each misfortune has happened."""

    @property
    def none(self) -> bool:
        return not (self.values or self.rows or self.answers)

    def fault(self, target: str) -> str:
        """The fault in the answer to a read of `target`; none where it is empty."""
        what = asked(target)
        if self.answers <= self._chance("answer", what):
            return ""
        fault = self._pick(FAULTS, "fault", what)
        return self._count(CUT if self.told and fault == SILENT else fault)

    def delay(self, target: str) -> float:
        """Seconds until an answer is there."""
        return 0.01 + (0.5 * self._chance("delay", asked(target)) if self.uneven else 0)

    def seconds(self, target: str) -> int:
        """The number of times that a passing fault comes before it passes."""
        return 1 + int(2 * self._chance("times", asked(target)))

    def changed(self, collection: str, answer: Row) -> Row:
        """The answer with its rows and their values upset."""
        if collection not in KEYS or not (self.values or self.rows):
            return answer
        rows = [out for row in answer["value"] for out in self._row(collection, row)]
        return answer | {"value": rows}

    def _row(self, collection: str, row: Row) -> Iterator[Any]:
        name = collection, *(row.get(column) for column in KEYS[collection])
        genuine = deepcopy(row) if self.rows else row
        changed = self._values(name, row, "")
        if self.rows <= self._chance("row", name):
            yield changed
            return
        match self._count(self._pick(ROWS, "what", name)):
            case "foreign":
                yield from (changed, _foreign(genuine))
            case "twice":
                yield from (changed, deepcopy(changed))
            case "extra column":
                yield changed | {"zz_extra": {"more": [1, None]}, "@zz.note": "x"}
            case "null row":
                yield from (changed, None)
            case "text row":
                yield from (changed, "row")

    def _values(self, name: object, row: Row, below: str) -> Row:
        if not self.values:
            return row
        found: Row = {}
        for column, value in row.items():
            path = below + column
            if "@" in column:
                found[column] = value
            elif self._chance(name, path) < self.values:
                found |= self._other(name, path, column, value)
            elif isinstance(value, dict):
                found[column] = self._values(name, value, path + "/")
            else:
                found[column] = value
        return found

    def _other(self, name: object, path: str, column: str, value: Any) -> Row:
        luck = self._chance("kind", name, path)
        if luck < 0.1:
            self._count("missing")
            return {}
        what = "null" if luck < 0.3 else self._pick(tuple(VALUES), "value", name, path)
        return {column: VALUES[self._count(what)](value)}

    def _chance(self, *what: object) -> float:
        text = repr((self.seed, what)).encode()
        return int.from_bytes(blake2b(text, digest_size=6).digest(), "big") / 2**48

    def _pick(self, some: Sequence[T], *what: object) -> T:
        return some[int(self._chance(*what) * len(some))]

    def _count(self, what: str) -> str:
        self.met[what] += 1
        return what


def asked(target: str) -> tuple[str, ...]:
    """The parts of a read other than keys, columns and number of rows, which vary with batching."""
    collection, _, query = target.partition("?")
    options = dict(pair.partition("=")[::2] for pair in unquote(query).split("&"))
    compared = {
        (column or other).removeprefix("_").removesuffix("_value")
        for column, other in COMPARED.findall(options.get("$filter", ""))
    }
    return collection, options.get("$orderby", ""), *sorted(compared)


def _foreign(row: Row) -> Row:
    """The row as if it were somebody else's."""
    return {
        column: OWNERS.get(column, _foreign(value) if isinstance(value, dict) else value)
        for column, value in row.items()
    }
