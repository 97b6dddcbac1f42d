"""Writes the catalog as `$metadata`: entity types, enums and sets in CSDL 4.0."""

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

from emulator.metadata import Catalog, Column, Navigation, OptionSet, Service, Table, Type
from emulator.values import EDM

NAMESPACES = {
    Service.DATAVERSE: ("Microsoft.Dynamics.CRM", "mscrm", "System"),
    Service.FINOPS: ("Microsoft.Dynamics.DataEntities", "", "Resources"),
}
OPENING = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
    "<edmx:DataServices>"
)
CLOSING = "</edmx:DataServices></edmx:Edmx>"
BASE = '<EntityType Name="crmbaseentity" Abstract="true" />'
WHO = (
    '<ComplexType Name="WhoAmIResponse"><Property Name="BusinessUnitId" Type="Edm.Guid" />'
    '<Property Name="UserId" Type="Edm.Guid" /><Property Name="OrganizationId" Type="Edm.Guid" />'
    '</ComplexType><Function Name="WhoAmI"><ReturnType Type="mscrm.WhoAmIResponse" /></Function>'
)


def metadata(catalog: Catalog, service: Service) -> bytes:
    namespace, alias, container = NAMESPACES[service]
    tables = catalog.of(service)
    names = f"Namespace={quoteattr(namespace)}" + (f" Alias={quoteattr(alias)}" if alias else "")
    parts = [
        OPENING,
        f'<Schema {names} xmlns="http://docs.oasis-open.org/odata/ns/edm">',
        BASE + WHO if service is Service.DATAVERSE else "",
        *_enums(tables),
        *(_entity_type(catalog, table) for table in tables),
        f"<EntityContainer Name={quoteattr(container)}>",
        *(_entity_set(table, namespace) for table in tables),
        '<FunctionImport Name="WhoAmI" Function="Microsoft.Dynamics.CRM.WhoAmI" />'
        if service is Service.DATAVERSE
        else "",
        "</EntityContainer></Schema>",
        CLOSING,
    ]
    return "".join(parts).encode()


def _enums(tables: Iterable[Table]) -> Iterator[str]:
    enums = {
        column.options.name: column.options
        for table in tables
        for column in table.columns.values()
        if column.type is Type.ENUM and column.options
    }
    return (_enum(enums[name]) for name in sorted(enums))


def _enum(options: OptionSet) -> str:
    members = "".join(
        f'<Member Name={quoteattr(each.label)} Value="{each.value}" />' for each in options.options
    )
    return f"<EnumType Name={quoteattr(options.name)}>{members}</EnumType>"


def _entity_type(catalog: Catalog, table: Table) -> str:
    base = ' BaseType="mscrm.crmbaseentity"' if table.service is Service.DATAVERSE else ""
    keys = "".join(f"<PropertyRef Name={quoteattr(name)} />" for name in table.key)
    properties = "".join(_property(table, column) for column in table.columns.values())
    navigations = "".join(_navigation(catalog, table, n) for n in table.navigations.values())
    return (
        f"<EntityType Name={quoteattr(table.name)}{base}><Key>{keys}</Key>"
        f"{properties}{navigations}</EntityType>"
    )


def _property(table: Table, column: Column) -> str:
    nullable = ' Nullable="false"' if column.name in table.key else ""
    return f"<Property Name={quoteattr(column.name)} Type={quoteattr(_type(column))}{nullable} />"


def _type(column: Column) -> str:
    if column.type is Type.ENUM and column.options:
        return f"Microsoft.Dynamics.DataEntities.{column.options.name}"
    return EDM[column.type]


def _navigation(catalog: Catalog, table: Table, navigation: Navigation) -> str:
    prefix = "mscrm." if table.service is Service.DATAVERSE else "Microsoft.Dynamics.DataEntities."
    target = prefix + catalog.tables[navigation.target].name
    kind = f"Collection({target})" if navigation.many else target
    partner = _partner(catalog, navigation)
    opening = f"<NavigationProperty Name={quoteattr(navigation.name)} Type={quoteattr(kind)}"
    if partner:
        opening += f" Partner={quoteattr(partner)}"
    if navigation.many:
        return opening + " />"
    return f"{opening}>{_constraints(navigation)}</NavigationProperty>"


def _constraints(navigation: Navigation) -> str:
    return "".join(
        f"<ReferentialConstraint Property={quoteattr(near)} ReferencedProperty={quoteattr(far)} />"
        for near, far in navigation.on
    )


def _partner(catalog: Catalog, navigation: Navigation) -> str | None:
    """The property that leads back over the same lookup."""
    if navigation.lookup is None:
        return navigation.name if navigation.through else None
    for other in catalog.tables[navigation.target].navigations.values():
        back = other.lookup == navigation.lookup and other.target == navigation.source
        if back and other.many != navigation.many:
            return other.name
    return None


def _entity_set(table: Table, namespace: str) -> str:
    kind = quoteattr(f"{namespace}.{table.name}")
    bindings = "".join(
        f"<NavigationPropertyBinding Path={quoteattr(each.name)} Target={quoteattr(each.target)} />"
        for each in table.navigations.values()
    )
    return f"<EntitySet Name={quoteattr(table.set)} EntityType={kind}>{bindings}</EntitySet>"
