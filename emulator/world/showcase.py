"""
A world that is worth showing: a wholesaler of coffee and the cafés that buy there.

Its rows are written as those of every world; said here is who they are, what they buy, and when.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from emulator.identities import DEMO_USERS
from emulator.world.customers import (
    BUYER,
    NOT_ON_HOLD,
    ON_HOLD_FOR_ALL,
    OTHER_BUYER,
    Customer,
    Person,
    customer_of,
    person_of,
)
from emulator.world.orders import Draw, Status
from emulator.world.products import STANDARD, WHOLESALE, Product
from emulator.world.reference_rows import Company, Town
from emulator.world.seed import REFERENCE, Rows, Seed

SECOND: Final = "US-002"
"""The other account of a buyer of two; it is on hold."""
LOS_ANGELES: Final = Town("Los Angeles", "CA", "90013", "210 Spring Street")
PORTLAND: Final = Town("Portland", "OR", "97205", "18 Burnside Street")
CAFES: Final = (
    (0, BUYER, "Contoso Retail San Diego", None, 6),
    (0, SECOND, "Contoso Retail Los Angeles", LOS_ANGELES, 2),
    (1, OTHER_BUYER, "Fabrikam Elektronik GmbH", None, 4),
    (0, "US-011", "Fourth Coffee Portland", PORTLAND, 3),
    (0, "US-012", "Alpine Ski House", None, 2),
    (0, "US-013", "Coho Winery", None, 2),
    (0, "US-014", "Wide World Importers", None, 1),
    (1, "DE-011", "Café am Dom", None, 2),
    (1, "DE-012", "Rösterei Nord", None, 2),
)
"""Company, number, name, town if it is another than the company's own, and how often they order."""
TERMS: Final = "Net30"
PEOPLE: Final = (
    ("Grace", "Hughes", "US-011"),
    ("Liam", "Carter", "US-012"),
    ("Rosa", "Rossi", "US-013"),
    ("Noah", "Brown", "US-014"),
    ("Emma", "Fischer", "DE-011"),
    ("Hugo", "Jensen", "DE-012"),
)
USUAL: Final = {
    Status.INVOICED: 64,
    Status.DELIVERED: 6,
    Status.PARTIALLY_INVOICED: 4,
    Status.PARTIALLY_DELIVERED: 5,
    Status.PICKED: 4,
    Status.CONFIRMED: 8,
    Status.ACTIVE: 6,
    Status.CANCELED: 3,
}
AGES: Final = {
    Status.ACTIVE: (0, 1),
    Status.CONFIRMED: (1, 3),
    Status.PICKED: (2, 3),
    Status.PARTIALLY_DELIVERED: (3, 6),
    Status.DELIVERED: (4, 9),
    Status.PARTIALLY_INVOICED: (6, 16),
    Status.INVOICED: (12, 420),
    Status.CANCELED: (20, 200),
}
"""Days since an order of each status was placed: from, and to."""
LATE: Final = 15
"""Days since those were placed that should have been sent long ago."""
FIRST: Final = (
    (Status.CONFIRMED, LATE),
    (Status.CONFIRMED, 2),
    (Status.PARTIALLY_DELIVERED, LATE),
    (Status.ACTIVE, 0),
    (Status.PARTIALLY_DELIVERED, 6),
    (Status.PICKED, 3),
    (Status.DELIVERED, 7),
    (Status.PARTIALLY_INVOICED, 14),
)
"""The first orders, which are those of the people of the demo: status, and days since."""
QUANTITIES: Final = (
    (Decimal(20), (6, 12, 12, 24, 24, 36)),
    (Decimal(60), (4, 6, 8, 12)),
    (Decimal(300), (1, 2, 2, 3, 4)),
    (Decimal(100_000), (1, 1, 2)),
)
"""Below a price, the quantities in which something is bought."""
CARTONS: Final = (10, 20, 50)
CHEAP: Final = Decimal(60)


def cafes(seed: Seed, companies: tuple[Company, ...]) -> list[Customer]:
    """The customers, of which the second is on hold."""
    return [
        customer_of(
            seed,
            company=companies[company],
            number=number,
            name=name,
            country=companies[company].home,
            place=town or companies[company].home.places[0],
            price_list=STANDARD,
            credit_limit=Decimal(40_000),
            hold=ON_HOLD_FOR_ALL if number == SECOND else NOT_ON_HOLD,
            orders=weight,
            terms=TERMS,
        )
        for company, number, name, town, weight in CAFES
    ]


def baristas(seed: Seed, customers: list[Customer]) -> list[Person]:
    """The people of the demo, and one of each other customer."""
    by_number = {each.number: each for each in customers}
    found = []
    for name, user in DEMO_USERS.items():
        if user.is_contact:
            first, _, last = user.name.partition(" ")
            at = by_number[OTHER_BUYER if name == "may" else BUYER]
            price_list = WHOLESALE if name == "jane" else STANDARD
            found.append(person_of(seed, first, last, user.email, at, price_list=price_list))
    for first, last, number in PEOPLE:
        email = f"{first}.{last}@{by_number[number].domain}.example".lower()
        found.append(person_of(seed, first, last, email, by_number[number]))
    return found


def second_account_rows(seed: Seed, customers: list[Customer], people: list[Person]) -> Rows:
    """Sam buys for a second account too, which the party model says."""
    sam = next(each for each in people if each.email == DEMO_USERS["sam"].email)
    second = next(each for each in customers if each.number == SECOND)
    yield (
        "msdyn_contactforparties",
        {
            "msdyn_contactforpartyid": seed.id("msdyn_contactforparties", sam.number, SECOND),
            "msdyn_contactforpartynumber": f"{sam.number}2",
            "msdyn_employmentjobtitle": sam.job,
            "statecode": 0,
            "statuscode": 1,
            "_msdyn_contactpartyid_value": seed.id("msdyn_parties", sam.party),
            "_msdyn_associatedpartyid_value": seed.id("msdyn_parties", second.party),
            "_msdyn_contactid_value": sam.id,
            "_msdyn_associatedaccountid_value": second.id,
            "_msdyn_associatedcompanyid_value": seed.id("cdm_companies", second.company.code),
        },
    )


class ShowcaseDraw(Draw):
    """Orders as cafés place them: of late, of few machines and many beans."""

    def _life(self, index: int) -> tuple[Status, datetime]:
        if index < len(FIRST):
            status, days = FIRST[index]
        else:
            status = self.seed.weighted(USUAL)
            days = self.seed.random.randint(*AGES[status])
        hour = self.seed.random.randrange(7, 17) if days else 6
        moment = REFERENCE - timedelta(days=days)
        return status, moment.replace(hour=hour, minute=self.seed.random.randrange(60))

    def _parties(self, index: int) -> tuple[Customer, Person | None]:
        customer, person = super()._parties(index)
        sam = self.people[1]
        if person is sam and index % 8 == 5:
            # One of Sam's orders is of the account that is on hold.
            return next(each for each in self.customers if each.number == SECOND), sam
        return customer, person

    def _chosen(self, number: int, released: list[Product]) -> Product:
        """The first line is of something that is bought in numbers, so that it can be parted."""
        if number == 1:
            return self.seed.pick([each for each in released if each.price < CHEAP])
        return super()._chosen(number, released)

    def _steps(self, number: int, product: Product) -> int:
        if product.limits[0]:
            return self.seed.pick(CARTONS)
        usual = next(steps for below, steps in QUANTITIES if product.price < below)
        return self.seed.pick(usual)
