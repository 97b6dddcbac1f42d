"""The row rules at their edges: no account, no contact, no company, no access."""

from dataclasses import replace
from uuid import UUID

import pytest

from gateway.auth.principal import Access, CallerAccount, CallerContact, Kind, Principal
from gateway.model.tables import TABLES
from gateway.upstream.conditions import EVERYTHING, NOTHING, columns
from tests.schema import shipped
from tests.stack import Stack

shipped()
ME, MINE = UUID(int=1), UUID(int=2)
CONTACT = CallerContact(ME, "Jane", None)
ACCOUNT = CallerAccount(MINE, "C1", "usmf")
OWNED = [table for table in TABLES.values() if table.rule.by_account]
NARROW = [access for access in Access if access is not Access.ALL]


BY_PARTY = {"Quote", "QuoteLine", "QuoteRequest", "QuoteRequestLine"}
"""The tables that name people by the newer model of contacts alone."""


def principal(contact: CallerContact | None = CONTACT, *accounts: CallerAccount) -> Principal:
    return Principal(Kind.CUSTOMER, "issuer", "subject", contact=contact, accounts=accounts)


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
def test_nobody_without_accounts_sees_rows_of_accounts(table: object) -> None:
    for access in NARROW:
        for own in (principal(None), principal(None, CallerAccount(MINE, None, None))):
            found = TABLES[table.name].rule.condition(own, access)  # type: ignore[attr-defined]
            assert found != EVERYTHING
            if not own.accounts:
                assert found == NOTHING, access


@pytest.mark.parametrize("table", OWNED, ids=lambda table: table.name)
def test_own_names_account_and_contact(table: object) -> None:
    found = TABLES[table.name]  # type: ignore[attr-defined]
    own = found.rule.condition(principal(CONTACT, ACCOUNT), Access.OWN)

    if not found.rule.knows_contacts:
        assert own == NOTHING
    elif found.name in BY_PARTY:
        assert own == NOTHING
        party = replace(CONTACT, parties=(MINE,))
        named = found.rule.condition(principal(party, ACCOUNT), Access.OWN)
        marks = {"importsequencenumber"} if found.name.startswith("QuoteRequest") else set()
        assert {"_customerid_value", "_msdyn_associatedcontact_value", "statecode"} | marks == {
            path.rpartition("/")[2] for path in columns(named)
        }
    elif found.name != "Contact":
        assert {path.rpartition("/")[2] for path in columns(own)} == {
            "_customerid_value",
            "_msdyn_contactperson_value",
        }
    assert found.rule.condition(principal(None, ACCOUNT), Access.OWN) == NOTHING


def test_f_and_o_is_asked_by_company_and_number() -> None:
    rule = TABLES["Shipment"].rule
    found = rule.condition(principal(CONTACT, ACCOUNT), Access.ACCOUNT)

    assert columns(found) == {"dataAreaId", "OrderAccount"}
    nameless = principal(
        CONTACT, CallerAccount(MINE, None, "usmf"), CallerAccount(MINE, "C1", None)
    )
    assert rule.condition(nameless, Access.ACCOUNT) == NOTHING


@pytest.mark.anyio
async def test_an_id_of_rows_that_are_reached_by_links_leads_where_a_link_does(
    stack: Stack,
) -> None:
    shipments = "{ shipments(first: 100) { nodes { id } } }"
    every = [
        row["id"] for row in (await stack.ask(shipments, as_="rep")).data["shipments"]["nodes"]
    ]
    mine = [row["id"] for row in (await stack.ask(shipments)).data["shipments"]["nodes"]]

    answer = await stack.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=every)

    assert answer.data["nodes"] == [{"id": id_} if id_ in mine else None for id_ in every]
    assert None in answer.data["nodes"]
