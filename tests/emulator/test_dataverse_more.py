"""Features that clients use beyond rows: bulk, change tracking, aggregates, FetchXML, metadata."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from emulator.store import Store
from tests.emulator.environment import (
    USMF,
    Environment,
    account,
    environment,
    guid,
    new_order,
    order,
    refused,
    shop,
)

pytestmark = pytest.mark.anyio
ACCOUNT = {"@odata.type": "Microsoft.Dynamics.CRM.account"}


@pytest.fixture
async def web() -> AsyncIterator[Environment]:
    async with environment(shop) as ready:
        yield ready


async def fetch(web: Environment, xml: str, prefer: str = "") -> dict[str, Any]:
    entity = ElementTree.fromstring(xml).find("entity")  # noqa: S314
    assert entity is not None
    name = web.store.catalog.named(entity.attrib["name"]).set
    answer = await web.get(f"{name}?fetchXml={quote(xml)}", prefer)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_many_rows_are_created_updated_and_upserted_at_once(web: Environment) -> None:
    path = "accounts/Microsoft.Dynamics.CRM."
    rows = [ACCOUNT | {"name": f"Many {n}"} for n in range(3)]
    created = await web.send("POST", path + "CreateMultiple", {"Targets": rows})
    ids = created.json()["Ids"]
    updates = [ACCOUNT | {"accountid": key, "name": "Updated"} for key in ids]
    updated = await web.send("POST", path + "UpdateMultiple", {"Targets": updates})
    by_key = f"accounts(accountnumber='NEW',_msdyn_company_value={USMF})"
    upserts = [ACCOUNT | {"@odata.id": by_key, "name": "Upserted"}, updates[0] | {"name": "Again"}]
    upserted = await web.send("POST", path + "UpsertMultiple", {"Targets": upserts})

    assert (created.status_code, len(ids)) == (200, 3)
    assert (updated.status_code, upserted.status_code) == (204, 204)
    assert len(await web.rows("accounts?$filter=name eq 'updated'")) == 2
    assert (await web.get(by_key)).json()["name"] == "Upserted"


async def test_bulk_operations_are_all_or_nothing(web: Environment) -> None:
    path = "accounts/Microsoft.Dynamics.CRM."
    rows = [ACCOUNT | {"name": "Good"}, ACCOUNT | {"nope": 1}]
    bad = await web.send("POST", path + "CreateMultiple", {"Targets": rows})
    untyped = await web.send("POST", path + "CreateMultiple", {"Targets": [{"name": "x"}]})
    missing = [ACCOUNT | {"accountid": guid(1), "name": "x"}, ACCOUNT | {"accountid": guid(999)}]
    absent = await web.send("POST", path + "UpdateMultiple", {"Targets": missing})

    assert [each.status_code for each in (bad, untyped, absent)] == [400, 400, 404]
    assert await web.rows("accounts?$filter=name eq 'good' or name eq 'x'") == []


async def test_bulk_delete(web: Environment) -> None:
    values = [{"Value": guid(n), "Type": "System.Guid"} for n in (101, 102)]
    wanted = {"AttributeName": "salesorderid", "Operator": "In", "Values": values}
    criteria = {"FilterOperator": "And", "Conditions": [wanted]}
    query = {"EntityName": "salesorder", "Criteria": criteria}
    answer = await web.send("POST", "BulkDelete", {"JobName": "x", "QuerySet": [query]})

    assert answer.json()["JobId"]
    assert len(await web.rows("salesorders")) == 10


async def test_changes_are_followed_by_their_token(web: Environment) -> None:
    first = await web.get("accounts?$select=name", "odata.track-changes,odata.maxpagesize=2")
    second = (await web.get(first.json()["@odata.nextLink"], "odata.maxpagesize=2")).json()
    link = second["@odata.deltaLink"]
    assert "@odata.deltaLink" not in first.json()
    assert "odata.track-changes" in first.headers["Preference-Applied"]
    assert (await web.get(link)).json()["value"] == []

    await web.send("PATCH", f"accounts({guid(1)})", {"name": "Changed"})
    await web.send("POST", "accounts", {"name": "New", "accountid": guid(50)})
    await web.send("DELETE", f"accounts({guid(50)})")
    await web.send("POST", "accounts", {"name": "Newer", "accountid": guid(51)})

    changes = (await web.get(link)).json()
    assert changes["@odata.context"].endswith("#accounts(name)/$delta")
    assert {row.get("name") for row in changes["value"]} == {"Changed", "Newer", None}
    gone = changes["value"][-1]
    assert (gone["id"], gone["reason"]) == (guid(50), "deleted")
    assert gone["@odata.context"].endswith("#accounts/$deletedEntity")
    assert (await web.get(changes["@odata.deltaLink"])).json()["value"] == []
    token = link.partition("$deltatoken=")[2]
    assert (await web.get(f"accounts/$count?$deltatoken={token}")).text == "2"


async def test_tracking_takes_no_filter_and_tokens_age(web: Environment) -> None:
    filtered = await web.get("accounts?$filter=name eq 'a'", "odata.track-changes")

    assert refused(filtered) == (400, "0x80060888")
    assert await web.error("accounts?$deltatoken=nonsense") == (400, "0x80060888")
    old = quote("5!11/01/2026 00:00:00")
    assert (await web.get(f"accounts?$deltatoken={old}")).status_code == 400


@pytest.mark.parametrize(
    ("apply", "expected"),
    [
        ("aggregate($count as n)", [{"n": 12}]),
        ("aggregate(totalamount with sum as s)", [{"s": 693.0}]),
        (
            "filter(totalamount gt 50)/aggregate(totalamount with min as low,"
            "totalamount with max as high,totalamount with average as mean)",
            [{"low": 52.5, "high": 115.5, "mean": 84.0}],
        ),
        (
            "groupby((statecode),aggregate(freightamount with countdistinct as n))",
            [{"statecode": 0, "n": 12}],
        ),
        (
            "filter(freightamount lt 3)/groupby((customerid_account/name),aggregate($count as n))",
            [{"account_name": f"Customer {n}", "n": 1} for n in (1, 2, 3)],
        ),
        ("groupby((statecode,statuscode))", [{"statecode": 0, "statuscode": 1}]),
    ],
)
async def test_apply_groups_and_sums(
    web: Environment, apply: str, expected: list[dict[str, Any]]
) -> None:
    assert await web.rows(f"salesorders?$apply={apply}") == expected


@pytest.mark.parametrize(
    "query",
    [
        "$apply=groupby((createdon))",
        "$apply=aggregate(name with sum as s)",
        "$apply=aggregate(totalamount with median as s)",
        "$apply=aggregate($count as n)&$orderby=n",
        "$apply=topcount(2,totalamount)",
        "$apply=groupby((nope))",
    ],
)
async def test_what_apply_cannot_do(web: Environment, query: str) -> None:
    assert (await web.error(f"salesorders?{query}"))[0] == 400


async def test_apply_ends_at_fifty_thousand_rows() -> None:
    def many(store: Store) -> None:
        store.insert("accounts", [account(1)])
        store.insert("salesorders", (order(n, 1) for n in range(50_001)))

    async with environment(many) as web:
        failed = await web.error("salesorders?$apply=aggregate($count as n)")

        assert failed == (400, "0x8004e023")
        few = "filter(name eq 'Order 7')/aggregate($count as n)"
        assert await web.rows(f"salesorders?$apply={few}") == [{"n": 1}]


async def test_fetchxml_links_filters_orders_and_names(web: Environment) -> None:
    xml = """<fetch><entity name="salesorder"><attribute name="name"/>
      <attribute name="totalamount" alias="amount"/>
      <filter><condition attribute="freightamount" operator="between"><value>3</value>
        <value>5</value></condition><condition attribute="name" operator="like" value="order%"/>
      </filter><order attribute="name" descending="true"/>
      <link-entity name="account" from="accountid" to="customerid" alias="c">
        <attribute name="name"/><filter type="or">
          <condition attribute="accountnumber" operator="eq" value="us-001"/>
          <condition attribute="accountnumber" operator="in"><value>US-003</value></condition>
        </filter></link-entity></entity></fetch>"""
    rows = (await fetch(web, xml))["value"]

    assert [(r["name"], r["amount"], r["c_x002e_name"]) for r in rows] == [
        ("Order 105", 52.5, "Customer 3"),
        ("Order 103", 31.5, "Customer 1"),
    ]
    assert all("salesorderid" in row and "@odata.etag" in row for row in rows)


async def test_fetchxml_pages_by_number(web: Environment) -> None:
    entity = '<entity name="salesorder"><attribute name="name"/></entity>'
    xml = '<fetch count="5" page="{}">' + entity + "</fetch>"
    prefer = 'odata.include-annotations="Microsoft.Dynamics.CRM.*"'
    seen, number, more = set(), 1, True
    while more:
        body = await fetch(web, xml.format(number), prefer)
        more, number = body["@Microsoft.Dynamics.CRM.morerecords"], number + 1
        seen |= {row["name"] for row in body["value"]}
        cookie = body.get("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie", "")
        assert more == (f'pagenumber="{number}"' in cookie)

    assert (len(seen), number) == (12, 4)


async def test_fetchxml_aggregates(web: Environment) -> None:
    xml = """<fetch aggregate="true"><entity name="salesorder">
      <attribute name="salesorderid" alias="n" aggregate="count"/>
      <attribute name="totalamount" alias="total" aggregate="sum"/>
      <attribute name="freightamount" alias="mean" aggregate="avg"/>
      <link-entity name="account" from="accountid" to="customerid" alias="c">
        <attribute name="name" alias="customer" groupby="true"/>
        <order alias="customer"/></link-entity></entity></fetch>"""

    assert (await fetch(web, xml))["value"] == [
        {"n": 4, "total": 189.0, "mean": 4.5, "customer": "Customer 1"},
        {"n": 4, "total": 231.0, "mean": 5.5, "customer": "Customer 2"},
        {"n": 4, "total": 273.0, "mean": 6.5, "customer": "Customer 3"},
    ]


@pytest.mark.parametrize(
    "xml",
    [
        "<fetch><entity",
        "<grab/>",
        "<fetch><entity name='contact'/></fetch>",
        "<fetch><entity name='account'><attribute name='nope'/></entity></fetch>",
        "<fetch><entity name='account'><something/></entity></fetch>",
        "<fetch count='9999'><entity name='account'/></fetch>",
    ],
)
async def test_fetchxml_that_does_not_fit(web: Environment, xml: str) -> None:
    assert (await web.error(f"accounts?fetchXml={quote(xml)}"))[0] == 400


async def test_metadata_is_csdl_that_names_everything(web: Environment) -> None:
    for path, sets in (("$metadata", "salesorders"), ("/data/$metadata", "CustomersV3")):
        answer = await web.get(path)
        root = ElementTree.fromstring(answer.content)  # noqa: S314
        space = "{http://docs.oasis-open.org/odata/ns/edm}"

        assert answer.headers["Content-Type"].startswith("application/xml")
        types = {each.get("Name"): each for each in root.iter(f"{space}EntityType")}
        named = {each.get("Name") for each in root.iter(f"{space}EntitySet")}
        assert sets in named
        for each in root.iter(f"{space}NavigationProperty"):
            target = (each.get("Type") or "").removesuffix(")").rpartition(".")[2]
            assert target in types


async def test_tables_are_discovered(web: Environment) -> None:
    found = await web.rows(
        "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute"
        "&$filter=LogicalName eq 'salesorder'"
    )
    assert found[0]["EntitySetName"] == "salesorders"
    assert set(found[0]) == {"LogicalName", "EntitySetName", "PrimaryIdAttribute", "MetadataId"}
    by_id = await web.get(f"EntityDefinitions({found[0]['MetadataId']})?$select=LogicalName")
    assert by_id.json()["LogicalName"] == "salesorder"
    assert len(await web.rows("EntityDefinitions?$filter=startswith(LogicalName,'adx_web')")) == 2
    assert (await web.get("EntityDefinitions(LogicalName='nope')")).status_code == 404
    assert (await web.get("EntityDefinitions?$select=Nope")).status_code == 400
    assert (await web.get("EntityDefinitions?$orderby=LogicalName")).status_code == 400
    assert (await web.send("POST", "EntityDefinitions", {})).status_code == 501


async def test_columns_choices_and_keys_are_discovered(web: Environment) -> None:
    table = "EntityDefinitions(LogicalName='salesorder')"
    cast = f"{table}/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    choices = await web.rows(f"{cast}?$select=LogicalName&$expand=OptionSet($select=Options)")
    options = {
        row["LogicalName"]: {
            each["Value"]: each["Label"]["UserLocalizedLabel"]["Label"]
            for each in row["OptionSet"]["Options"]
        }
        for row in choices
    }
    assert options["msdyn_processingstatus"][192350001] == "Confirmed"
    lookup = "Microsoft.Dynamics.CRM.LookupAttributeMetadata"
    one = f"{table}/Attributes(LogicalName='customerid')/{lookup}"
    assert (await web.get(one)).json()["Targets"] == ["account", "contact"]
    expanded = await web.get(f"{table}?$select=LogicalName&$expand=Attributes($select=LogicalName)")
    assert len(expanded.json()["Attributes"]) == len(
        web.store.catalog.tables["salesorders"].columns
    )
    keys = await web.rows("EntityDefinitions(LogicalName='account')/Keys?$select=KeyAttributes")
    assert ["accountnumber", "msdyn_company"] in [each["KeyAttributes"] for each in keys]
    text = f"{table}/Attributes(LogicalName='name')"
    cast_text = f"{text}/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=MaxLength"
    assert (await web.get(cast_text)).json()["MaxLength"] == 300
    assert (await web.get(f"{text}?$select=MaxLength")).status_code == 400


async def test_relationships_are_discovered(web: Environment) -> None:
    kind = "Microsoft.Dynamics.CRM.RelationshipType'ManyToManyRelationship'"
    both = await web.rows(f"RelationshipDefinitions?$filter=RelationshipType eq {kind}")
    named = "RelationshipDefinitions?$filter=SchemaName eq 'order_customer_accounts'"
    table = "EntityDefinitions(LogicalName='contact')"

    assert {row["SchemaName"] for row in both} >= {"adx_webrole_contact"}
    assert (await web.rows(named))[0][
        "ReferencingEntityNavigationPropertyName"
    ] == "customerid_account"
    assert len(await web.rows(f"{table}/ManyToManyRelationships")) == 3
    lookups = await web.rows(f"{table}/ManyToOneRelationships?$select=ReferencingAttribute")
    assert "parentcustomerid" in {row["ReferencingAttribute"] for row in lookups}
    assert (await web.get("GlobalOptionSetDefinitions")).status_code == 200


async def test_finops_describes_itself(web: Environment) -> None:
    entities = (await web.get("/metadata/PublicEntities")).json()["value"]
    one = (await web.get("/metadata/PublicEnumerations('SalesStatus')")).json()

    assert "SalesOrderHeadersV2" in {each["EntitySetName"] for each in entities}
    assert {"Name": "Backorder", "Value": 1} in one["Members"]
    assert (await web.get("/Metadata/PublicEntities")).json()["value"] == entities
    assert (await web.get("/metadata/Nope")).status_code == 404
    assert (
        await web.http.get("/metadata/DataEntities", headers={"Authorization": ""})
    ).status_code == 401


async def test_an_order_adds_up_unless_the_erp_does_it(web: Environment) -> None:
    lines = [
        {"quantity": 3, "priceperunit": 9.99, "manualdiscountamount": 1.5, "tax": 2},
        {"quantity": 0.5, "priceperunit": 100},
    ]
    body = new_order(order_details=lines, freightamount=5, discountpercentage=10)
    row = (await web.send("POST", "salesorders", body, "return=representation")).json()

    assert row["totallineitemamount"] == 78.47
    assert (row["totaltax"], row["totalamountlessfreight"]) == (2, 70.62)
    assert (row["totalamount"], row["totalamount_base"]) == (77.62, 77.62)
    changed = {"issopintegrationenabled": True}
    organization = (await web.get("WhoAmI")).json()["OrganizationId"]
    await web.send("PATCH", f"organizations({organization})", changed)
    row = (await web.send("POST", "salesorders", body, "return=representation")).json()
    assert row["totalamount"] is None


async def test_a_page_size_cuts_nested_expansions_too(web: Environment) -> None:
    expand = "order_customer_accounts($select=name;$expand=msdyn_Company($select=cdm_companycode))"
    path = f"accounts?$select=name&$expand={expand}"
    row = (await web.rows(path, "odata.maxpagesize=3"))[0]
    names = [each["name"] for each in row["order_customer_accounts"]]
    rest = (await web.get(row["order_customer_accounts@odata.nextLink"])).json()["value"]

    assert (len(names), len(rest)) == (3, 1)
    assert not {each["name"] for each in rest} & set(names)
    assert len((await web.rows(path))[0]["order_customer_accounts"]) == 4
