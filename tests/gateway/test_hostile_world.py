"""
Each text column of each table holds each awkward text: it is read, and found again by filter, by
cursor and by id, and no odd row spoils another.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import pytest
from starlette.applications import Starlette
from strawberry.utils.str_converters import to_camel_case

from emulator.metadata import Service
from emulator.store import Store
from gateway.model.tables import TABLES, Link, Spec, Table
from tests.nightly import NIGHTLY
from tests.schema import shipped
from tests.stack import Answer, Stack, emulator, running

pytestmark = pytest.mark.anyio

AWKWARD = [
    "tab\there",
    "line\nbreak",
    "return\r\n",
    "nul\x00",
    "bell\x07",
    "delete\x7f",
    "unit\x1fseparator",
    "M8*40",
    "*",
    "**",
    "what?",
    "#1",
    "100%",
    "%41",
    "%",
    "_",
    "a_b",
    "it's",
    "''",
    'say "hi"',
    "[x]",
    "]",
    "[",
    "{y}",
    "(z)",
    ")",
    "back\\slash",
    "a/b",
    "a&b=c",
    "a+b",
    "a;b,c",
    "$top",
    "@p1",
    "null",
    "' or 1 eq 1 or '",
    "<b>&amp;</b>",
    "ÄÖÜ ß",
    "e\u0301",
    "\u202eabc",
    "\u2028",
    "😀",
    "\ufeffbom",
    "a:b",
    "~",
    "`",
    "|",
    "^",
]
"""Texts with signs that some layer on the way could take for its own."""
shipped()
LISTED = [table for table in TABLES.values() if table.root]
SAMPLES = 12 if NIGHTLY else 2
"""Values of each column, and rows of each order, that are tried alone."""
BELOW = [
    (table, link)
    for table in TABLES.values()
    for link in table.specs.values()
    if not table.root and isinstance(link, Link) and link.back
]
"""The tables that are listed below rows of others alone, with the link that leads up."""
READ_ALONE = {
    "OrderSettings": "orderQuantities",
    "PriceListItem": "price",
    "Unit": "unit",
    "ErpOrderLine": "deliveredQuantity",
    "DeliveredQuantity": "deliveredQuantity",
    "ErpOrder": "syncState",
    "InvoiceTransaction": "openAmount",
    "NumberedInvoice": "document",
    "PrintedReport": "document",
    "ExternalIdentity": "viewer",
    "ContactForParty": "viewer",
    "WebRole": "viewer",
    "WebRoleHolder": "viewer",
    "SiteWebRole": "viewer",
    "SiteWebRoleHolder": "viewer",
    "CategoryHierarchyRole": "categories",
    "CategoryAssignment": "products",
    "ProductAttachment": "pictures",
    "ProductRecord": "price",
    "PriceAgreement": "priceBreaks",
    "PromiseRequest": "promise",
    "PromiseEntry": "promise",
}
"""The tables of which no text is shown, and the member that reads them."""
SHOWN_BY_OTHERS = {
    "Category": "{ categories { name friendlyName code description } }",
    "ProductTranslation": "{ products(first: 100) { nodes { texts { name description } } } }",
    "OrderAttachment": "{ orders(first: 100) { nodes { attachments { description } } } }",
    "LineAttachment": "{ orderLines(first: 100) { nodes { attachments { description } } } }",
}
"""The tables of which other rows or a root field of their own show texts, and a query that does."""


def columns(table: Table) -> Iterator[tuple[str, Spec]]:
    """The members that are a text of the table's own."""
    for name, spec in table.filterable.items():
        if spec.scalar and spec.scalar[1] is str and "/" not in spec.scalar[0]:
            yield name, spec


def kept_in(store: Store, entity: str, service: str) -> str:
    """The SQL table of an entity, or of a collection of the ERP, in quotes."""
    finops = service == "finops"
    found = store.catalog.find(entity, Service.FINOPS) if finops else store.catalog.named(entity)
    assert found
    return f'"{store.whole(found).sql}"'


def spoil(store: Store, table: Table) -> None:
    """
    Write the awkward texts into the table: another one into each row, in every text column but
    those by which rows are found; `spoil_links` writes into those of links.
    """
    kept = kept_in(store, table.entity, table.service)
    linked = {column for places in LINKS for name, _, column in places if name == table.entity}
    paths = [spec.scalar[0] for _, spec in columns(table) if spec.scalar]
    spoilt = [f'"{path}" = ?1' for path in paths if path not in (*table.key, *linked, *NEEDED)]
    if not spoilt:
        return
    sql = f"UPDATE {kept} SET {', '.join(spoilt)} WHERE rowid = ?2"  # noqa: S608
    for number, (rowid,) in enumerate(store.run(f"SELECT rowid FROM {kept} ORDER BY rowid")):  # noqa: S608
        store.run(sql, (f"{AWKWARD[number % len(AWKWARD)]}~{number}", rowid))


NEEDED = (
    "accountnumber",
    "emailaddress1",
    "SalesId",
    "msdyn_salesordernumber",
    "AccessRestriction",
)
"""Columns by which callers and orders are found, and by which files are shown."""


@pytest.fixture(scope="module")
def hostile() -> Starlette:
    world = emulator()
    others = [table for table in TABLES.values() if table.name in SHOWN_BY_OTHERS]
    for table in (*LISTED, *(table for table, _ in BELOW), *others):
        spoil(world.state.store, table)
    spoil_links(world.state.store)
    return world


def test_every_table_is_spoiled_or_shows_no_text() -> None:
    below = {table.name for table, _ in BELOW}

    shown = {table.name for table in LISTED} | below | SHOWN_BY_OTHERS.keys()
    assert shown | READ_ALONE.keys() == {table.name for table in TABLES.values()}
    assert not shown & READ_ALONE.keys()


WAYS = {"compiled": True, "core": False} if NIGHTLY else {"compiled": True}
"""By day that both engines answer alike is held by `differential`."""


@pytest.fixture(scope="module", params=WAYS.values(), ids=list(WAYS))
async def stack(hostile: Starlette, request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    async with running(hostile, compiled_plans=request.param) as found:
        yield found


async def listed(stack: Stack, table: Table, selected: str, **variables: Any) -> dict[str, Any]:
    assert table.root
    query = (
        f"query ($filter: {table.name}Filter, $order: [{table.name}Order!], $after: String) "
        f"{{ {table.root[1]}(first: 100, filter: $filter, orderBy: $order, after: $after) {{ "
        f"edges {{ cursor node {{ {selected} }} }} totalCount totalCountIsLowerBound }} }}"
    )
    answer: Answer = await stack.ask(query, as_="admin", **variables)
    found: dict[str, Any] = answer.data[table.root[1]]
    return found


@pytest.mark.parametrize("table", LISTED, ids=[table.name for table in LISTED])
async def test_whatever_a_text_holds_it_can_be_sent_back(stack: Stack, table: Table) -> None:
    for name, spec in columns(table):
        page = await listed(stack, table, f"id {name}")
        nodes = [edge["node"] for edge in page["edges"]]
        values = {row[name] for row in nodes if row[name] is not None}
        assert values

        for some in _parts(sorted(values), 50):
            found = await listed(stack, table, f"id {name}", filter={name: {"in": some}})
            wanted = {row["id"] for row in nodes if row[name] in some}
            assert wanted <= {edge["node"]["id"] for edge in found["edges"]}, some
        for text in sorted(values)[:: max(1, len(values) // SAMPLES)]:
            found = await listed(stack, table, f"id {name}", filter={name: {"eq": text}})
            assert text in [edge["node"][name] for edge in found["edges"]], text
            others = await listed(stack, table, "id", filter={"not": {name: {"eq": text}}})
            if not page["totalCountIsLowerBound"]:
                assert others["totalCount"] + found["totalCount"] == page["totalCount"], text
        if spec.name in table.sortable:
            await _paged(stack, table, name, spec)


@pytest.mark.parametrize("query", SHOWN_BY_OTHERS.values(), ids=list(SHOWN_BY_OTHERS))
async def test_a_text_that_other_rows_show_is_as_it_was_written(stack: Stack, query: str) -> None:
    answer = await stack.ask(query, as_="admin")

    shown = {text for text in texts_in(answer.data) if "~" in text}
    assert shown
    assert shown <= {f"{AWKWARD[n % len(AWKWARD)]}~{n}" for n in range(2_000)}
    for text in (*AWKWARD, "**~9"):
        found = await stack.ask(SEARCH, as_="jane", text=text)
        assert found.codes == [], text


SEARCH = "query ($text: String!) { products(first: 2, search: $text) { totalCount } }"


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)


@pytest.mark.parametrize(
    ("table", "link"), BELOW, ids=[f"{link.target.name}.{link.back}" for _, link in BELOW]
)
async def test_a_text_of_a_list_below_a_row_can_be_sent_back(
    stack: Stack, table: Table, link: Link
) -> None:
    for name, spec in columns(table):
        whole = await below(stack, table, link, name)
        values = sorted({row[name] for rows in whole for row in rows if row[name] is not None})
        assert values, name
        for text in values[:: max(1, len(values) // SAMPLES)]:
            same = await below(stack, table, link, name, filter={name: {"eq": text}})
            others = await below(stack, table, link, name, filter={"not": {name: {"eq": text}}})
            assert text in [row[name] for rows in same for row in rows], text
            counts = zip(whole, same, others, strict=True)
            assert all(len(all_) == len(one) + len(rest) for all_, one, rest in counts), text
        if spec.name in table.sortable:
            order = [{"field": spec.name.upper()}]
            ordered = await below(stack, table, link, name, order=order)
            longest = max(ordered, key=len)
            again = await below(stack, table, link, name, order=order, after=longest[0]["cursor"])
            assert [row[name] for row in longest[1:]] in [[r[name] for r in rows] for rows in again]


async def below(
    stack: Stack, table: Table, link: Link, selected: str, **variables: Any
) -> list[list[dict[str, Any]]]:
    """The rows below each of the first rows of the table that a link leads to."""
    up = link.target
    above = up.root[1] if up.root else ""
    query = (
        f"query ($filter: {table.name}Filter, $order: [{table.name}Order!], $after: String) "
        f"{{ {above}(first: 40) {{ nodes {{ {to_camel_case(link.back or '')}(first: 40, "
        "filter: $filter, orderBy: $order, after: $after) "
        f"{{ edges {{ cursor node {{ {selected} }} }} }} }} }} }}"
    )
    nodes = (await stack.ask(query, as_="admin", **variables)).data[above]["nodes"]
    (name,) = nodes[0]
    return [
        [edge["node"] | {"cursor": edge["cursor"]} for edge in node[name]["edges"]]
        for node in nodes
    ]


async def _paged(stack: Stack, table: Table, name: str, spec: Spec) -> None:
    """Each row's cursor leads to the row behind it."""
    order = [{"field": spec.name.upper()}]
    edges = (await listed(stack, table, f"id {name}", order=order))["edges"]
    for edge, following in list(pairwise(edges))[:: max(1, len(edges) // SAMPLES)]:
        found = await listed(stack, table, f"id {name}", order=order, after=edge["cursor"])
        assert found["edges"][0]["node"]["id"] == following["node"]["id"], edge["node"]


@pytest.mark.parametrize("table", LISTED, ids=[table.name for table in LISTED])
async def test_every_row_can_be_read_by_its_id(stack: Stack, table: Table) -> None:
    handed = [edge["node"]["id"] for edge in (await listed(stack, table, "id"))["edges"]]

    found = await stack.ask(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", as_="admin", ids=handed
    )

    assert found.data["nodes"] == [{"id": each} for each in handed]


@pytest.fixture(scope="module")
def odd_items() -> Starlette:
    """A world in which item numbers, order numbers and slip numbers are odd, on both sides."""
    world = emulator()
    spoil_links(world.state.store)
    return world


def spoil_links(store: Store) -> None:
    """Write awkward numbers, the same on both sides of each link."""
    for places in LINKS:
        entity, service, column = places[0]
        kept = kept_in(store, entity, service)
        sql = f'SELECT DISTINCT "{column}" FROM {kept} WHERE "{column}" IS NOT NULL ORDER BY 1'  # noqa: S608
        store.run("CREATE TEMP TABLE odd (usual PRIMARY KEY, odd)")
        for number, (value,) in enumerate(store.run(sql)):
            odd = f"{AWKWARD[number % len(AWKWARD)][:10]}~{number}"
            store.run("INSERT INTO odd VALUES (?, ?)", (value, odd))
        for name, side, mine in places:
            store.run(
                f'UPDATE {kept_in(store, name, side)} SET "{mine}" = odd.odd '  # noqa: S608
                f'FROM odd WHERE "{mine}" = odd.usual'
            )
        store.run("DROP TABLE odd")


LINKS = [
    [
        ("product", "dataverse", "msdyn_itemnumber"),
        ("WarehousesOnHandV2", "finops", "ItemNumber"),
        ("CustPackingSlipTransBiEntities", "finops", "ItemId"),
        ("ReturnOrderLinesV2", "finops", "ItemNumber"),
    ],
    [
        ("product", "dataverse", "msdyn_productnumber"),
        ("ProductTranslations", "finops", "ProductNumber"),
    ],
    [
        ("salesorder", "dataverse", "msdyn_salesordernumber"),
        ("CustPackingSlipJourBiEntities", "finops", "SalesId"),
        ("CustPackingSlipTransBiEntities", "finops", "SalesId"),
        ("PackingSlipTrackingInformation", "finops", "SalesOrderNumber"),
        ("SalesOrderHeaderDocumentAttachmentsV2", "finops", "SalesOrderNumber"),
        ("SalesOrderLineDocumentAttachmentsV2", "finops", "SalesOrderNumber"),
        ("ReturnOrderHeadersV2", "finops", "ReplacementSalesOrderNumber"),
    ],
    [
        ("ReturnOrderHeadersV2", "finops", "ReturnOrderNumber"),
        ("ReturnOrderLinesV2", "finops", "ReturnOrderNumber"),
    ],
    [
        ("CustPackingSlipJourBiEntities", "finops", "PackingSlipId"),
        ("CustPackingSlipTransBiEntities", "finops", "PackingSlipId"),
        ("PackingSlipTrackingInformation", "finops", "PackingSlipNumber"),
    ],
]
"""Columns that links compare, on either service."""
LINKED = """{
  products(first: 60) { nodes {
    itemNumber availability { available } stock(first: 1) { totalCount }
  } }
  orders(first: 60) { nodes { number shipments(first: 5) { nodes {
    number orderNumber order { number } tracking(first: 1) { totalCount }
    lines(first: 9) { nodes { itemNumber product { itemNumber } } }
  } } } }
  returns(first: 60, orderBy: [{ field: TOTAL }]) { nodes {
    replacementNumber replacement { number }
    lines { nodes { sequence quantity itemNumber product { itemNumber } } }
  } }
}"""


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "core"])
async def test_links_lead_where_they_led_whatever_their_columns_hold(
    small_world: Starlette, odd_items: Starlette, compiled: bool
) -> None:
    async with running(small_world, compiled_plans=compiled) as plain:
        wanted = (await plain.ask(LINKED, as_="admin")).data
    async with running(odd_items, compiled_plans=compiled) as odd:
        found = (await odd.ask(LINKED, as_="admin")).data

    def stock(data: Any) -> list[Any]:
        return [(row["availability"], row["stock"]) for row in data["products"]["nodes"]]

    assert stock(found) == stock(wanted)
    orders = zip(found["orders"]["nodes"], wanted["orders"]["nodes"], strict=True)
    for order, plain_order in orders:
        slips = order["shipments"]["nodes"]
        assert len(slips) == len(plain_order["shipments"]["nodes"])
        for slip, plain_slip in zip(slips, plain_order["shipments"]["nodes"], strict=True):
            assert slip["order"]["number"] == slip["orderNumber"] == order["number"]
            assert slip["tracking"] == plain_slip["tracking"]
            assert [line["product"] is None for line in slip["lines"]["nodes"]] == [
                line["product"] is None for line in plain_slip["lines"]["nodes"]
            ]
    assert returned(found) == returned(wanted)
    for each in found["returns"]["nodes"]:
        number = each["replacementNumber"]
        assert not number or each["replacement"] == {"number": number}
        products = [(line["itemNumber"], line["product"]) for line in each["lines"]["nodes"]]
        assert all(found_["itemNumber"] == item for item, found_ in products if found_)


def returned(data: Any) -> list[Any]:
    """The numbers of lines, products and orders behind each return."""
    return [
        (
            row["replacement"] is None,
            [
                (line["sequence"], line["quantity"], line["product"] is None)
                for line in row["lines"]["nodes"]
            ],
        )
        for row in data["returns"]["nodes"]
    ]


def _parts(values: list[str], size: int) -> Iterator[list[str]]:
    for at in range(0, len(values), size):
        yield values[at : at + size]
