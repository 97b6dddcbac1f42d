"""Companies, and the reference rows that everything else looks up."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from emulator.world.seed import Row, Rows, Seed

MAIN_WAREHOUSES: Final = ("11", "12")


@dataclass(frozen=True)
class Town:
    """A town that customers and sites are in."""

    city: str
    state: str
    zip: str
    street: str


@dataclass(frozen=True)
class Country:
    """A country under its three names: the ERP's, ISO's and the one that dual-write maps to."""

    erp: str
    iso: str
    name: str
    currency: str
    places: tuple[Town, ...]


USA: Final = Country(
    "USA",
    "US",
    "united states",
    "USD",
    (
        Town("San Diego", "CA", "92101", "456 Harbor Drive"),
        Town("Seattle", "WA", "98101", "1200 Pine Street"),
        Town("Austin", "TX", "78701", "9 Congress Avenue"),
        Town("Boston", "MA", "02108", "77 Beacon Street"),
    ),
)
GERMANY: Final = Country(
    "DEU",
    "DE",
    "germany",
    "EUR",
    (
        Town("Berlin", "BE", "10115", "Bahnhofstraße 5"),
        Town("München", "BY", "80331", "Große Allee 12"),
        Town("Köln", "NW", "50667", "Domplatz 1"),
    ),
)
BRITAIN: Final = Country(
    "GBR",
    "GB",
    "united kingdom",
    "GBP",
    (
        Town("London", "LND", "EC1A 1BB", "10 Aldersgate Street"),
        Town("Leeds", "WYK", "LS1 4AP", "3 Wellington Street"),
    ),
)
JAPAN: Final = Country("JPN", "JP", "japan", "JPY", (Town("東京", "13", "100-0001", "千代田1-1"),))
CANADA: Final = Country(
    "CAN", "CA", "canada", "CAD", (Town("Montréal", "QC", "H2Y 1C6", "99 Rue Notre-Dame"),)
)
FRANCE: Final = Country(
    "FRA", "FR", "france", "EUR", (Town("Orléans", "45", "45000", "2 Rue de l'Écu"),)
)

COUNTRIES: Final = (USA, GERMANY, BRITAIN, JAPAN, CANADA, FRANCE)


@dataclass(frozen=True)
class Company:
    """A legal entity that sells: its home, its tax, and where its customers are."""

    code: str
    name: str
    home: Country
    abroad: tuple[Country, ...]
    tax: Decimal

    @property
    def area(self) -> str:
        """F&O's `dataAreaId`."""
        return self.code.lower()


COMPANIES: Final = (
    Company("USMF", "Contoso Entertainment System USA", USA, (CANADA, FRANCE), Decimal("0.08")),
    Company("DEMF", "Contoso Entertainment System Germany", GERMANY, (FRANCE,), Decimal("0.19")),
    Company("GBSI", "Contoso Consulting GB", BRITAIN, (GERMANY,), Decimal("0.20")),
    Company("JPMF", "コントソ エンターテイメント", JAPAN, (USA,), Decimal("0.10")),
)

CURRENCIES: Final = {
    "USD": ("US Dollar", "$", 2, Decimal("1")),
    "EUR": ("Euro", "€", 2, Decimal("0.9200000000")),
    "GBP": ("Pound Sterling", "£", 2, Decimal("0.7900000000")),
    "CAD": ("Canadian Dollar", "$", 2, Decimal("1.3600000000")),
    "JPY": ("Yen", "¥", 0, Decimal("150.0000000000")),
}
UNITS: Final = ("ea", "box", "kg")
PAYMENT_TERMS: Final = {"Net10": 10, "Net30": 30, "Net45": 45, "Net60": 60, "COD": 0}
SHIP_VIAS: Final = {"10": ("Truck", "UPS"), "20": ("Air", "FedEx"), "30": ("Parcel", "DHL")}
DELIVERY_TERMS: Final = {
    "FOB": "Free on board",
    "CIF": "Cost, insurance, freight",
    "EXW": "Ex works",
}
PRICE_GROUPS: Final = {"Retail": "Retail customers", "Whole": "Wholesale customers"}
CUSTOMER_GROUPS: Final = {
    "10": "Wholesales customers",
    "20": "Major customers",
    "30": "Retail customers",
}
ORIGINS: Final = {"Web": "Customer portal", "EDI": "Electronic exchange", "Phone": "Telephone"}
SITES: Final = {"1": MAIN_WAREHOUSES, "2": ("21",)}


def reference_rows(seed: Seed, companies: tuple[Company, ...]) -> Rows:
    yield from _shared_rows(seed)
    for company in companies:
        yield from _company_rows(seed, company)
        for name, row in _striped_rows(seed, company):
            key = next(iter(row.values()))
            row["_msdyn_company_value"] = seed.id("cdm_companies", company.code)
            yield name, {_id_column(name): seed.id(name, company.code, key)} | row


def _id_column(entity_set: str) -> str:
    singular = {"msdyn_termsofdeliveries": "msdyn_termsofdelivery"}
    return singular.get(entity_set, entity_set.removesuffix("s")) + "id"


def _shared_rows(seed: Seed) -> Rows:
    for code, (name, symbol, precision, rate) in CURRENCIES.items():
        yield (
            "transactioncurrencies",
            {
                "transactioncurrencyid": seed.id("transactioncurrencies", code),
                "isocurrencycode": code,
                "currencyname": name,
                "currencysymbol": symbol,
                "currencyprecision": precision,
                "exchangerate": rate,
            },
        )
    schedule = seed.id("uomschedules", "sold")
    yield "uomschedules", {"uomscheduleid": schedule, "name": "Sold", "baseuomname": "ea"}
    for symbol in UNITS:
        yield (
            "uoms",
            {
                "uomid": seed.id("uoms", symbol),
                "name": symbol,
                "msdyn_symbol": symbol,
                "quantity": 12 if symbol == "box" else 1,
                "_uomscheduleid_value": schedule,
            },
        )


def _company_rows(seed: Seed, company: Company) -> Rows:
    yield (
        "cdm_companies",
        {
            "cdm_companyid": seed.id("cdm_companies", company.code),
            "cdm_companycode": company.code,
            "cdm_name": company.name,
            "cdm_isenabledfordualwrite": True,
        },
    )
    yield (
        "LegalEntities",
        {
            "LegalEntityId": company.code,
            "Name": company.name,
            "AddressCountryRegionId": company.home.erp,
        },
    )


def _striped_rows(seed: Seed, company: Company) -> Iterator[tuple[str, Row]]:
    """Rows of one company; the first column of each is what it is known by."""
    for name, days in PAYMENT_TERMS.items():
        text = "Cash on delivery" if name == "COD" else f"Net {days} days"
        kind = 806380996 if name == "COD" else 806380991
        yield (
            "msdyn_paymentterms",
            {
                "msdyn_name": name,
                "msdyn_description": text,
                "msdyn_days": days,
                "msdyn_paymentmethodtype": kind,
            },
        )
    for code, (text, _) in SHIP_VIAS.items():
        yield "msdyn_shipvias", {"msdyn_name": code, "msdyn_description": text}
    for code, text in DELIVERY_TERMS.items():
        yield "msdyn_termsofdeliveries", {"msdyn_termscode": code, "msdyn_termsdescription": text}
    for code, text in PRICE_GROUPS.items():
        yield "msdyn_pricecustomergroups", {"msdyn_groupcode": code, "msdyn_groupname": text}
    for code, text in CUSTOMER_GROUPS.items():
        yield "msdyn_customergroups", {"msdyn_groupid": code, "msdyn_description": text}
    for code, text in ORIGINS.items():
        yield (
            "msdyn_salesorderorigins",
            {"msdyn_origincode": code, "msdyn_origindescription": text},
        )
    yield from _site_rows(seed, company)


def _site_rows(seed: Seed, company: Company) -> Iterator[tuple[str, Row]]:
    for number, (site, warehouses) in enumerate(SITES.items()):
        place = company.home.places[number % len(company.home.places)]
        yield (
            "msdyn_operationalsites",
            {
                "msdyn_siteid": site,
                "msdyn_sitename": f"{company.code} site {site}",
                "msdyn_primaryaddresscity": place.city,
                "msdyn_primaryaddresscountryregionid": company.home.erp,
            },
        )
        for warehouse in warehouses:
            yield (
                "msdyn_warehouses",
                {
                    "msdyn_warehouseidentifier": warehouse,
                    "msdyn_name": f"Warehouse {warehouse} {place.city}",
                    "msdyn_warehousetype": 192350003,
                    "_msdyn_operationalsite_value": seed.id(
                        "msdyn_operationalsites", company.code, site
                    ),
                },
            )
