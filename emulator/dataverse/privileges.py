"""The application user's privileges, by name; an environment may deny some of them.

Lines have no privileges of their own; whoever may write an order may write its lines.
"""

from collections.abc import Iterator
from typing import Any, Final

from emulator.dataverse.definitions import CRM, PRIVILEGES, metadata_id, privilege_name
from emulator.errors import BadQuery, Refusal
from emulator.exchange import Answer, Ask, Segment
from emulator.metadata import Catalog, Service, Table
from emulator.odata.lexer import split
from emulator.store import Store
from emulator.values import GUID, guid_order, guid_text

Json = dict[str, Any]
RIGHTS: Final = {"Read": "ReadAccess", "Write": "WriteAccess", "Append": "AppendAccess",
                 "AppendTo": "AppendToAccess", "Create": "CreateAccess",
                 "Delete": "DeleteAccess"}  # fmt: skip
COLUMN_RIGHTS: Final = ("CanRead", "CanCreate", "CanUpdate")
ALLOWED: Final = 4
"""Of the choice `field_security_permission_type`; 0 is not allowed."""
DEPTH: Final = "Global"


def all_of(catalog: Catalog) -> Iterator[str]:
    """Every privilege on the tables of a catalog, once."""
    tables = [each for each in catalog.of(Service.DATAVERSE) if not each.read_only]
    names = (privilege_name(table, right) for table in tables for right in PRIVILEGES)
    return iter(dict.fromkeys(filter(None, names)))


def check(store: Store, table: Table, right: str) -> None:
    """Refuse what the application user has no privilege for."""
    name = privilege_name(table, right)
    if name in store.denied:
        raise Refusal(
            f"Principal user is missing {name} privilege (Id={metadata_id('privilege', name)})"
            f" on OTC for entity '{table.name}'. context.Caller is missing the privilege.",
            code="0x80040220",
            status=403,
        )


def held(store: Store) -> list[Json]:
    """The privileges of the application user, as `RetrieveUserPrivileges` lists them."""
    unit = store.run('SELECT "businessunitid" FROM "dataverse.businessunits" LIMIT 1')
    return [
        {
            "Depth": DEPTH,
            "PrivilegeId": metadata_id("privilege", name),
            "BusinessUnitId": guid_text(str(unit[0][0])) if unit else None,
            "PrivilegeName": name,
            "RecordFilterId": "00000000-0000-0000-0000-000000000000",
            "RecordFilterUniqueName": "",
        }
        for name in all_of(store.shown)
        if name not in store.denied
    ]


def retrieve_user_privileges(store: Store, ask: Ask, segment: Segment) -> Answer:
    context = f"{ask.base}/$metadata#{CRM}RetrieveUserPrivilegesResponse"
    rights = [] if _has_no_role(store, ask) else held(store)
    return Answer(200, {"@odata.context": context, "RolePrivileges": rights})


def _has_no_role(store: Store, ask: Ask) -> bool:
    """True for the user of a further application from whom its role was taken."""
    asked = GUID.search(ask.path)
    user = guid_order(asked[0]) if asked else None
    table = store.catalog.named("systemuser")
    found = store.find(table, '"systemuserid" = ?', [user])
    if not found or not found.get("applicationid"):
        return False
    held = store.catalog.tables["systemuserrolescollection"]
    return not store.find(held, '"systemuserid" = ?', [user])


def retrieve_column_privileges(store: Store, ask: Ask, segment: Segment) -> Answer:
    """Return the user's rights to each secured column, by all its field security profiles."""
    context = f"{ask.base}/$metadata#{CRM}RetrievePrincipalAttributePrivilegesResponse"
    rows = [
        {
            "AttributeId": metadata_id(table.name, column.logical),
            **{right: 0 if right in column.denied else ALLOWED for right in COLUMN_RIGHTS},
        }
        for table in store.shown.of(Service.DATAVERSE)
        for column in table.columns.values()
        if column.secured and len(column.denied) < len(COLUMN_RIGHTS)
    ]
    return Answer(200, {"@odata.context": context, "AttributePrivileges": rows})


def retrieve_principal_access(store: Store, ask: Ask, segment: Segment) -> Answer:
    """Return the user's rights to one row: the same as to every row of its table."""
    target = dict(_pair(part) for part in split(segment.args or "", ",") if part).get("Target", "")
    text = ask.options().get(target, target)
    set_name = text.partition('"@odata.id"')[2].strip(' :"}').rpartition("/")[2].partition("(")[0]
    table = store.shown.find(set_name, Service.DATAVERSE)
    if table is None:
        raise BadQuery("The parameter 'Target' must name a row by @odata.id.")
    rights = [
        word for right, word in RIGHTS.items() if privilege_name(table, right) not in store.denied
    ]
    context = f"{ask.base}/$metadata#{CRM}RetrievePrincipalAccessResponse"
    return Answer(200, {"@odata.context": context, "AccessRights": ", ".join(rights)})


ABOUT_USERS: Final = {
    "RetrieveUserPrivileges": retrieve_user_privileges,
    "RetrievePrincipalAttributePrivileges": retrieve_column_privileges,
    "RetrievePrincipalAccess": retrieve_principal_access,
}


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()
