"""Environments other than the usual one: a dump of what an emulator says of itself, altered."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2

Json = dict[str, Any]
Alteration = Callable[[Json], None]
RELATED = "Attributes,Keys,ManyToOneRelationships,OneToManyRelationships,ManyToManyRelationships"
CASTS = {
    "StringAttributeMetadata": "$select=MaxLength,LogicalName",
    "MemoAttributeMetadata": "$select=MaxLength,LogicalName",
    "DecimalAttributeMetadata": "$select=Precision,LogicalName",
    "MoneyAttributeMetadata": "$select=Precision,LogicalName",
    "DateTimeAttributeMetadata": "$select=Format,DateTimeBehavior,LogicalName",
    "PicklistAttributeMetadata": "$select=LogicalName&$expand=OptionSet",
    "StateAttributeMetadata": "$select=LogicalName&$expand=OptionSet",
    "StatusAttributeMetadata": "$select=LogicalName&$expand=OptionSet",
    "BooleanAttributeMetadata": "$select=LogicalName&$expand=OptionSet",
}
DATAVERSE = "/api/data/v9.2/"


METADATA = ("EntityDefinitions", "/metadata/")
"""Words of the questions about the metadata of Dataverse and of F&O."""


class Undescribed(httpx2.AsyncBaseTransport):
    """An environment that refuses every question about its metadata, with one status."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        status: int = 403,
        about: tuple[str, ...] = METADATA,
    ) -> None:
        self._inner, self._status, self._about = inner, status, about
        self.refused = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = f"{request.url} {(await request.aread()).decode(errors='replace')}"
        if not any(words in asked for words in self._about):
            return await self._inner.handle_async_request(request)
        self.refused += 1
        error = {"code": "0x80040220", "message": "The user is missing prvReadEntity."}
        return httpx2.Response(self._status, json={"error": error}, request=request)


async def dumped(http: httpx2.AsyncClient) -> Json:
    """A dump of the environment that a client speaks to, from its metadata endpoints alone."""

    async def get(path: str) -> Json:
        found: Json = (await http.get(path)).raise_for_status().json()
        return found

    definitions = (await get(f"{DATAVERSE}EntityDefinitions?$expand={RELATED}"))["value"]
    for row in definitions:
        attributes = {each["LogicalName"]: each for each in row["Attributes"]}
        base = f"{DATAVERSE}EntityDefinitions(LogicalName='{row['LogicalName']}')/Attributes"
        for cast, options in CASTS.items():
            for each in (await get(f"{base}/Microsoft.Dynamics.CRM.{cast}?{options}"))["value"]:
                attributes[each["LogicalName"]].update(each)
    me = (await get(f"{DATAVERSE}WhoAmI"))["UserId"]
    held = await get(
        f"{DATAVERSE}systemusers({me})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
    )
    running = await get(f"{DATAVERSE}msdyn_dualwriteruntimeconfigs")
    return {
        "dataverse": {
            "EntityDefinitions": definitions,
            "RolePrivileges": held["RolePrivileges"],
            "msdyn_dualwriteruntimeconfigs": running["value"],
        },
        "finops": {"PublicEntities": (await get("/metadata/PublicEntities"))["value"]},
    }


def altered(dump: Json, *alterations: Alteration) -> Json:
    """A copy of a dump with these alterations."""
    copy: Json = json.loads(json.dumps(dump))
    for alter in alterations:
        alter(copy)
    return copy


def written(folder: Path, dump: Mapping[str, Any]) -> Path:
    path = folder / "environment.json"
    path.write_text(json.dumps(dump))
    return path


def table(dump: Json, name: str) -> Json:
    rows = dump["dataverse"]["EntityDefinitions"]
    return next(row for row in rows if row["LogicalName"] == name)


def collection(dump: Json, name: str) -> Json:
    rows = dump["finops"]["PublicEntities"]
    return next(row for row in rows if row["EntitySetName"] == name)


def attribute(dump: Json, name: str, column: str) -> Json:
    return next(each for each in table(dump, name)["Attributes"] if each["LogicalName"] == column)


def rename_navigation(
    name: str, column: str, navigation: str, target: str | None = None
) -> Alteration:
    """Another spelling of the navigation property of a lookup; `target` if it has several."""

    def alter(each: Json) -> None:
        if target in (None, each["ReferencedEntity"]):
            each["ReferencingEntityNavigationPropertyName"] = navigation

    return _relations(name, column, alter)


def rename_back(name: str, column: str, collection: str) -> Alteration:
    """Another spelling of the way back to the rows whose lookup it is."""
    return _relations(
        name, column, lambda each: each.update(ReferencedEntityNavigationPropertyName=collection)
    )


def respell_navigations(spell: Callable[[str], str]) -> Alteration:
    """Every custom lookup navigated by another spelling of its name."""

    def alter(dump: Json) -> None:
        for row in dump["dataverse"]["EntityDefinitions"]:
            for kind in ("ManyToOneRelationships", "OneToManyRelationships"):
                for each in row[kind]:
                    if "_" in each["ReferencingAttribute"]:
                        navigation = each["ReferencingEntityNavigationPropertyName"]
                        each["ReferencingEntityNavigationPropertyName"] = spell(navigation)

    return alter


def _relations(name: str, column: str, alter: Callable[[Json], object]) -> Alteration:
    def every(dump: Json) -> None:
        for row in dump["dataverse"]["EntityDefinitions"]:
            for kind in ("ManyToOneRelationships", "OneToManyRelationships"):
                for each in row[kind]:
                    if (each["ReferencingEntity"], each["ReferencingAttribute"]) == (name, column):
                        alter(each)

    return every


def drop_column(name: str, column: str) -> Alteration:
    """No such column, and nothing that leans on it."""

    def alter(dump: Json) -> None:
        row = table(dump, name)
        row["Attributes"] = [e for e in row["Attributes"] if e["LogicalName"] != column]
        row["Keys"] = [each for each in row["Keys"] if column not in each["KeyAttributes"]]
        _drop_relations(
            dump, lambda e: (e["ReferencingEntity"], e["ReferencingAttribute"]) == (name, column)
        )

    return alter


def drop_table(name: str) -> Alteration:
    """No such table, and no lookup that leads to it alone."""

    def alter(dump: Json) -> None:
        rows = dump["dataverse"]["EntityDefinitions"]
        gone = {
            (each["ReferencingEntity"], each["ReferencingAttribute"])
            for row in rows
            for each in row["ManyToOneRelationships"]
            if each["ReferencedEntity"] == name
        }
        dump["dataverse"]["EntityDefinitions"] = [r for r in rows if r["LogicalName"] != name]
        _drop_relations(dump, lambda e: name in (e["ReferencingEntity"], e["ReferencedEntity"]))
        for row in dump["dataverse"]["EntityDefinitions"]:
            row["ManyToManyRelationships"] = [
                each
                for each in row["ManyToManyRelationships"]
                if name not in (each["Entity1LogicalName"], each["Entity2LogicalName"],
                                each["IntersectEntityName"])
            ]  # fmt: skip
            left = {each["ReferencingAttribute"] for each in row["ManyToOneRelationships"]}
            row["Attributes"] = [
                each
                for each in row["Attributes"]
                if (row["LogicalName"], each["LogicalName"]) not in gone
                or each["LogicalName"] in left
            ]

    return alter


def _drop_relations(dump: Json, is_gone: Callable[[Json], bool]) -> None:
    for row in dump["dataverse"]["EntityDefinitions"]:
        for kind in ("ManyToOneRelationships", "OneToManyRelationships"):
            row[kind] = [each for each in row[kind] if not is_gone(each)]


def drop_property(name: str, column: str) -> Alteration:
    """No such column of a collection of F&O."""

    def alter(dump: Json) -> None:
        row = collection(dump, name)
        row["Properties"] = [each for each in row["Properties"] if each["Name"] != column]

    return alter


def rename_property(name: str, column: str, other: str) -> Alteration:
    """Another name of a column of F&O."""

    def alter(dump: Json) -> None:
        for each in collection(dump, name)["Properties"]:
            if each["Name"] == column:
                each["Name"] = other

    return alter


def respell_properties(dump: Json) -> None:
    """Every column of F&O begins with a letter of the other case, but for the company's."""
    for row in dump["finops"]["PublicEntities"]:
        for each in row["Properties"]:
            if each["Name"] != "dataAreaId":
                each["Name"] = each["Name"][0].swapcase() + each["Name"][1:]


def rename_enumerations(dump: Json) -> None:
    """Every enumeration of F&O but NoYes has a name in capitals."""
    for row in dump["finops"]["PublicEntities"]:
        for each in row["Properties"]:
            prefix, dot, name = each["TypeName"].rpartition(".")
            if each["DataType"] == "Enum" and name != "NoYes":
                each["TypeName"] = f"{prefix}{dot}{name.upper()}"


def drop_collection(name: str) -> Alteration:
    def alter(dump: Json) -> None:
        rows = dump["finops"]["PublicEntities"]
        dump["finops"]["PublicEntities"] = [r for r in rows if r["EntitySetName"] != name]

    return alter


def rename_collection(name: str, other: str) -> Alteration:
    """Another entity set of a table, or another public collection of F&O."""

    def alter(dump: Json) -> None:
        rows = (*dump["dataverse"]["EntityDefinitions"], *dump["finops"]["PublicEntities"])
        for row in rows:
            if row["EntitySetName"] == name:
                row["EntitySetName"] = other

    return alter


def shorten(name: str, column: str, length: int) -> Alteration:
    return lambda dump: attribute(dump, name, column).update(MaxLength=length)


def retype(name: str, column: str, kind: str, **said: Any) -> Alteration:
    """A column of another type."""

    def alter(dump: Json) -> None:
        found = attribute(dump, name, column)
        type_ = f"#Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
        for part in ("MaxLength", "Precision", "OptionSet", "Format"):
            found.pop(part, None)
        found.update({"AttributeType": kind, "AttributeTypeName": {"Value": f"{kind}Type"}})
        found.update({"@odata.type": type_, **said})

    return alter


def reoption(name: str, column: str, options: Mapping[int, int | None]) -> Alteration:
    """Other values of a choice; None for a value that is gone."""

    def alter(dump: Json) -> None:
        found = attribute(dump, name, column)["OptionSet"]
        for each in found["Options"]:
            each["Value"] = options.get(each["Value"], each["Value"])
        found["Options"] = [each for each in found["Options"] if each["Value"] is not None]

    return alter


def rebehave(name: str, column: str, behaviour: str) -> Alteration:
    """Another behaviour of a date."""
    return lambda dump: attribute(dump, name, column).update(DateTimeBehavior={"Value": behaviour})


def inactivate_key(name: str, columns: tuple[str, ...], status: str = "Failed") -> Alteration:
    def alter(dump: Json) -> None:
        for key in table(dump, name)["Keys"]:
            if tuple(key["KeyAttributes"]) == columns:
                key["EntityKeyIndexStatus"] = status

    return alter


def deny(privilege: str) -> Alteration:
    """Take a privilege away from the application user."""

    def alter(dump: Json) -> None:
        held = dump["dataverse"]["RolePrivileges"]
        dump["dataverse"]["RolePrivileges"] = [
            each for each in held if each["PrivilegeName"] != privilege
        ]

    return alter


def secure(name: str, column: str, *rights: str) -> Alteration:
    """Secure a column; field security profiles give the application user these rights to it."""

    def alter(dump: Json) -> None:
        found = attribute(dump, name, column)
        found["IsSecured"] = True
        given = dict.fromkeys(rights, 4)
        dump["dataverse"].setdefault("AttributePrivileges", []).append(
            {"AttributeId": found["MetadataId"], "CanRead": 0, "CanCreate": 0, "CanUpdate": 0}
            | given
        )

    return alter


def drop_key(name: str, columns: tuple[str, ...]) -> Alteration:
    """No such alternate key."""

    def alter(dump: Json) -> None:
        row = table(dump, name)
        row["Keys"] = [each for each in row["Keys"] if tuple(each["KeyAttributes"]) != columns]

    return alter


def stop_map(name: str) -> Alteration:
    """No running map of a table."""

    def alter(dump: Json) -> None:
        rows = dump["dataverse"]["msdyn_dualwriteruntimeconfigs"]
        dump["dataverse"]["msdyn_dualwriteruntimeconfigs"] = [
            row for row in rows if row["msdyn_internalentityname"] != name
        ]

    return alter


def age_map(name: str, version: tuple[int, int, int, int]) -> Alteration:
    """Another version of the map of a table."""

    def alter(dump: Json) -> None:
        parts = dict(zip(("Major", "Minor", "Build", "Revision"), version, strict=True))
        for row in dump["dataverse"]["msdyn_dualwriteruntimeconfigs"]:
            if row["msdyn_internalentityname"] == name:
                said = json.loads(row["msdyn_unsecure"]) | {"EntityMapVersion": parts}
                row["msdyn_unsecure"] = json.dumps(said)

    return alter


def filter_map(name: str, condition: str) -> Alteration:
    """Run the map of a table with a filter."""

    def alter(dump: Json) -> None:
        for row in dump["dataverse"]["msdyn_dualwriteruntimeconfigs"]:
            if row["msdyn_internalentityname"] == name:
                row["msdyn_sourcefilter"] = condition

    return alter
