"""Unbound functions and actions of the Web API, and who it is that calls them."""

from collections.abc import Callable, Mapping
from uuid import UUID, uuid5

import msgspec

from emulator.callers import application
from emulator.entra import SERVICE_CLIENT_ID
from emulator.errors import BadQuery, NotAllowed, Refusal
from emulator.exchange import Answer, Ask, Segment
from emulator.metadata import Table
from emulator.odata.lexer import split
from emulator.store import Store
from emulator.values import GUID, Stored, guid_order, guid_text

Me = dict[str, Stored]
# An environment always has these; a load may bring its own instead.
ORGANIZATION = "0a6e9c30-5f0b-4d43-8d83-0f6f3a1c5e01"
BUSINESS_UNIT = "0a6e9c30-5f0b-4d43-8d83-0f6f3a1c5e02"
USER = "0a6e9c30-5f0b-4d43-8d83-0f6f3a1c5e03"
ROLE = "0a6e9c30-5f0b-4d43-8d83-0f6f3a1c5e04"
NOT_A_MEMBER = "The user is not a member of the organization."


def furnish(store: Store) -> None:
    """Give an environment the organization, business unit and application user it cannot lack."""
    rows = {
        "organizations": {"organizationid": ORGANIZATION, "name": "Emulator"},
        "businessunits": {"businessunitid": BUSINESS_UNIT, "name": "Emulator"},
        "systemusers": {
            "systemuserid": USER,
            "fullname": "# Gateway",
            "_businessunitid_value": BUSINESS_UNIT,
        },
    }
    user = _first(store, "systemuser") or guid_order(USER)
    rows["roles"] = {"roleid": ROLE, "name": "Gateway"}
    rows["systemuserrolescollection"] = {
        "systemuserrolesid": ROLE,
        "systemuserid": guid_text(str(user)),
        "roleid": ROLE,
    }
    for name, row in rows.items():
        table = store.catalog.tables[name]
        if not store.run(f'SELECT 1 FROM "{table.sql}" LIMIT 1'):  # noqa: S608
            store.insert(name, [row])


def whoever(store: Store, headers: Mapping[str, str]) -> Me:
    """The caller's ids: the application's user, or the one that it impersonates."""
    user = _impersonated(store, headers) or _of_application(store, headers)
    user = user or _first(store, "systemuser")
    return {
        "UserId": user,
        "BusinessUnitId": _first(store, "businessunit"),
        "OrganizationId": _first(store, "organization"),
    }


def employ(store: Store, client_id: str) -> None:
    """Make an application a user like the first one, with the same role."""
    user = str(uuid5(UUID(USER), client_id))
    row = {
        "systemuserid": user,
        "fullname": f"# {client_id}",
        "applicationid": client_id,
        "_businessunitid_value": guid_text(str(_first(store, "businessunit"))),
    }
    store.insert("systemusers", [row])
    role = {
        "systemuserrolesid": user,
        "systemuserid": user,
        "roleid": guid_text(str(_first(store, "role"))),
    }
    store.insert("systemuserrolescollection", [role])


def _of_application(store: Store, headers: Mapping[str, str]) -> Stored:
    """The user that was made for the application; None for the first one, and for tests' names."""
    client = application(headers)
    if client is None or client == SERVICE_CLIENT_ID or not GUID.fullmatch(client):
        return None
    table = store.catalog.named("systemuser")
    found = store.find(table, '"applicationid" = ?', [guid_order(client)])
    if not found:
        raise Refusal(NOT_A_MEMBER, code="0x80072560", status=403)
    return found["systemuserid"]


def _impersonated(store: Store, headers: Mapping[str, str]) -> Stored:
    for header, column in IMPERSONATION.items():
        if text := headers.get(header):
            found = GUID.fullmatch(text) and store.find(
                store.catalog.named("systemuser"), f'"{column}" = ?', [guid_order(text)]
            )
            if not found:
                raise Refusal(NOT_A_MEMBER, code="0x80072560", status=403)
            return found["systemuserid"]
    return None


IMPERSONATION = {
    "callerobjectid": "azureactivedirectoryobjectid",
    "mscrmcallerid": "systemuserid",
}


def _first(store: Store, name: str) -> Stored:
    table = store.catalog.named(name)
    found = store.run(f'SELECT "{table.id}" FROM "{table.sql}" ORDER BY rowid LIMIT 1')  # noqa: S608
    return found[0][0] if found else None


def who_am_i(store: Store, ask: Ask, me: Me, path: list[Segment]) -> Answer:
    _only(ask, "GET")
    context = f"{ask.base}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"
    ids = {name: guid_text(str(value)) for name, value in me.items()}
    return Answer(200, {"@odata.context": context} | ids)


def retrieve_total_record_count(store: Store, ask: Ask, me: Me, path: list[Segment]) -> Answer:
    _only(ask, "GET")
    names = argument(ask, path[0], "EntityNames")
    tables = [_table(store, name) for name in names]
    counts = [store.run(f'SELECT count(*) FROM "{table.sql}"')[0][0] for table in tables]  # noqa: S608
    context = f"{ask.base}/$metadata#Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse"
    collection = {"Count": len(names), "IsReadOnly": False, "Keys": names, "Values": counts}
    return Answer(200, {"@odata.context": context, "EntityRecordCountCollection": collection})


def argument(ask: Ask, segment: Segment, name: str) -> list[str]:
    """A list argument of a function, written inline or as a parameter alias."""
    given = dict(_pair(part) for part in split(segment.args or "", ",") if part)
    text = given.get(name, "")
    if text.startswith("@"):
        text = ask.options().get(text, "")
    try:
        return msgspec.json.decode(text.replace("'", '"'), type=list[str])
    except msgspec.DecodeError as error:
        raise BadQuery(f"The parameter '{name}' must be a list of strings.") from error


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _table(store: Store, name: str) -> Table:
    table = store.shown.by_name.get(name)
    if table is None:
        raise Refusal(
            f"The entity with a name = '{name}' with namemapping = 'Logical' was not found in the"
            " MetadataCache.",
            code="0x80041102",
        )
    return table


def _only(ask: Ask, method: str) -> None:
    if ask.method != method:
        raise NotAllowed(f"The HTTP method '{ask.method}' is not supported here.")


Function = Callable[[Store, Ask, Me, list[Segment]], Answer]
FUNCTIONS: dict[str, Function] = {
    "WhoAmI": who_am_i,
    "RetrieveTotalRecordCount": retrieve_total_record_count,
}
