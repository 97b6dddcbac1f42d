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
"""The privileges that orders need besides reading."""
GRANTED: Final[Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]] = {
    ("contacts", "create"): {"contact": ("Create", "Write", "Append"), "account": ("AppendTo",)},
    ("contacts", "delete"): {"contact": ("Write",)},
    ("account", "create"): {"customeraddress": ("Create", "Append"), "account": ("AppendTo",)},
    ("account", "update"): {"customeraddress": ("Write",)},
    ("account", "delete"): {"customeraddress": ("Delete",)},
}
"""The privileges by table that the policy's grants to customers need besides."""
OF_GRANTS: Final = {
    ("contacts", "create"): "colleagues cannot be invited",
    ("contacts", "delete"): "nobody's access can be taken away",
    ("account", "create"): "addresses cannot be kept",
    ("account", "update"): "addresses cannot be changed",
    ("account", "delete"): "addresses cannot be removed",
}
"""The consequence of a lack of them."""
RULED_BY: Final = {"customeraddress": "account"}
"""The table whose *Write* rules another where that has no privileges of its own (unverified)."""
BREAKS: Final = {"quote": "quotes cannot be asked for or accepted"}
"""The consequence of a lack of these, where it is another than for orders."""
ORDERING: Final = "orders cannot be placed or changed"
DUMPED = ("PrivilegeName", "PrivilegeId", "Depth")
COLUMN_RIGHTS: Final = {"CanRead": "read", "CanCreate": "create", "CanUpdate": "update"}


async def check(looking: Looking, described: Described) -> CheckResult:
    """The privileges that the user lacks, of those that reading, ordering and grants take."""
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
    consequences = _consequences(looking.granted, described)
    kept = [{name: row[name] for name in DUMPED if name in row} for row in rows]
    findings = [
        finding
        for table, definition in tables
        for finding in _table(
            table, _own(definition), relied.get(table, {}), held, consequences.get(table, {})
        )
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


def _consequences(
    granted: Collection[tuple[str, str]], described: Described
) -> dict[str, dict[str, str]]:
    """The consequence of the lack of each privilege, by table, but for those of reading."""
    found = {
        table: dict.fromkeys(rights, BREAKS.get(table, ORDERING))
        for table, rights in WRITTEN.items()
    }
    for grant in filter(granted.__contains__, GRANTED):
        for table, rights in GRANTED[grant].items():
            ruler = RULED_BY.get(table, table)
            if ruler != table and not _own(described.definitions.get(table) or {}):
                table, rights = ruler, ("Write",)
            for right in rights:
                found.setdefault(table, {}).setdefault(right, OF_GRANTS[grant])
    return found


def _table(
    table: str,
    own: Mapping[str, Json],
    uses: Mapping[str, Use],
    held: Collection[str],
    consequences: Mapping[str, str],
) -> Iterator[Finding]:
    for right in (READ, *consequences):
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
            breaks=members if right == READ else consequences[right],
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
