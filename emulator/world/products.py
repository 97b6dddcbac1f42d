"""The goods on sale: products and their variants, released in companies, and their prices."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product as combinations
from typing import Final

from emulator.world.reference_rows import COMPANIES, CURRENCIES, Company
from emulator.world.seed import Seed
from emulator.world.words import GOODS, QUALITIES, WEIGHED

STANDARD: Final = "Standard"
WHOLESALE: Final = "Wholesale"
PRICE_LISTS: Final = {STANDARD: Decimal("1"), WHOLESALE: Decimal("0.9")}
BOX: Final = 12
LIMITED: Final = 25
"""Every item with a number divisible by it is sold in certain quantities alone."""
MASTERS: Final = (20, 13)
"""Every 20th item, from the 13th on, comes in variants."""
AT_HOME: Final = (100, 50)
"""Every hundredth item, from the fiftieth on, is released in the first company alone."""
STAPLES: Final = 12
"""The number of items, from the first on, that are sold everywhere and always."""
UNSOLD: Final = (40, 19)
"""Every 40th item, from the 19th on, is not yet sold, so that nobody has ordered it."""
COLORS: Final = ("Black", "Red")
SIZES: Final = ("M", "L")

ACTIVE: Final = {"statecode": 0, "statuscode": 1}
RETIRED: Final = {"statecode": 1, "statuscode": 2}
DRAFT: Final = {"statecode": 2, "statuscode": 0}


@dataclass(frozen=True)
class Product:
    """A distinct product: an item, or one of its variants; `price` is in the base currency."""

    item: str
    number: str
    """The item's own number too, unless it is a variant."""
    name: str
    unit: str
    price: Decimal
    weight: Decimal
    color: str = ""
    size: str = ""
    text: str = ""
    """Its description, where it is not drawn."""
    most_on_hand: int = 2_000
    """The most that a warehouse may have of it."""

    @property
    def limits(self) -> tuple[int, int, int]:
        """Minimum, maximum and multiple of a sale; 0 is none. A few products have them."""
        is_limited = self.unit == "ea" and _index(self.item) % LIMITED == 0
        return (10, 500, 5) if is_limited else (0, 0, 0)

    @property
    def is_staple(self) -> bool:
        return bool(self.text) or _index(self.item) <= STAPLES

    @property
    def is_first(self) -> bool:
        """True if its item has no product before this one."""
        return (self.color, self.size) in ((COLORS[0], SIZES[0]), ("", ""))

    @property
    def is_draft(self) -> bool:
        every, start = UNSOLD
        return _index(self.item) % every == start

    def price_in(self, currency: str, price_list: str) -> Decimal:
        return money(self.price * CURRENCIES[currency][3] * PRICE_LISTS[price_list], currency)

    def is_released_in(self, company: Company) -> bool:
        every, start = AT_HOME
        away = _index(self.item) % every != start
        return company is COMPANIES[0] or away or self.is_staple


def product_id(seed: Seed, company: Company, product: Product) -> str:
    """Each company that releases a product has a row of its own for it."""
    return seed.id("products", company.code, product.number)


def _index(item: str) -> int:
    return int(item[1:])


def money(amount: Decimal, currency: str) -> Decimal:
    """An amount rounded as its currency is."""
    return amount.quantize(Decimal(1).scaleb(-places_of(currency)))


def places_of(currency: str) -> int:
    """Decimals of amounts in a currency."""
    return CURRENCIES[currency][2]


def draw_products(seed: Seed, count: int) -> list[Product]:
    """The distinct products of `count` items."""
    return [each for number in range(1, count + 1) for each in _item(seed, number)]


def _item(seed: Seed, number: int) -> Iterator[Product]:
    good = seed.pick(GOODS)
    item = f"D{number:04d}"
    product = Product(
        item=item,
        number=item,
        name=f"{seed.pick(QUALITIES)} {good} {seed.random.randrange(100, 999)}",
        unit="kg" if good in WEIGHED else "ea",
        price=Decimal(seed.random.randrange(99, 99_999)) / 100,
        weight=Decimal(seed.random.randrange(10, 5_000)) / 100,
    )
    every, start = MASTERS
    if number % every != start:
        yield product
        return
    for color, size in combinations(COLORS, SIZES):
        yield replace(
            product,
            number=f"{item}-{color.upper()}-{size}",
            name=f"{product.name}, {color}, {size}",
            color=color,
            size=size,
        )
