"""
The documents that are compared, and what an answer says apart from how it is spelled.

The candidates have one schema for these, with one exception: Mesh derives its own from the OData
metadata and is sent the same questions in its words. Ids are opaque and differ; all else is equal.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Answer = dict[str, Any]

LARGE = """query L {
  orders(first: 50) {
    nodes {
      id number status total { amount }
      account { name }
      lines(first: 10) { nodes { description quantity unitPrice { amount } } }
    }
  }
}"""
SMALL = """query S($id: ID!) {
  order(id: $id) { id number status placedAt total { amount } customerReference }
}"""
WIDE = """query W {
  orders(first: 100) {
    nodes {
      id number status total { amount }
      lines(first: 10) {
        nodes { description quantity unitPrice { amount } product { number name } }
      }
    }
  }
}"""


@dataclass(frozen=True, slots=True)
class Work:
    """A query, about one order by its id if it `takes_ids`; `rows`: objects in the answer."""

    name: str
    title: str
    query: str
    rows: int
    takes_ids: bool = False


WORKS = {
    work.name: work
    for work in (
        Work("L", "50 orders x (customer, 4 lines), 850 leaves", LARGE, rows=50 * (1 + 1 + 4)),
        Work("S", "one order, six fields", SMALL, rows=1, takes_ids=True),
        Work("W", "100 orders x 10 lines x product", WIDE, rows=100 * (1 + 10 + 10)),
    )
}


def order_ids(large: Answer) -> list[str]:
    """The ids of the orders in an answer to L."""
    return [order["id"] for order in large["data"]["orders"]["nodes"]]


def meaning(answer: Answer) -> Any:
    """An answer without ids, with numbers and times in one spelling."""
    return _plain(answer)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items() if name != "id"}
        case list():
            return [_plain(each) for each in value]
        case int() | float() | str() if not isinstance(value, bool):
            return _scalar(str(value))
    return value


def _scalar(text: str) -> str:
    with suppress(InvalidOperation):
        return str(Decimal(text).normalize())
    with suppress(ValueError):
        return datetime.fromisoformat(text).isoformat()
    return text
