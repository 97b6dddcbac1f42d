"""The sizes of the generated worlds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LINES_PER_ORDER: Final = 5


@dataclass(frozen=True)
class Size:
    companies: int
    accounts: int
    contacts: int
    products: int
    orders: int
    is_shown: bool = False
    """True for the showcase, which has people, goods and days of its own."""


SHOWCASE: Final = "showcase"
SIZES: Final[Mapping[str, Size]] = {
    SHOWCASE: Size(companies=2, accounts=9, contacts=10, products=60, orders=260, is_shown=True),
    "small": Size(companies=2, accounts=20, contacts=60, products=300, orders=2_000),
    "medium": Size(companies=3, accounts=200, contacts=600, products=1_000, orders=10_000),
    "large": Size(companies=4, accounts=2_000, contacts=6_000, products=3_000, orders=50_000),
}
