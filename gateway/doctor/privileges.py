"""
The rights of the gateway's user in Dataverse: to each table by the privileges that it lists, to its
secured columns by the user's field security profiles.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.full_metadata import Described, Json
from gateway.doctor.looking import CheckResult, Looking, words
from gateway.doctor.relied import Use, needed
from gateway.errors import UpstreamError

CHECK = "privileges"
SUBJECT = "privileges of the user"
READ = "Read"
WRITTEN: Mapping[str, tuple[str, ...]] = {
    "salesorder": ("Create", "Write", "Append", "AppendTo"),
    "salesorderdetail": ("Create", "Write", "Delete", "Append"),
    "account": ("AppendTo",),
    "contact": ("AppendTo",),
    "product": ("AppendTo",),
    "pricelevel": ("AppendTo",),
    "quote": ("Create", "Write", "Append", "AppendTo"),
}
"""The privileges that orders need besides reading; every other table is only read."""
BREAKS: Final = {"quote": "quotes cannot be asked for or accepted"}
"""The consequence of a lack of these, where it is another than for orders."""
ORDERING: Final = "orders cannot be placed or changed"
DUMPED = ("PrivilegeName", "PrivilegeId", "Depth")
COLUMN_RIGHTS: Final = {"CanRead": "read", "CanCreate": "create", "CanUpdate": "update"}


async def check(looking: Looking, described: Described) -> CheckResult:
    """The privileges that the user lacks, of those that reading and ordering take."""
    service = looking.services["dataverse"]
    relied = looking.relied["dataverse"]
    tables = sorted(described.definitions.items())
    try:
        me = (await service.read("WhoAmI", looking.allowance()))["UserId"]
        of_me = f"systemusers({me})/Microsoft.Dynamics.CRM."
        path = f"{of_me}RetrieveUserPrivileges()"
        rows = (await service.read(path, looking.allowance()))["RolePrivileges"]
    except UpstreamError as error:
        return CheckResult([unknown(CHECK, SUBJECT, words(error))])
    held = {str(row["PrivilegeId"]).lower() for row in rows}
    kept = [{name: row[name] for name in DUMPED if name in row} for row in rows]
    findings = [
        finding
        for table, definition in tables
        for finding in _table(table, _own(definition), relied.get(table, {}), held)
    ]
    dumped = {"RolePrivileges": kept}
    secured = [
        column
        for table, definition in tables
        for column in _secured(table, definition, relied.get(table, {}))
    ]
    if secured:
        path = f"{of_me}RetrievePrincipalAttributePrivileges()"
        try:
            rights = (await service.read(path, looking.allowance()))["AttributePrivileges"]
        except UpstreamError as error:
            findings += [unknown(CHECK, each.subject, words(error)) for each in secured]
        else:
            dumped["AttributePrivileges"] = rights
            findings += _columns(secured, rights)
    return CheckResult(findings, dumped=dumped)


def _own(definition: Json) -> dict[str, Json]:
    """A table's privileges by what they allow; it may have none of its own."""
    return {each["PrivilegeType"]: each for each in definition.get("Privileges") or ()}


def _table(
    table: str, own: Mapping[str, Json], uses: Mapping[str, Use], held: Collection[str]
) -> Iterator[Finding]:
    for right in (READ, *WRITTEN.get(table, ())):
        if right not in own:
            continue
        subject, name = f"{table}: {right}", own[right]["Name"]
        if str(own[right]["PrivilegeId"]).lower() in held:
            yield ok(CHECK, subject, name)
            continue
        members = needed({member for use in uses.values() for member in use.members})
        yield wrong(
            CHECK,
            subject,
            f"the user does not hold {name}",
            breaks=members if right == READ else BREAKS.get(table, ORDERING),
            do=f"add {name} to the gateway's security role",
        )


class Secured(Struct, frozen=True):
    """A column that only those may see whose field security profile says so."""

    subject: str
    key: str
    """The id of the column in the metadata."""
    use: Use


def _secured(table: str, definition: Json, uses: Mapping[str, Use]) -> Iterator[Secured]:
    """The secured columns of a table, of those that the gateway relies on."""
    for each in definition.get("Attributes") or ():
        name = each["LogicalName"]
        if name in uses and each.get("IsSecured"):
            yield Secured(f"{table}.{name}", str(each["MetadataId"]).lower(), uses[name])


def _columns(secured: Iterable[Secured], rights: Iterable[Json]) -> Iterator[Finding]:
    """The findings on secured columns, by the user's rights to columns."""
    given = {str(each["AttributeId"]).lower(): each for each in rights}
    for column in secured:
        mine, use = given.get(column.key, {}), column.use
        needs = tuple(COLUMN_RIGHTS) if use.written else ("CanRead",)
        lacks = [COLUMN_RIGHTS[right] for right in needs if not mine.get(right)]
        if not lacks:
            allowed = "secured, and a field security profile of the user allows it"
            yield ok(CHECK, column.subject, allowed)
            continue
        what = ", ".join(lacks)
        yield wrong(
            CHECK,
            column.subject,
            f"secured, and no field security profile lets the user {what} it",
            breaks=f"{use.needed_by} reads as null"
            if "read" in lacks
            else f"orders that say {use.needed_by} are refused",
            do=f"allow {what} of it in a field security profile of the gateway's user; a user with "
            "the role System Administrator needs none",
        )
