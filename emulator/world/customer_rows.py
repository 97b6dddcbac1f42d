"""Writes customers and people as rows: accounts, contacts and parties, and CustomersV3."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from emulator.world.customers import NOT_ON_HOLD, Customer, Person
from emulator.world.product_rows import price_list_id
from emulator.world.seed import Row, Rows, Seed, stamp

CUSTOMER: Final = 3
ENGLISH: Final = 192350015
PERSON_PARTY: Final = 192350001
ORGANIZATION_PARTY: Final = 192350002
SHIP_TO: Final = 2
PRIMARY: Final = 3
MAIN_ADDRESS: Final = 1
HOLDS: Final = ("No", "Invoice", "All", "Payment", "Requisition", "Never")

WEB_ROLES: Final = {
    "Administrators": frozenset({"admin"}),
    "Customer representative": frozenset({"rep"}),
    "Authorized users": frozenset({"jane", "sam", "may"}),
}


def customer_rows(seed: Seed, customers: list[Customer], people: list[Person]) -> Rows:
    for customer in customers:
        first = next((each for each in people if each.customer is customer), None)
        yield (
            "msdyn_parties",
            _party(seed, customer.party, ORGANIZATION_PARTY)
            | {"msdyn_organizationname": customer.name},
        )
        yield "accounts", _account(seed, customer, first)
        yield "CustomersV3", _erp_customer(customer, first)
        for address in _addresses(seed, customer):
            yield "customeraddresses", address
    for person in people:
        yield (
            "msdyn_parties",
            _party(seed, person.party, PERSON_PARTY)
            | {
                "msdyn_firstname": person.first,
                "msdyn_lastname": person.last,
                "msdyn_fullname": person.name,
            },
        )
        yield "contacts", _contact(seed, person)
        if person.customer:
            yield "msdyn_contactforparties", _contact_for_party(seed, person, person.customer)


def contact_for_party_id(seed: Seed, person: Person) -> str:
    return seed.id("msdyn_contactforparties", person.number)


def _party(seed: Seed, number: str, kind: int) -> Row:
    return {
        "msdyn_partyid": seed.id("msdyn_parties", number),
        "msdyn_partynumber": number,
        "msdyn_partytype": kind,
    }


def _account(seed: Seed, customer: Customer, first: Person | None) -> Row:
    return _address(customer, "address1_") | {
        "accountid": customer.id,
        "address1_addressid": _address_id(seed, customer, MAIN_ADDRESS),
        "accountnumber": customer.number,
        "name": customer.name,
        "customertypecode": CUSTOMER,
        "creditlimit": customer.credit_limit,
        "msdyn_creditlimitismandatory": customer.credit_is_mandatory,
        "msdyn_onholdstatus": customer.hold,
        "emailaddress1": f"orders@{customer.domain}.example",
        "telephone1": f"+1 555 {seed.random.randrange(10_000):04d}",
        "msdyn_partynumber": customer.party,
        "_msdyn_partyid_value": seed.id("msdyn_parties", customer.party),
        "_parentaccountid_value": customer.parent,
        "_primarycontactid_value": first and first.id,
        "_msdyn_primarycontact_value": first and contact_for_party_id(seed, first),
        "_defaultpricelevelid_value": _price_list(seed, customer, customer.price_list),
        "_transactioncurrencyid_value": seed.id("transactioncurrencies", customer.currency),
        "_msdyn_company_value": seed.id("cdm_companies", customer.company.code),
        "_msdyn_paymentterm_value": _looked_up(
            seed, "msdyn_paymentterms", customer, customer.terms
        ),
        "_msdyn_customergroupid_value": _looked_up(
            seed, "msdyn_customergroups", customer, customer.group
        ),
        "_msdyn_billingaccount_value": customer.id,
        "createdon": stamp(seed.moment(1_500)),
    }


def _looked_up(seed: Seed, entity_set: str, customer: Customer, key: str) -> str:
    return seed.id(entity_set, customer.company.code, key)


def _price_list(seed: Seed, customer: Customer, price_list: str) -> str:
    return price_list_id(seed, customer.currency, price_list)


def _address(customer: Customer, prefix: str) -> Row:
    place = customer.place
    return {
        f"{prefix}line1": place.street,
        f"{prefix}city": place.city,
        f"{prefix}stateorprovince": place.state,
        f"{prefix}postalcode": place.zip,
        f"{prefix}country": customer.country.name,
    }


def _address_id(seed: Seed, customer: Customer, number: int) -> str:
    return seed.id("customeraddresses", customer.id, number)


def _addresses(seed: Seed, customer: Customer) -> Iterator[Row]:
    """The account's own address, and a warehouse in each of up to two other towns."""
    own, towns = customer.place, customer.country.places
    others = [place for place in towns if place != own][:2]
    for number, place in enumerate((own, *others), start=MAIN_ADDRESS):
        name = customer.name if place == own else f"{customer.name}, warehouse {place.city}"
        yield _address(replace(customer, place=place), "") | {
            "customeraddressid": _address_id(seed, customer, number),
            "addressnumber": number,
            "addresstypecode": PRIMARY if number == MAIN_ADDRESS else SHIP_TO,
            "name": name,
            "msdyn_locationid": f"{customer.party}-{number}",
            "_parentid_value": customer.id,
            "_parentid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        }


def _contact(seed: Seed, person: Person) -> Row:
    row: Row = {
        "contactid": person.id,
        "firstname": person.first,
        "lastname": person.last,
        "fullname": person.name,
        "emailaddress1": person.email,
        "jobtitle": person.job,
        "statecode": 0 if person.is_active else 1,
        "statuscode": 1 if person.is_active else 2,
        "_msdyn_partyid_value": seed.id("msdyn_parties", person.party),
        "createdon": stamp(seed.moment(1_200)),
    }
    if person.customer is None:
        return row
    works_for: Row = {
        "_parentcustomerid_value": person.customer.id,
        "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        "_accountid_value": person.customer.id,
        "_msdyn_company_value": seed.id("cdm_companies", person.customer.company.code),
    }
    return (
        row | works_for | (_defaults(seed, person, person.customer) if person.is_complete else {})
    )


def _defaults(seed: Seed, person: Person, customer: Customer) -> Row:
    """The values that Microsoft's order wizard takes from the contact without asking."""
    return _address(customer, "address1_") | {
        "msdyn_language": ENGLISH,
        "_defaultpricelevelid_value": _price_list(seed, customer, person.price_list),
        "_transactioncurrencyid_value": seed.id("transactioncurrencies", customer.currency),
        "_msdyn_paymentterms_value": _looked_up(
            seed, "msdyn_paymentterms", customer, customer.terms
        ),
    }


def _contact_for_party(seed: Seed, person: Person, customer: Customer) -> Row:
    return {
        "msdyn_contactforpartyid": contact_for_party_id(seed, person),
        "msdyn_contactforpartynumber": person.number,
        "msdyn_employmentjobtitle": person.job,
        "statecode": 0 if person.is_active else 1,
        "statuscode": 1 if person.is_active else 2,
        "_msdyn_contactpartyid_value": seed.id("msdyn_parties", person.party),
        "_msdyn_associatedpartyid_value": seed.id("msdyn_parties", customer.party),
        "_msdyn_contactid_value": person.id,
        "_msdyn_associatedaccountid_value": customer.id,
        "_msdyn_associatedcompanyid_value": seed.id("cdm_companies", customer.company.code),
    }


def _erp_customer(customer: Customer, first: Person | None) -> Row:
    place, country = customer.place, customer.country
    return {
        "dataAreaId": customer.company.area,
        "CustomerAccount": customer.number,
        "PartyType": "Organization",
        "PartyNumber": customer.party,
        "OrganizationName": customer.name,
        "CustomerGroupId": customer.group,
        "SalesCurrencyCode": customer.currency,
        "LanguageId": "en-us",
        "CreditLimit": customer.credit_limit,
        "CreditLimitIsMandatory": "Yes" if customer.credit_is_mandatory else "No",
        "OnHoldStatus": HOLDS[customer.hold - NOT_ON_HOLD],
        "PaymentTerms": customer.terms,
        "InvoiceAccount": customer.number,
        "ContactPersonId": first.number if first else "",
        "AddressStreet": place.street,
        "AddressCity": place.city,
        "AddressState": place.state,
        "AddressZipCode": place.zip,
        "AddressCountryRegionId": country.erp,
        "AddressCountryRegionISOCode": country.iso,
        "FullPrimaryAddress": f"{place.street}\n{place.city} {place.zip}\n{country.iso}",
        "PrimaryContactEmail": f"orders@{customer.domain}.example",
    }


def web_role_rows(seed: Seed, people: dict[str, Person]) -> Rows:
    """Power Pages' roles of the demo users, as a site that exists would have them."""
    for role, holders in WEB_ROLES.items():
        identifier = seed.id("adx_webroles", role)
        yield "adx_webroles", {"adx_webroleid": identifier, "adx_name": role}
        for name in sorted(holders & people.keys()):
            yield (
                "adx_webrole_contactset",
                {
                    "adx_webrole_contactid": seed.id("adx_webrole_contactset", role, name),
                    "adx_webroleid": identifier,
                    "contactid": people[name].id,
                },
            )
