"""The buyers: customer accounts and the people who act for them, the awkward cases first."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from emulator.identities import DEMO_USERS
from emulator.world.products import STANDARD, WHOLESALE
from emulator.world.reference_rows import (
    CUSTOMER_GROUPS,
    PAYMENT_TERMS,
    Company,
    Country,
    Town,
)
from emulator.world.seed import Seed
from emulator.world.sizes import Size
from emulator.world.words import FIRMS, FIRST_NAMES, JOBS, LAST_NAMES

NOT_ON_HOLD: Final = 806380000
ON_HOLD_FOR_ALL: Final = 806380002


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A customer account of one company."""

    id: str
    number: str
    name: str
    company: Company
    country: Country
    place: Town
    price_list: str
    terms: str
    group: str
    party: str
    credit_limit: Decimal
    credit_is_mandatory: bool = False
    parent: str | None = None
    hold: int = NOT_ON_HOLD
    orders: int = 1
    """The weight of its orders against the others'."""

    @property
    def currency(self) -> str:
        return self.country.currency

    @property
    def domain(self) -> str:
        return _ascii(self.name) or "customer"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A contact; `number` is theirs as a contact of their customer's party."""

    id: str
    number: str
    first: str
    last: str
    email: str | None
    customer: Customer | None
    party: str
    job: str
    price_list: str
    is_complete: bool = True
    is_active: bool = True

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"


@dataclass(frozen=True, kw_only=True)
class Special:
    """A customer that every world has, because some rule needs one like it."""

    company: int
    number: str
    name: str
    parent: str | None = None
    hold: int = NOT_ON_HOLD
    credit_is_mandatory: bool = False
    orders: int = 1


BUYER: Final = "US-001"
OTHER_BUYER: Final = "DE-001"
PAYMENT_CENTER: Final = "US-009"
"""Pays for some of the first buyer's orders."""

SPECIALS: Final = (
    Special(company=0, number=BUYER, name="Contoso Retail San Diego", orders=4),
    Special(company=0, number="US-002", name="Contoso Retail Los Angeles", parent=BUYER),
    Special(company=0, number="US-003", name="Contoso Retail Seattle", parent=BUYER),
    Special(company=1, number=OTHER_BUYER, name="Fabrikam Elektronik GmbH", orders=3),
    Special(company=0, number="C1", name="Northwind Traders"),
    Special(company=0, number="C10", name="Northwind Traders"),
    Special(company=1, number="C1", name="Müller & Söhne"),
    Special(company=0, number="US-007", name="Late Payers Inc.", hold=ON_HOLD_FOR_ALL),
    Special(company=0, number="US-008", name="Thin Ice Ltd.", credit_is_mandatory=True),
    Special(company=0, number=PAYMENT_CENTER, name="Contoso Retail Payment Center", orders=0),
    Special(company=1, number="DE-004", name="Neukunde ohne Auftrag", orders=0),
)

SHARED_EMAIL: Final = "shared.mailbox@northwind.example"
DEACTIVATED_EMAIL: Final = "former.buyer@contoso-retail.example"
INCOMPLETE_EMAIL: Final = "nora.incomplete@contoso-retail.example"
ORPHAN_EMAIL: Final = "odd.orphan@nowhere.example"


def draw_customers(seed: Seed, size: Size, companies: tuple[Company, ...]) -> list[Customer]:
    customers = [_special(seed, each, companies[each.company]) for each in SPECIALS]
    numbers = Counter({company.code: 100 for company in companies})
    for index in range(size.accounts - len(customers)):
        company = companies[index % len(companies)]
        numbers[company.code] += 1
        number = f"{company.home.iso}-{numbers[company.code]}"
        customers.append(_ordinary(seed, number, company))
    return customers


def _special(seed: Seed, special: Special, company: Company) -> Customer:
    parent = special.parent and seed.id("accounts", company.code, special.parent)
    return customer_of(
        seed,
        company=company,
        number=special.number,
        name=special.name,
        country=company.home,
        place=company.home.places[0],
        price_list=STANDARD,
        credit_limit=Decimal(1_000 if special.credit_is_mandatory else 100_000),
        credit_is_mandatory=special.credit_is_mandatory,
        parent=parent,
        hold=special.hold,
        orders=special.orders,
    )


def _ordinary(seed: Seed, number: str, company: Company) -> Customer:
    country = seed.pick(company.abroad) if seed.chance(20) else company.home
    place = seed.pick(country.places)
    return customer_of(
        seed,
        company=company,
        number=number,
        name=f"{seed.pick(FIRMS)} {place.city}",
        country=country,
        place=place,
        price_list=seed.weighted({STANDARD: 7, WHOLESALE: 3}),
        credit_limit=Decimal(seed.random.randrange(0, 200) * 1_000),
    )


def customer_of(seed: Seed, *, company: Company, number: str, **facts: object) -> Customer:
    """A customer with these facts; what is not among them is drawn."""
    drawn = {
        "terms": seed.pick(list(PAYMENT_TERMS)),
        "group": seed.pick(list(CUSTOMER_GROUPS)),
        "party": f"{company.home.iso}-P-{number}",
    }
    identifier = seed.id("accounts", company.code, number)
    return Customer(id=identifier, number=number, company=company, **(drawn | facts))  # type: ignore[arg-type] # checked by the fields of Customer


def draw_people(seed: Seed, size: Size, customers: list[Customer]) -> list[Person]:
    people = list(_known_people(seed, customers))
    for number in range(size.contacts - len(people)):
        people.append(_ordinary_person(seed, number, customers[number % len(customers)]))
    return people


def _known_people(seed: Seed, customers: list[Customer]) -> Iterator[Person]:
    buyer = next(each for each in customers if each.number == BUYER)
    other = next(each for each in customers if each.number == OTHER_BUYER)
    northwind = next(each for each in customers if each.number == "C10")
    for name, user in DEMO_USERS.items():
        if user.is_contact:
            first, _, last = user.name.partition(" ")
            at = other if name == "may" else buyer
            price_list = WHOLESALE if name == "jane" else STANDARD
            yield person_of(seed, first, last, user.email, at, price_list=price_list)
    yield person_of(seed, "Fred", "Former", DEACTIVATED_EMAIL, buyer, is_active=False)
    yield person_of(seed, "Nora", "Incomplete", INCOMPLETE_EMAIL, buyer, is_complete=False)
    yield person_of(seed, "Odd", "Orphan", ORPHAN_EMAIL, None)
    yield person_of(seed, "Anna", "Shared", SHARED_EMAIL, northwind)
    yield person_of(seed, "Otto", "Shared", SHARED_EMAIL, northwind)


def _ordinary_person(seed: Seed, number: int, customer: Customer) -> Person:
    first, last = seed.pick(FIRST_NAMES), seed.pick(LAST_NAMES)
    local = f"{_ascii(first)}.{_ascii(last, keep=chr(39))}.{number}"
    email = f"{local}@{customer.domain}.example" if number % 25 != 24 else None
    return person_of(seed, first, last, email, customer, namesake=number)


def person_of(
    seed: Seed,
    first: str,
    last: str,
    email: str | None,
    customer: Customer | None,
    *,
    price_list: str | None = None,
    is_complete: bool = True,
    is_active: bool = True,
    namesake: int | None = None,
) -> Person:
    """
    A person who works for a customer, or for nobody; `namesake` tells apart those of one name who
    have no e-mail.
    """
    key = (first, last, email or namesake, customer and customer.id)
    identifier = seed.id("contacts", *key)
    return Person(
        id=identifier,
        number=identifier[:8].upper(),
        first=first,
        last=last,
        email=email,
        customer=customer,
        party=f"P-{identifier[:8].upper()}",
        job=seed.pick(JOBS),
        price_list=price_list or (customer.price_list if customer else STANDARD),
        is_complete=is_complete,
        is_active=is_active,
    )


def _ascii(text: str, keep: str = "") -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "".join(char for char in plain if char.isalnum() or char in keep)
