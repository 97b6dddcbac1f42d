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


SIZES: Final[Mapping[str, Size]] = {
    "small": Size(companies=2, accounts=20, contacts=60, products=300, orders=2_000),
    "medium": Size(companies=3, accounts=200, contacts=600, products=1_000, orders=10_000),
    "large": Size(companies=4, accounts=2_000, contacts=6_000, products=3_000, orders=50_000),
}
