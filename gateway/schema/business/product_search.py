"""Words in any order -> the products that have each of them in a number, the name or the text."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.errors import InvalidInput, UpstreamError
from gateway.loaders.hiding import shows
from gateway.loaders.rows import Loaders
from gateway.loaders.windows import window
from gateway.model.narrowing import narrows
from gateway.schema.business.catalog import Product
from gateway.schema.business.customer_items import (
    NUMBER,
    TABLE,
    TOLD,
    CustomerItem,
    has_customer_items,
    items_numbered,
)
from gateway.upstream.conditions import Condition, Like, both, either

SEARCHED: Final = ("number", "item_number", "name", "description")
"""The members of a product in which words are looked for."""
JOINED: Final = ("item_number", "company", "variant")
"""The members by which a customer's own number leads to products."""
LONGEST: Final = 100
MOST_WORDS: Final = 10
MOST_ITEMS: Final = 20
"""The customer's own numbers that one search takes up."""
MOST_NUMBERS: Final = 100
"""The customer's own numbers by which products are looked up at once."""


def without_own(loaders: Loaders, text: str) -> Condition:
    """The condition where none of the customer's own numbers has a word, as is mostly so."""
    return _each_word(loaders, _words(text), ())


@narrows(
    Product,
    "search",
    str,
    "List the products that have each of these words in a number, your own number, the name or "
    f"the description; at most {MOST_WORDS} words and {LONGEST} characters.",
    calls=2,
    guess=without_own,
)
async def search(loaders: Loaders, text: str) -> Condition:
    words = _words(text)
    return _each_word(loaders, words, await _own(loaders, words) if words else ())


def _words(text: str) -> list[str]:
    words = [*dict.fromkeys(text.split())]
    if len(text) > LONGEST or len(words) > MOST_WORDS:
        said = f"search may have at most {MOST_WORDS} words and {LONGEST} characters."
        raise InvalidInput(said, argument="search")
    return words


def _each_word(loaders: Loaders, words: Sequence[str], own: Sequence[CustomerItem]) -> Condition:
    """Each word in a member that the caller may read, or in an own number."""
    table, hidden = Product.__table__, loaders.reader.principal.rights.hidden
    columns = [table.scalar_of(name) for name in SEARCHED if shows(table, name, hidden)]
    return both(*(either(*_ways(word, columns, own)) for word in words))


@narrows(
    Product,
    "customer_item_numbers",
    list[str],
    f"List the products for which these numbers of your own stand; at most {MOST_NUMBERS}.",
    calls=1,
)
async def numbered(loaders: Loaders, numbers: Sequence[str]) -> Condition:
    if len(numbers) > MOST_NUMBERS:
        said = f"customerItemNumbers may have at most {MOST_NUMBERS} numbers."
        raise InvalidInput(said, argument="customerItemNumbers")
    found = await asyncio.gather(*(items_numbered(loaders, each) for each in set(numbers)))
    return either(*(item.condition for items in found for item in items if item.item_number))


def _ways(word: str, columns: Sequence[str], own: Sequence[CustomerItem]) -> Iterable[Condition]:
    yield from (Like(column, "contains", word) for column in columns)
    yield from (each.condition for each in own if word.casefold() in (each.number or "").casefold())


async def _own(loaders: Loaders, words: Iterable[str]) -> list[CustomerItem]:
    """The customer's own numbers with any of the words; none while the ERP cannot be asked."""
    hidden = loaders.reader.principal.rights.hidden
    joined = all(shows(Product.__table__, name, hidden) for name in JOINED)
    if not joined or not has_customer_items(loaders):
        return []
    # The ERP reads '*' as a wildcard: a part without it finds more, of which `_ways` takes its own.
    parts = {max(word.split("*"), key=len) for word in words} - {""}
    if not parts:
        return []
    where = either(*(Like(NUMBER, "contains", part) for part in sorted(parts)))
    order = loaders.reader.default_order(TABLE)
    try:
        found = await loaders.page(
            TABLE, TOLD, window(TABLE, first=MOST_ITEMS, where=where, order=order)
        )
    except UpstreamError:
        return []
    return [each for each in map(CustomerItem, found.rows) if each.item_number]
