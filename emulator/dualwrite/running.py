"""The running maps as rows of Dataverse's own tables, and the filters that they are run with.

Dataverse holds a running configuration for each map whose source it is, and every map's versions.
Names of both tables and of most columns are those of code that runs against real environments;
where the filter is kept is unverified.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from dynamics import dictionary
from emulator.dualwrite.maps import (
    CUSTOMERS,
    INVOICE_LINES,
    INVOICES,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
    Map,
)
from emulator.metadata import Table
from emulator.odata.parser import parse_filter
from emulator.odata.sql import Compiler
from emulator.store import Store
from emulator.values import Stored

MAPS, RUNNING = "msdyn_dualwriteentitymaps", "msdyn_dualwriteruntimeconfigs"
FILTER: Final = "msdyn_sourcefilter"
NAMED: Final = {
    "CDS sales order headers": ORDERS,
    "CDS sales order lines": ORDER_LINES,
    "Customers V3": CUSTOMERS,
    "CDS released distinct products": PRODUCTS,
    "Sales invoice headers V2": INVOICES,
    "Sales invoice lines V2": INVOICE_LINES,
}
"""The maps that the emulator carries, by their names in F&O."""
REVERSED: Final = re.compile(r"reversed: (.+)")
DATAVERSE, FINOPS = 1, 3
"""The numbers by which the maps call the two kinds of environments."""
DIRECTIONS: Final = {"=": 0, ">": 1, ">!": 1}


def announce(store: Store) -> None:
    """Say which maps there are and run, where the data does not bring that along."""
    for entity_set, rows in ((MAPS, _maps(store)), (RUNNING, _running(store))):
        table = store.catalog.tables[entity_set]
        if not store.run(f'SELECT 1 FROM "{table.sql}" LIMIT 1'):  # noqa: S608
            store.insert(entity_set, rows)


def replace_running(store: Store, rows: Iterable[Mapping[str, Any]]) -> None:
    """Run these maps instead."""
    table = store.catalog.tables[RUNNING]
    store.run(f'DELETE FROM "{table.sql}"')  # noqa: S608
    store.insert(RUNNING, [{n: v for n, v in row.items() if table.has(n)} for row in rows])


def admits(store: Store, table: Table, key: Stored) -> bool:
    """True if a map of a table runs, and the filters of all that do let a row through."""
    running = store.catalog.tables[RUNNING]
    where = '"msdyn_internalentityname" = ? AND "statecode" = 0'
    maps = list(store.select(running, where, [table.name]))
    for row in (each for each in maps if each[FILTER] is not None):
        compiler = Compiler(store.shown, store.shown.by_name[table.name], store.clock())
        condition = compiler.filter(parse_filter(str(row[FILTER])))
        source = compiler.root.source
        own = f'{compiler.root.alias}."{table.id}" = {compiler.bind(key)}'
        if not store.run(f"SELECT 1 FROM {source} WHERE {condition} AND {own}", compiler.values):  # noqa: S608
            return False
    return bool(maps)


def _maps(store: Store) -> list[dict[str, Any]]:
    return [
        {
            "msdyn_dualwriteentitymapid": str(uuid5(NAMESPACE_URL, f"map/{name}")),
            "msdyn_name": f"msdyn_[{_set(store, carried)} - {name}]",
            "msdyn_displayname": name,
            "msdyn_version": _version(name),
            "msdyn_mapping": json.dumps({"legs": [_leg(store, name, carried)]}),
        }
        for name, carried in NAMED.items()
    ]


def _running(store: Store) -> list[dict[str, Any]]:
    """The maps by which Dataverse writes to the ERP."""
    return [
        {
            "msdyn_dualwriteruntimeconfigid": str(uuid5(NAMESPACE_URL, f"running/{name}")),
            "msdyn_name": f"{_set(store, carried)} - {name}",
            "msdyn_internalentityname": carried.table,
            "msdyn_externalentityname": name,
            FILTER: _filter(name, carried),
            "msdyn_unsecure": json.dumps(
                {
                    "SourceEntityName": _set(store, carried),
                    "SourceEnvironmentType": DATAVERSE,
                    "DestinationEntityName": name,
                    "DestinationEnvironmentType": FINOPS,
                    "EntityMapVersion": dict(
                        zip(
                            ("Major", "Minor", "Build", "Revision"),
                            map(int, _version(name).split(".")),
                            strict=True,
                        )
                    ),
                    "FieldMappings": [],
                }
            ),
        }
        for name, carried in NAMED.items()
        if any(carried.outward())
    ]


def _leg(store: Store, name: str, carried: Map) -> dict[str, Any]:
    return {
        "sourceSchema": name,
        "sourceEnvironmentType": FINOPS,
        "destinationSchema": _set(store, carried),
        "destinationEnvironmentType": DATAVERSE,
        "fieldMappings": [
            {
                "sourceField": each.finops,
                "destinationField": each.dataverse,
                "syncDirection": DIRECTIONS[each.sign],
            }
            for each in carried.columns
        ],
    }


def _set(store: Store, carried: Map) -> str:
    return store.catalog.named(carried.table).set


def _version(name: str) -> str:
    """The version that the dictionary was read from; 1.0.0.0 where a source has none."""
    known = (each.version for each in dictionary.maps() if each.map == name)
    return next((each for each in known if each[0].isdigit()), "1.0.0.0")


def _filter(name: str, carried: Map) -> str | None:
    """The condition on Dataverse's rows that the map comes with."""
    table = dictionary.tables()[carried.table].collection
    for each in dictionary.maps():
        if each.map == name and each.entity_set == table:
            found = REVERSED.search(each.filters)
            return found.group(1) if found else None
    return None
