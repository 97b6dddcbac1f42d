"""Finds the rows that a map's dotted columns stand for, within the company that they belong to."""

from collections.abc import Iterator

from emulator.metadata import Column, Table
from emulator.store import Store
from emulator.values import Row, Stored, fold

COMPANY = "_msdyn_company_value"
PRODUCT_COMPANY = "_msdyn_companyid_value"
STRIPES = (COMPANY, PRODUCT_COMPANY, "_msdyn_associatedcompanyid_value")
PERSON = "msdyn_contactpersonid"


class Unsynced(Exception):
    """Dataverse does not take what the ERP wrote."""


class Lookups:
    """Lookups of one store as text and back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._companies = store.catalog.named("cdm_company")

    def area(self, row: Row) -> str | None:
        """The `dataAreaId` of a Dataverse row, which has none without a company."""
        key = row.get(COMPANY)
        company = self._store.get(self._companies, (key,)) if key else None
        return str(company["cdm_companycode"]).lower() if company else None

    def company(self, area: Stored) -> Stored:
        """The id of the company of an F&O row, if Dataverse has it."""
        where = 'fold("cdm_companycode") = ?'
        found = self._store.find(self._companies, where, [fold(str(area))])
        return found["cdm_companyid"] if found else None

    def text(self, column: Column, found_by: str, key: Stored) -> str:
        """The text by which the row that a lookup points at is known."""
        for table, name in self._targets(column, found_by):
            row = self._store.get(table, (key,)) if key else None
            if row is not None:
                return str(row[name] or "")
        return ""

    def key(self, column: Column, found_by: str, text: Stored, company: Stored) -> Stored:
        """The id of the row that is known by a text, nothing for none."""
        if not text:
            return None
        for table, name in self._targets(column, found_by):
            stripe = next((each for each in STRIPES if table.has(each)), None)
            where, values = f'fold("{name}") = ?', [fold(str(text))]
            if stripe:
                where, values = (
                    f'{where} AND ("{stripe}" = ? OR "{stripe}" IS NULL)',
                    [*values, str(company)],
                )
            if found := self._store.find(table, where, values):
                return found[table.id]
        names = [each.table for each in column.targets]
        raise Unsynced(f"Unable to lookup {' or '.join(names)} with values {{{found_by}: {text}}}.")

    def _targets(self, column: Column, found_by: str) -> Iterator[tuple[Table, str]]:
        for target in column.targets:
            table = self._store.catalog.named(target.table)
            yield table, found_by if table.has(found_by) else PERSON
