"""The vocabulary of the generated worlds: firms, people and goods, awkward ones included."""

from typing import Final

FIRMS: Final = (
    "Northwind Traders",
    "Adventure Works",
    "Alpine Ski House",
    "Tailspin Toys",
    "Wingtip Toys",
    "Litware",
    "Proseware",
    "Coho Winery",
    "Fourth Coffee",
    "Relecloud",
    "Trey Research",
    "VanArsdel",
    "Wide World Importers",
    "Southridge Video",
    "Müller & Söhne",
    "Škoda Díly",
    "東京商事",
    "Café “Chez Zoë”",
    "O'Reilly's Hardware",
    "Łódź Metal",
    'Bolt "Tight" & Sons',
    "Ærø Træ",
    "Ελληνική Τροφή",
    "Smith & Co. <Export>",
    "100% Cotton_Mills",
    "Garcia / Pérez",
)

FIRST_NAMES: Final = (
    "Alice", "Ben", "Chloë", "Dmitri", "Emma", "Farid", "Grace", "Hugo", "Ines", "Jörg",
    "Kavya", "Liam", "Mónica", "Noah", "Olga", "Pavel", "Quinn", "Rosa", "Søren", "Thu",
    "Uma", "Viktor", "Wren", "Ximena", "Yusuf", "Zoë",
)  # fmt: skip

LAST_NAMES: Final = (
    "Andersen", "Brown", "Carter", "D'Souza", "Evans", "Fischer", "García", "Hughes", "Ivanov",
    "Jensen", "Kowalski", "López", "Müller", "Nakamura", "O'Neil", "Petrov", "Quist", "Rossi",
    "Schäfer", "Tanaka", "Usman", "Varga", "Weiß", "Xu", "Yildiz", "Žižek",
)  # fmt: skip

JOBS: Final = ("Buyer", "Purchasing Manager", "Store Manager", "Controller", "Owner")

QUALITIES: Final = (
    "Compact", "Classic", "Heavy-duty", "Quiet", "Folding", "Stainless", "Portable", "Wireless",
    "Énergie", "Natürlich", '24" wide', "“Pro”", "A & B", "50% lighter", "Low_profile",
)  # fmt: skip

GOODS: Final = (
    "Speaker", "Desk lamp", "Toolbox", "Office chair", "Coffee grinder", "Kaffeemühle",
    "Monitor arm", "Projector", "Label printer", "Shelf bracket", "Hex bolt", "Cable drum",
    "Paint", "Espresso beans", "Gartenschlauch", "Work gloves", "Floor mat", "Water filter",
    "Power strip", "Battery pack",
)  # fmt: skip

WEIGHED: Final = frozenset({"Paint", "Espresso beans"})

CATEGORIES: Final = ("Electronics", "Tools", "Furniture", "Kitchen", "Garden")
