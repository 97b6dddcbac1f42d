"""The goods of the showcase: what a wholesaler sells to cafés, at prices that people know."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import product as combinations
from typing import Final

from emulator.world.products import COLORS, SIZES, Product

Good = tuple[str, str, str, str, str]
"""Name, unit, price in US dollars, weight in kilograms, and text."""

BEANS: Final[tuple[Good, ...]] = (
    ("House espresso blend", "kg", "18.50", "1", "Chocolate and hazelnut, medium roast."),
    ("Dark espresso blend", "kg", "17.90", "1", "Dark roast for milk drinks, low in acidity."),
    ("Organic espresso blend", "kg", "22.40", "1", "Certified organic, dried fruit and cocoa."),
    ("Decaf espresso", "kg", "23.80", "1", "Water process, caramel and toast."),
    ("Brazil Cerrado, single origin", "kg", "19.60", "1", "Natural process, nuts and nougat."),
    ("Colombia Huila, single origin", "kg", "21.30", "1", "Washed, red apple and cane sugar."),
    ("Ethiopia Yirgacheffe, single origin", "kg", "26.90", "1", "Washed, jasmine and lemon."),
    ("Kenya Nyeri AA, single origin", "kg", "29.50", "1", "Washed, blackcurrant and tomato."),
    ("Guatemala Antigua, single origin", "kg", "22.10", "1", "Washed, cocoa and orange."),
    ("Filter blend", "kg", "18.90", "1", "For batch brewers, round and sweet."),
    ("Cold brew blend, coarse ground", "kg", "20.20", "1", "Ground for immersion, 12 to 18 hours."),
)
SUPPLIES: Final[tuple[Good, ...]] = (
    ("Vanilla syrup, 1 l", "ea", "9.80", "1.4", "Cane sugar and natural vanilla."),
    ("Caramel syrup, 1 l", "ea", "9.80", "1.4", "Cane sugar and burnt caramel."),
    ("Hazelnut syrup, 1 l", "ea", "9.80", "1.4", "Cane sugar and roasted hazelnut."),
    ("Chocolate sauce, 2.5 kg", "ea", "24.50", "2.6", "For mochas, with a pump thread."),
    ("Chai concentrate, 1 l", "ea", "11.90", "1.1", "Black tea and six spices."),
    ("Matcha, 500 g", "ea", "46.00", "0.5", "Culinary grade from Uji."),
    ("Oat drink barista, 6 x 1 l", "ea", "15.60", "6.2", "Foams at 60 °C, no added sugar."),
    ("Brown sugar sachets, 1,000", "ea", "18.40", "4.1", "Four grams each."),
    ("English breakfast tea, 100 bags", "ea", "13.20", "0.3", "Enveloped bags."),
    ("Peppermint tea, 100 bags", "ea", "13.20", "0.3", "Enveloped bags, no caffeine."),
    ("Drinking chocolate, 1 kg", "ea", "16.70", "1", "32 % cocoa."),
    ("Almond biscotti, 200", "ea", "32.00", "2.2", "Wrapped one by one."),
)
CUPS: Final[tuple[Good, ...]] = (
    ("Espresso cup and saucer, 6", "ea", "38.00", "1.9", "Porcelain, 70 ml, for the dishwasher."),
    ("Cappuccino cup and saucer, 6", "ea", "46.00", "3.1", "Porcelain, 180 ml."),
    ("Latte glass, 6", "ea", "29.00", "1.8", "Tempered glass, 300 ml."),
    ("Paper cup 8 oz, 1,000", "ea", "79.00", "9.5", "Double wall, compostable."),
    ("Paper cup 12 oz, 500", "ea", "52.00", "6.8", "Double wall, compostable."),
    ("Lid for 8 oz cups, 1,000", "ea", "41.00", "3.4", "Bagasse, fits double wall cups."),
    ("Lid for 12 oz cups, 500", "ea", "24.00", "2.3", "Bagasse, fits double wall cups."),
    ("Reusable cup 12 oz", "ea", "8.90", "0.2", "With a silicone lid, printed on request."),
    ("Wooden stirrers, 10,000", "ea", "34.00", "9", "Birch, 140 mm."),
    ("Paper napkins, 3,000", "ea", "27.50", "5.2", "One ply, unbleached."),
    ("Takeaway carrier for 4 cups, 180", "ea", "39.00", "5.6", "Moulded fibre."),
)
TOOLS: Final[tuple[Good, ...]] = (
    ("Milk pitcher, 350 ml", "ea", "19.50", "0.3", "Stainless steel with a narrow spout."),
    ("Milk pitcher, 600 ml", "ea", "23.50", "0.4", "Stainless steel with a narrow spout."),
    ("Tamper, 58 mm", "ea", "42.00", "0.5", "Stainless base, walnut handle."),
    ("Tamping mat", "ea", "14.90", "0.4", "Silicone with a corner edge."),
    ("Knock box", "ea", "36.00", "1.3", "Stainless steel, rubber bar."),
    ("Portafilter, two spouts", "ea", "64.00", "0.8", "58 mm, for E61 groups."),
    ("Precision basket, 18 g", "ea", "27.00", "0.1", "58 mm, ridgeless."),
    ("Barista scale with timer", "ea", "89.00", "0.5", "0.1 g steps, splash proof."),
    ("Digital thermometer", "ea", "18.00", "0.1", "Clips to the pitcher."),
    ("Gooseneck kettle, 1 l", "ea", "118.00", "1.4", "Holds a temperature for an hour."),
    ("Pour over set", "ea", "34.00", "0.9", "Dripper, server and 40 filters."),
    ("Paper filters, 1,000", "ea", "21.00", "1.1", "For 4 to 12 cups, oxygen bleached."),
    ("Group head brush", "ea", "9.50", "0.1", "With angled bristles."),
    ("Machine cleaner, 900 g", "ea", "19.90", "0.9", "For backflushing, food safe."),
    ("Milk system cleaner, 1 l", "ea", "16.40", "1.1", "For steam wands and milk lines."),
    ("Descaler, 1 l", "ea", "14.20", "1.2", "Citric acid, for boilers."),
    ("Water filter cartridge", "ea", "96.00", "2.4", "6,800 l at 10 °dH."),
    ("Bean storage, 5 kg", "ea", "33.00", "1.2", "Airtight, with a scoop."),
)
MACHINES: Final[tuple[Good, ...]] = (
    ("Espresso machine, one group", "ea", "3250.00", "38", "Dual boiler, 230 V, plumbed in."),
    ("Espresso machine, two groups", "ea", "6890.00", "72", "Volumetric, with a steam lever."),
    ("Espresso grinder, on demand", "ea", "1190.00", "14", "64 mm flat burrs, two doses."),
    ("Shop grinder", "ea", "1640.00", "22", "98 mm burrs, from Turkish to French press."),
    ("Batch brewer, 2 x 1.8 l", "ea", "1280.00", "19", "With two vacuum servers."),
    ("Milk fridge, 8 l", "ea", "540.00", "16", "Fits beside the machine."),
    ("Knock out drawer", "ea", "265.00", "7", "Under the grinder, with a bar."),
)
APRON: Final[Good] = ("Barista apron", "ea", "27.00", "0.4", "Cotton canvas, two pockets.")
SCARCE: Final = frozenset(
    {"Espresso machine, two groups", "Matcha, 500 g", "Barista scale with timer"}
)
"""The goods of which there are none just now."""
BY_THE_CARTON: Final = ("Reusable cup 12 oz", "Brown sugar sachets, 1,000")
"""The goods that are sold in certain quantities alone: their numbers can be divided by 25."""
CARTONS: Final = (25, 75)
SKIPPED: Final = ((40, 19), (25, 0), (100, 50))
"""Remainders of numbers that mean something to worlds."""


def showcase_goods() -> list[Product]:
    """The distinct products of sixty items."""
    numbers = (n for n in range(1, 1_000) if all(n % every != rest for every, rest in SKIPPED))
    cartons = dict(zip(BY_THE_CARTON, CARTONS, strict=True))
    found: list[Product] = []
    for good in (*BEANS, *SUPPLIES, *CUPS, *TOOLS, *MACHINES, APRON):
        made = _product(good, cartons.get(good[0]) or next(numbers))
        found += _variants(made) if good is APRON else [made]
    return found


def _product(good: Good, number: int) -> Product:
    name, unit, price, weight, text = good
    item = f"D{number:04d}"
    most = 0 if name in SCARCE else 12 if Decimal(price) > 500 else 240
    return Product(
        item=item,
        number=item,
        name=name,
        unit=unit,
        price=Decimal(price),
        weight=Decimal(weight),
        text=text,
        most_on_hand=most,
    )


def _variants(made: Product) -> Iterator[Product]:
    for color, size in combinations(COLORS, SIZES):
        yield replace(
            made,
            number=f"{made.item}-{color.upper()}-{size}",
            name=f"{made.name}, {color}, {size}",
            color=color,
            size=size,
        )
