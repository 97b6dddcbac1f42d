"""The categories of goods and the kinds of their pictures, by the lists of the showcase."""

from collections.abc import Mapping
from typing import Final

from emulator.world.products import Product
from emulator.world.showcase_goods import APRON, BEANS, CUPS, MACHINES, SUPPLIES, TOOLS
from emulator.world.words import CATEGORIES

Shelf = tuple[str, ...]
"""Names of categories, from the top down."""
KINDS: Final = ("box", "pitcher", "machine", "cup", "bag", "apron")
CLEANING: Final = ("cleaner", "descaler", "brush", "filter cartridge")
GRINDERS: Final = ("grinder",)
DRINKS: Final = ("tea", "chai", "matcha", "chocolate", "drink")


def shelf_of(product: Product) -> Shelf:
    """The category in which a product stands."""
    name = _base(product)
    if name not in _SHOWN:
        number = int(product.item[1:])
        top = CATEGORIES[number % len(CATEGORIES)]
        return (top, f"{top} {number % 3 + 1}") if number % 4 else (top,)
    list_of, lower = _SHOWN[name], name.casefold()
    if list_of == "bag":
        return ("Coffee", "Single origins" if "single origin" in lower else "Blends")
    if list_of == "box":
        return ("Pantry", "Drinks" if _has(lower, DRINKS) else "Syrups and sweets")
    if list_of == "cup":
        return ("Cups and takeaway", "Porcelain and glass" if ", 6" in lower else "Takeaway")
    if list_of == "pitcher":
        return ("Bar tools", "Cleaning" if _has(lower, CLEANING) else "Brewing and milk")
    if list_of == "machine":
        return ("Machines", "Grinders" if _has(lower, GRINDERS) else "Brewers and fridges")
    return ("Clothing",)


def kind_of(product: Product) -> str:
    """The drawing that is its picture."""
    return _SHOWN.get(_base(product)) or KINDS[int(product.item[1:]) % (len(KINDS) - 1)]


def _base(product: Product) -> str:
    """The name of its item."""
    suffix = f", {product.color}, {product.size}" if product.color else ""
    return product.name.removesuffix(suffix)


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)


_SHOWN: Final[Mapping[str, str]] = {
    good[0]: kind
    for kind, goods in (
        ("bag", BEANS),
        ("box", SUPPLIES),
        ("cup", CUPS),
        ("pitcher", TOOLS),
        ("machine", MACHINES),
        ("apron", (APRON,)),
    )
    for good in goods
}
