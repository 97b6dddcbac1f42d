"""Generated worlds repeat exactly, and what they say about an order agrees on both sides."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from emulator.declarations import standard
from emulator.identities import DEMO_USERS
from emulator.scm.projection import Projection
from emulator.scm.sales import Sales
from emulator.store import Store
from emulator.world.cache import world as kept_world
from emulator.world.customers import (
    DEACTIVATED_EMAIL,
    INCOMPLETE_EMAIL,
    NOT_ON_HOLD,
    SHARED_EMAIL,
    draw_customers,
    draw_people,
)
from emulator.world.generation import generate, world_rows
from emulator.world.orders import SHIPPED_IN_FULL, Status
from emulator.world.reference_rows import COMPANIES
from emulator.world.seed import Row, Seed
from emulator.world.sizes import SIZES, Size
from tests.stack import WORLDS

SMALL = SIZES["small"]
SHIPPED = {*SHIPPED_IN_FULL, Status.PARTIALLY_DELIVERED}

World = dict[str, list[Row]]


@pytest.fixture(scope="module")
def world() -> World:
    rows: World = defaultdict(list)
    for entity_set, row in world_rows(SMALL, 1):
        rows[entity_set].append(row)
    return rows


@pytest.fixture(scope="module")
def store() -> Store:
    """The small world as an earlier process may have generated it."""
    return kept_world(standard(), "small", 1, WORLDS, lambda _: None)


@pytest.mark.parametrize("size", [each for each in SIZES.values() if not each.is_shown])
def test_people_of_every_size_are_told_apart(size: Size) -> None:
    seed = Seed(1)
    customers = draw_customers(seed, size, COMPANIES[: size.companies])
    people = draw_people(seed, size, customers)

    assert len({each.id for each in people}) == len({each.party for each in people}) == len(people)
    assert len({each.id for each in customers}) == len({each.party for each in customers})


def by(rows: Iterable[Row], *columns: str) -> dict[Any, list[Row]]:
    grouped: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        key = tuple(row[column] for column in columns)
        grouped[key if len(columns) > 1 else key[0]].append(row)
    return grouped


def lots(world: World) -> dict[tuple[str, int], Row]:
    """The ERP's lines by order id and sequence number, found as a client has to find them."""
    companies = {
        row["cdm_companyid"]: row["cdm_companycode"].lower() for row in world["cdm_companies"]
    }
    twins = by(world["SalesOrderLines"], "dataAreaId", "SalesOrderNumber")
    return {
        (order["salesorderid"], twin["LineCreationSequenceNumber"]): twin
        for order in world["salesorders"]
        for twin in twins[companies[order["_msdyn_company_value"]], order["msdyn_salesordernumber"]]
    }


def fingerprint(store: Store) -> str:
    digest = sha256()
    for table in store.catalog:
        for row in store.run(f'SELECT * FROM "{table.sql}" ORDER BY rowid'):  # noqa: S608 - names of ours
            digest.update(repr(row).encode())
    return digest.hexdigest()


def test_a_world_repeats_byte_for_byte(store: Store) -> None:
    again = Store(standard())
    generate(again, SMALL, 1)

    assert fingerprint(again) == fingerprint(store)


def test_another_seed_makes_another_world(world: World) -> None:
    other = next(row for name, row in world_rows(SMALL, 2) if name == "salesorders")

    assert other["salesorderid"] != world["salesorders"][0]["salesorderid"]


def test_no_lookup_points_nowhere(store: Store) -> None:
    assert list(store.dangling_lookups()) == []


def test_the_small_world_is_as_large_as_promised(world: World) -> None:
    counts = {name: len(world[name]) for name in ("cdm_companies", "accounts", "contacts")}

    assert counts == {"cdm_companies": 2, "accounts": 20, "contacts": 60}
    items = {row["msdyn_itemnumber"] for row in world["products"]}
    assert (len(items), len(world["salesorders"])) == (300, 2_000)
    assert len(world["salesorderdetails"]) == 10_000


def test_one_parent_has_two_children(world: World) -> None:
    parents = Counter(
        row["_parentaccountid_value"] for row in world["accounts"] if row["_parentaccountid_value"]
    )

    assert list(parents.values()) == [2]


@pytest.mark.parametrize("name", ["jane", "sam", "may"])
def test_demo_users_have_orders_in_both_contact_models(world: World, name: str) -> None:
    contact = by(world["contacts"], "emailaddress1")[DEMO_USERS[name].email][0]
    party = by(world["msdyn_contactforparties"], "_msdyn_contactid_value")[contact["contactid"]][0]
    orders = world["salesorders"]

    older = [o for o in orders if o.get("_msdyn_contactperson_value") == contact["contactid"]]
    newer = [
        o
        for o in orders
        if o.get("_msdyn_associatedcontact_value") == party["msdyn_contactforpartyid"]
    ]

    assert len(older) > 3
    assert newer
    assert {o["_customerid_value"] for o in older + newer} == {contact["_parentcustomerid_value"]}


def test_jane_and_sam_share_a_customer_that_may_does_not(world: World) -> None:
    contacts = by(world["contacts"], "emailaddress1")
    jane, sam, rep, may = (
        contacts[DEMO_USERS[name].email][0]["_parentcustomerid_value"]
        for name in ("jane", "sam", "rep", "may")
    )

    assert jane == sam == rep
    assert may != jane


def test_the_traps_are_laid(world: World) -> None:
    contacts = by(world["contacts"], "emailaddress1")
    accounts = by(world["accounts"], "accountnumber")
    ordering = {order["_customerid_value"] for order in world["salesorders"]}

    assert [row["statecode"] for row in contacts[DEACTIVATED_EMAIL]] == [1]
    assert len(contacts[SHARED_EMAIL]) == 2
    assert "_defaultpricelevelid_value" not in contacts[INCOMPLETE_EMAIL][0]
    assert len(accounts["C1"]) == 2
    assert "C10" in accounts
    assert {row["name"] for row in accounts["C1"]} & {row["name"] for row in accounts["C10"]}
    assert any(row["msdyn_onholdstatus"] != NOT_ON_HOLD for row in world["accounts"])
    assert any(row["msdyn_creditlimitismandatory"] for row in world["accounts"])
    assert {row["accountid"] for row in world["accounts"]} - ordering
    assert any(row["requestdeliveryby"] is None for row in world["salesorders"])


def test_order_numbers_repeat_across_companies(world: World) -> None:
    numbers = Counter(row["msdyn_salesordernumber"] for row in world["salesorders"])

    assert max(numbers.values()) == 2


def test_orders_repeat_items(world: World) -> None:
    pairs = Counter(
        (row["_salesorderid_value"], row["_productid_value"]) for row in world["salesorderdetails"]
    )

    assert max(pairs.values()) > 1


def test_every_line_has_its_twin_in_the_erp(world: World) -> None:
    twins = lots(world)

    assert len(twins) == len(world["salesorderdetails"])
    for line in world["salesorderdetails"]:
        twin = twins[line["_salesorderid_value"], line["sequencenumber"]]
        assert twin["OrderedSalesQuantity"] == line["quantity"]
        assert twin["LineAmount"] == line["extendedamount"]


def test_deliveries_say_what_the_status_says(world: World) -> None:
    twins = lots(world)
    shipped = by(world["CustPackingSlipTransBiEntities"], "dataAreaId", "InventTransId")
    lines = by(world["salesorderdetails"], "_salesorderid_value")
    for order in world["salesorders"]:
        status = order["msdyn_processingstatus"]
        ordered, delivered = Decimal(0), Decimal(0)
        for line in lines[order["salesorderid"]]:
            twin = twins[order["salesorderid"], line["sequencenumber"]]
            slips = shipped[twin["dataAreaId"], twin["InventoryLotId"]]
            quantity = sum((slip["Qty"] for slip in slips), Decimal(0))
            assert quantity <= line["quantity"]
            assert all(slip["Remain"] >= 0 for slip in slips)
            ordered, delivered = ordered + line["quantity"], delivered + quantity
        if status in SHIPPED_IN_FULL:
            assert delivered == ordered
        elif status == Status.PARTIALLY_DELIVERED:
            assert 0 < delivered < ordered
        else:
            assert delivered == 0


def test_packing_slips_carry_lines_and_most_of_them_tracking(world: World) -> None:
    lines = by(world["CustPackingSlipTransBiEntities"], "dataAreaId", "PackingSlipId")
    tracked = by(world["PackingSlipTrackingInformation"], "dataAreaId", "PackingSlipNumber")
    slips = [
        (row["dataAreaId"], row["PackingSlipId"]) for row in world["CustPackingSlipJourBiEntities"]
    ]

    assert set(lines) == set(slips)
    assert 0 < len(set(slips) - set(tracked)) < len(slips) / 5
    assert set(tracked) < set(slips)
    for row in world["CustPackingSlipJourBiEntities"]:
        carried = lines[row["dataAreaId"], row["PackingSlipId"]]
        assert row["Qty"] == sum(line["Qty"] for line in carried)


def test_invoices_agree_with_their_lines_and_orders(world: World) -> None:
    lines = by(world["invoicedetails"], "_invoiceid_value")
    invoices = by(world["invoices"], "_salesorderid_value")
    for order in world["salesorders"]:
        billed = Decimal(0)
        for invoice in invoices[order["salesorderid"]]:
            details = lines[invoice["invoiceid"]]
            assert details
            net = sum(line["extendedamount"] + line["tax"] for line in details)
            assert invoice["msdyn_totalamount"] == net + invoice["freightamount"]
            billed += invoice["msdyn_totalamount"]
        match order["msdyn_processingstatus"]:
            case Status.INVOICED:
                assert billed == order["totalamount"]
            case Status.PARTIALLY_INVOICED:
                assert 0 < billed < order["totalamount"]
            case _:
                assert invoices[order["salesorderid"]] == []


def test_totals_add_up(world: World) -> None:
    lines = by(world["salesorderdetails"], "_salesorderid_value")
    for order in world["salesorders"]:
        net = sum(line["extendedamount"] + line["tax"] for line in lines[order["salesorderid"]])
        assert order["totalamount"] == net + order["freightamount"]


def test_the_demo_customer_exists_in_every_size(world: World) -> None:
    demo = {user.email for user in DEMO_USERS.values() if user.is_contact}

    assert demo <= {row["emailaddress1"] for row in world["contacts"]}


def test_the_collections_of_dual_write_show_each_order_as_the_erp_itself_would(
    store: Store,
) -> None:
    projection, tables = Projection(Sales(store)), store.catalog.tables
    shown = [tables["CDSSalesOrderHeaders"], tables["CDSSalesOrderLines"]]
    before = [store.select(table, "1") for table in shown]
    headers = store.select(tables["SalesOrderHeadersV2"], "1")

    with store.transaction("load") as tx:
        for header in headers[::9]:
            projection.show(tx, header["dataAreaId"], header["SalesOrderNumber"])

    assert [len(rows) for rows in before] == [
        len(headers),
        len(store.select(tables["SalesOrderLines"], "1")),
    ]
    assert [store.select(table, "1") for table in shown] == before


def test_an_invoice_is_the_same_on_both_sides(world: World) -> None:
    twins = {row["InvoiceNumber"]: row for row in world["SalesInvoiceHeadersV2"]}
    lines = by(world["SalesInvoiceV2Lines"], "InvoiceNumber")
    details = by(world["invoicedetails"], "_invoiceid_value")

    assert len(twins) == len(world["invoices"]) > 100
    for invoice in world["invoices"]:
        twin = twins[invoice["msdyn_invoicenumber"]]
        assert twin["TotalInvoiceAmount"] == invoice["msdyn_totalamount"]
        assert twin["TotalTaxAmount"] == invoice["msdyn_totaltax"]
        assert twin["LedgerVoucher"] == invoice["msdyn_ledgervoucher"]
        assert twin["InvoiceDate"][:10] == invoice["msdyn_invoicedate"].isoformat()
        assert [
            (line["LineCreationSequenceNumber"], line["InvoicedQuantity"], line["LineAmount"])
            for line in lines[twin["InvoiceNumber"]]
        ] == [
            (row["sequencenumber"], row["quantity"], row["extendedamount"])
            for row in details[invoice["invoiceid"]]
        ]


def test_a_few_products_are_sold_in_certain_quantities_alone(world: World) -> None:
    limited = [
        row
        for row in world["msdyn_productdefaultordersettings"]
        if row["msdyn_salesquantitymultiples"]
    ]

    assert len(world["msdyn_productdefaultordersettings"]) == len(world["ReleasedProductsV2"])
    assert 0 < len(limited) < 0.05 * SMALL.companies * SMALL.products


def test_an_account_has_its_own_address_first(world: World) -> None:
    addresses = by(world["customeraddresses"], "_parentid_value")

    for account in world["accounts"]:
        first, *_ = addresses[account["accountid"]]
        assert first["customeraddressid"] == account["address1_addressid"]
        assert first["city"] == account["address1_city"]


def test_the_ledger_agrees_with_the_invoices_and_with_itself(world: World) -> None:
    journal = {row["InvoiceId"]: row for row in world["CustInvoiceJourBiEntities"]}
    owed = {row["Invoice"]: row for row in world["CustTransBiEntities"] if row["Invoice"]}
    paid = by(
        [row for row in world["CustTransBiEntities"] if row["TransType"] == "Payment"], "Voucher"
    )

    assert set(journal) == set(owed)
    for twin in world["SalesInvoiceHeadersV2"]:
        row = journal[twin["InvoiceNumber"]]
        assert row["InvoiceAmount"] == twin["TotalInvoiceAmount"]
        assert row["InvoiceAccount"] == twin["InvoiceCustomerAccountNumber"]
    for number, row in owed.items():
        assert row["AmountCur"] == journal[number]["InvoiceAmount"]
        assert row["SettleAmountCur"] == 0 or paid[row["LastSettleVoucher"]][0]["AmountCur"] == (
            -row["SettleAmountCur"]
        )
    free = [row for row in journal.values() if not row["SalesId"]]
    assert {row["InvoiceAmount"] > 0 for row in free} == {True, False}


def test_a_closed_day_does_not_mean_that_nothing_is_open(world: World) -> None:
    open_ = [r for r in world["CustTransBiEntities"] if r["AmountCur"] != r["SettleAmountCur"]]

    assert len(open_) > 100
    assert {row["Closed"][:4] == "1900" for row in open_} == {True, False}
