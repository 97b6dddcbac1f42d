"""Customers owe as much as the ERP's own tables add up to: open amounts, ages, balances."""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid5

import pytest
from starlette.applications import Starlette

from emulator.store import Store
from emulator.values import guid_order
from tests.emulator.trade import trading
from tests.environments import altered, drop_collection, dumped, written
from tests.nightly import NIGHTLY
from tests.stack import Stack, emulator, onward, running

pytestmark = pytest.mark.anyio

ACCOUNTS = 2_000 if NIGHTLY else 100
AT_ONCE = 25
CURRENCIES = ("USD", "EUR", "JPY")
NAMES = UUID("2f9dd8f8-8c46-4b56-a2a1-61d1c6a3c1de")
AGES = ((1, 30), (31, 60), (61, 90), (91, 10**6))
TRANSACTIONS = "CustTransBiEntities"
NONE = "1900-01-01T12:00:00Z"
Owed = dict[str, dict[str, list[tuple[Decimal, date | None]]]]
"""Open amounts and their due days, by account number and currency."""
BALANCE = """
    balance {
      currency open { amount currency } overdue { amount }
      aging { fromDays toDays amount { amount currency } }
      items { dueOn daysOverdue open { amount } }
      credit { limit { amount currency } used { amount } free { amount } }
    }
"""


def today() -> date:
    return datetime.now(UTC).date()


def populate(store: Store, number: int) -> None:
    """So many accounts with transactions in several currencies, drawn without the worlds' code."""
    chance = Random(20261129)  # noqa: S311 - the same each time
    (template,) = store.select(store.catalog.tables["accounts"], "accountnumber = 'US-001'")
    table = store.catalog.tables["accounts"]
    keys, rows = iter(range(9_000_000_000, 9_900_000_000)), []
    for index in range(number):
        account = f"M-{index:05d}"
        own = {
            "accountid": guid_order(str(uuid5(NAMES, account))),
            "accountnumber": account,
            "_msdyn_partyid_value": None,
        }
        store.write(table, [template | own | {"name": f"Customer {index:05d}"}])
        for _ in range(chance.randrange(12)):
            rows.append(_drawn(chance, account, next(keys)))
    store.insert(TRANSACTIONS, rows)


def _drawn(chance: Random, account: str, key: int) -> dict[str, Any]:
    currency = chance.choice(CURRENCIES)
    places = 0 if currency == "JPY" else 2
    amount = Decimal(chance.randrange(-500_000, 1_500_000)).scaleb(-places)
    settled = chance.choice((Decimal(0), amount, round(amount / 3, places)))
    due = today() + timedelta(days=chance.randrange(-130, 40))
    closed = chance.random() < 0.3
    return {
        "dataAreaId": "usmf",
        "SourceKey": key,
        "AccountNum": account,
        "Invoice": f"X-{key}",
        "CurrencyCode": currency,
        "AmountCur": amount,
        "SettleAmountCur": settled,
        "DueDate": f"{due}T12:00:00Z" if chance.random() < 0.9 else NONE,
        "Closed": f"{due}T12:00:00Z" if closed else NONE,
        "TransType": chance.choice(("Sales", "Cust", "Payment", "Interest")),
    }


def owed(store: Store) -> Owed:
    """Read from the emulator's own table, past gateway and OData."""
    found: Owed = defaultdict(lambda: defaultdict(list))
    table = store.catalog.tables[TRANSACTIONS]
    columns = ("AmountCur", "SettleAmountCur")
    scales = [table.columns[name].scale for name in columns]
    rows = store.run(
        f'SELECT "AccountNum", "dataAreaId", "CurrencyCode", "DueDate", "AmountCur",'  # noqa: S608
        f' "SettleAmountCur" FROM "{table.sql}"'
    )
    for account, area, currency, due, *amounts in rows:
        amount, settled = (
            Decimal(each).scaleb(-scale) for each, scale in zip(amounts, scales, strict=True)
        )
        day = None if due.startswith("1900") else date.fromisoformat(due[:10])
        found[f"{account}@{area}"][currency].append((amount - settled, day))
    return found


def expected(items: list[tuple[Decimal, date | None]]) -> tuple[Decimal, Decimal, list[Decimal]]:
    """Open, overdue, and the four ages of what is overdue."""
    ages = [Decimal(0)] * len(AGES)
    for amount, due in items:
        days = (today() - due).days if due else 0
        for place, (least, most) in enumerate(AGES):
            if least <= days <= most:
                ages[place] += amount
    return sum((amount for amount, _ in items), Decimal(0)), sum(ages, Decimal(0)), ages


@pytest.fixture(scope="module")
def many() -> Starlette:
    world = emulator()
    populate(world.state.store, ACCOUNTS)
    return world


@pytest.fixture
async def stack(many: Starlette) -> AsyncIterator[Stack]:
    async with running(many, deadline=60.0, read_timeout=60.0) as found:
        yield found


async def accounts(stack: Stack, fields: str, as_: str = "admin") -> list[dict[str, Any]]:
    """All accounts, page by page."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        query = (
            "query ($n: Int, $after: String) { accounts(first: $n, after: $after) {"
            f" nodes {{ number company {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )
        page = (await stack.ask(query, as_=as_, n=AT_ONCE, after=after)).data["accounts"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = onward(page["pageInfo"], after)


def told(account: dict[str, Any]) -> dict[str, tuple[Decimal, Decimal, list[Decimal]]]:
    return {
        each["currency"]: (
            Decimal(each["open"]["amount"]),
            Decimal(each["overdue"]["amount"]),
            [Decimal(age["amount"]["amount"]) for age in each["aging"][1:]],
        )
        for each in account["balance"]
    }


async def test_balances_and_ages_are_what_the_erps_tables_add_up_to(
    stack: Stack, many: Starlette
) -> None:
    sums = owed(many.state.store)

    asked = await accounts(stack, BALANCE)

    compared = 0
    for account in asked:
        mine = sums[f"{account['number']}@{account['company'].lower()}"]
        told_ = told(account)
        for currency, items in mine.items():
            open_, overdue, ages = expected(items)
            assert told_.get(currency, (0, 0, [0] * 4)) == (open_, overdue, ages), account
            compared += 1
        for each in account["balance"]:
            every = sum((Decimal(age["amount"]["amount"]) for age in each["aging"]), Decimal(0))
            assert every == Decimal(each["open"]["amount"])
            assert {age["amount"]["currency"] for age in each["aging"]} == {each["currency"]}
            parts = [Decimal(item["open"]["amount"]) for item in each["items"]]
            late = [item["daysOverdue"] for item in each["items"]]
            assert sum(parts, Decimal(0)) == every
            assert late == sorted(late, reverse=True)
    assert len(asked) > ACCOUNTS
    assert compared > ACCOUNTS
    assert {currency for each in asked for currency in told(each)} >= set(CURRENCIES)


async def test_many_accounts_are_asked_for_at_once(stack: Stack) -> None:
    stack.emulator.state.log.clear()

    await stack.ask(f"{{ accounts(first: 20) {{ nodes {{ {BALANCE} }} }} }}", as_="admin")

    calls = [c.path for c in stack.emulator.state.log.calls() if c.service == "finops"]
    assert calls == [TRANSACTIONS]


INVOICE = "number dueOn settledOn payment open { amount currency } total { amount }"


async def test_an_invoice_is_as_open_as_its_transaction_says(many: Starlette, stack: Stack) -> None:
    store = many.state.store
    table = store.catalog.tables[TRANSACTIONS]
    rows = {row["Invoice"]: row for row in store.select(table, "\"Invoice\" LIKE 'CIV-%'")}
    scale = table.columns["AmountCur"].scale
    seen = set()
    after = None

    for _ in range(8):
        query = (
            "query ($after: String) { invoices(first: 100, after: $after) {"
            f" nodes {{ {INVOICE} }} pageInfo {{ endCursor }} }} }}"
        )
        page = (await stack.ask(query, as_="admin", after=after)).data["invoices"]
        after = page["pageInfo"]["endCursor"]
        for invoice in page["nodes"]:
            row = rows[invoice["number"]]
            left = Decimal(row["AmountCur"] - row["SettleAmountCur"]).scaleb(-scale)
            due = date.fromisoformat(row["DueDate"][:10])
            last = None if left else row["LastSettleDate"][:10]
            state = (
                "OVERDUE" if due < today() else "PARTLY_PAID" if row["SettleAmountCur"] else "OPEN"
            )
            seen.add(invoice["payment"])
            assert Decimal(invoice["open"]["amount"]) == left
            assert (invoice["dueOn"], invoice["settledOn"]) == (str(due), last)
            assert invoice["payment"] == (state if left else "PAID")

    assert seen >= {"PAID", "OVERDUE"}


@pytest.mark.parametrize("caller", ["jane", "rep"])
async def test_a_list_of_invoices_asks_once_for_their_transactions(
    stack: Stack, caller: str
) -> None:
    query = f"{{ invoices(first: 15) {{ nodes {{ {INVOICE} }} }} }}"

    calls = await stack.asked_upstream(query, as_=caller)

    assert [call.path for call in calls] == ["invoices", TRANSACTIONS]


async def test_an_invoice_is_open_until_it_is_paid(stack: Stack) -> None:
    query = "{ orders(first: 1, filter: { status: { eq: DELIVERED } }) { nodes { number } } }"
    (order,) = (await stack.ask(query, as_="rep")).data["orders"]["nodes"]
    stack.emulator.state.lifecycle.advance(order["number"], company="usmf", steps=1)
    number = stack.emulator.state.store.run(
        f'SELECT "Invoice" FROM "{_table(stack).sql}" ORDER BY "SourceKey" DESC LIMIT 1'  # noqa: S608
    )[0][0]

    fresh = await _one(stack, number)
    stack.emulator.state.payments.pay(number, amount=Decimal(1))
    part = await _one(stack, number)
    stack.emulator.state.payments.pay(number)
    whole = await _one(stack, number)

    assert [each["payment"] for each in (fresh, part, whole)] == ["OPEN", "PARTLY_PAID", "PAID"]
    assert fresh["open"] == {"amount": fresh["total"]["amount"], "currency": "USD"}
    assert Decimal(part["open"]["amount"]) == Decimal(fresh["open"]["amount"]) - 1
    assert Decimal(whole["open"]["amount"]) == 0
    assert [each["settledOn"] for each in (fresh, part, whole)] == [None, None, str(today())]


def _table(stack: Stack) -> Any:
    return stack.emulator.state.store.catalog.tables[TRANSACTIONS]


async def _one(stack: Stack, number: str) -> dict[str, Any]:
    query = (
        f"query ($n: String) {{ invoices(filter: {{ number: {{ eq: $n }} }}) "
        f"{{ nodes {{ {INVOICE} }} }} }}"
    )
    (found,) = (await stack.ask(query, as_="rep", n=number)).data["invoices"]["nodes"]
    return dict(found)


async def test_a_buyer_reads_what_is_open_of_own_invoices_and_not_what_the_account_owes(
    stack: Stack,
) -> None:
    own = await stack.ask(f"{{ invoices(first: 5) {{ nodes {{ {INVOICE} }} }} }}", as_="jane")
    account = await stack.ask("{ accounts { nodes { id number balance { currency } } } }")
    listed = await stack.ask("{ transactions { totalCount } }")

    assert all(each["payment"] for each in own.data["invoices"]["nodes"])
    assert account.codes == ["FORBIDDEN"]
    assert account.body["data"]["accounts"]["nodes"][0]["number"] == "US-001"
    assert listed.codes == ["FORBIDDEN"]


async def test_nobody_reads_what_others_owe(stack: Stack) -> None:
    (theirs,) = (
        await stack.ask(
            '{ accounts(filter: { number: { eq: "US-002" } }) { nodes { id } } }', as_="admin"
        )
    ).data["accounts"]["nodes"]
    query = (
        'query ($id: ID!) { statement(account: $id, from: "2020-01-01", to: "2026-12-31")'
        " { currency } }"
    )

    found = await stack.ask(query, as_="rep", id=theirs["id"])
    mine = await stack.ask(
        "{ transactions(first: 100) { nodes { account { number } } } }", as_="rep"
    )

    assert found.data["statement"] is None
    assert {each["account"]["number"] for each in mine.data["transactions"]["nodes"]} == {"US-001"}


async def test_a_statement_opens_and_closes_with_what_was_owed(
    many: Starlette, stack: Stack
) -> None:
    (account,) = (await stack.ask("{ accounts { nodes { id } } }", as_="rep")).data["accounts"][
        "nodes"
    ]
    query = """query ($id: ID!, $first: Date!, $last: Date!) {
      statement(account: $id, from: $first, to: $last) {
        currency opening { amount } closing { amount }
        entries { postedOn kind invoiceNumber amount { amount currency } balance { amount } }
      }
    }"""
    halves = [("2020-01-01", "2026-03-31"), ("2026-04-01", "2026-12-31")]

    early, late = [
        (await stack.ask(query, as_="rep", id=account["id"], first=a, last=b)).data["statement"]
        for a, b in halves
    ]

    store = many.state.store
    table = store.catalog.tables[TRANSACTIONS]
    rows = store.select(table, "\"AccountNum\" = 'US-001' AND \"dataAreaId\" = 'usmf'")
    scale = table.columns["AmountCur"].scale
    total = Decimal(sum(row["AmountCur"] for row in rows)).scaleb(-scale)
    assert [each["currency"] for each in early] == [each["currency"] for each in late] == ["USD"]
    assert Decimal(early[0]["opening"]["amount"]) == 0
    assert early[0]["closing"] == late[0]["opening"]
    assert Decimal(late[0]["closing"]["amount"]) == total
    for each in (*early, *late):
        running_ = Decimal(each["opening"]["amount"])
        for entry in each["entries"]:
            running_ += Decimal(entry["amount"]["amount"])
            assert Decimal(entry["balance"]["amount"]) == running_
        assert running_ == Decimal(each["closing"]["amount"])
    kinds = {entry["kind"] for each in (*early, *late) for entry in each["entries"]}
    assert kinds >= {"INVOICE", "PAYMENT"}
    assert len(early[0]["entries"]) + len(late[0]["entries"]) == len(rows)


async def test_the_spend_of_a_month_is_what_was_invoiced_less_what_was_credited(
    many: Starlette, stack: Stack
) -> None:
    query = """query ($id: ID!, $first: Date!, $last: Date!) {
      statement(account: $id, from: $first, to: $last) {
        currency spend { month amount { amount currency } }
      }
    }"""
    period = ("2026-01-15", "2026-11-10")
    table = many.state.store.catalog.tables[TRANSACTIONS]
    scale = table.columns["AmountCur"].scale
    sums: dict[str, dict[tuple[str, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in many.state.store.select(table, "\"TransType\" <> 'Payment' AND \"Invoice\" <> ''"):
        if period[0] <= row["TransDate"][:10] <= period[1]:
            place = row["CurrencyCode"], f"{row['TransDate'][:7]}-01"
            account = f"{row['AccountNum']}@{row['dataAreaId']}"
            sums[account][place] += Decimal(row["AmountCur"]).scaleb(-scale)
    listed = {f"{a['number']}@{a['company'].lower()}": a for a in await accounts(stack, "id")}

    for account in [*sums][:12]:
        variables = {"id": listed[account]["id"], "first": period[0], "last": period[1]}
        found = (await stack.ask(query, as_="admin", **variables)).data["statement"]
        told_ = {
            (each["amount"]["currency"], each["month"]): Decimal(each["amount"]["amount"])
            for one in found
            for each in one["spend"]
        }
        months = [[each["month"] for each in one["spend"]] for one in found]
        assert told_ == sums[account]
        assert months == [sorted(each) for each in months]
    assert sums["US-001@usmf"]


async def test_invoices_in_free_text_and_credit_notes_are_there(stack: Stack) -> None:
    query = """{ postedInvoices(first: 100, orderBy: [{ field: NUMBER, direction: DESC }]) { nodes {
      number dueOn payment open { amount } total { amount currency } order { number } } } }"""

    found = (await stack.ask(query, as_="admin")).data["postedInvoices"]["nodes"]

    free = [each for each in found if each["number"].startswith("F")]
    assert free
    assert all(each["order"] is None for each in free)
    credits = [each for each in free if Decimal(each["total"]["amount"]) < 0]
    assert credits
    assert {each["dueOn"] for each in credits} == {None}
    assert {each["payment"] for each in credits} <= {"OPEN", "PAID"}


async def test_credit_is_told_in_the_currency_of_the_limit_alone(stack: Stack) -> None:
    asked = await accounts(stack, f"creditLimit {{ amount currency }} {BALANCE}")

    several = 0
    for account in asked:
        limit = account["creditLimit"]
        told_ = [each for each in account["balance"] if each["credit"]]
        if not limit or not Decimal(limit["amount"]):
            assert told_ == []
            continue
        (each,) = told_
        credit = each["credit"]
        assert each is account["balance"][0]
        assert (credit["limit"], each["currency"]) == (limit, limit["currency"])
        assert credit["used"]["amount"] == each["open"]["amount"]
        others = [b for b in account["balance"] if b is not each]
        if credit["free"] is None:
            several += 1
            assert others
        else:
            left = Decimal(limit["amount"]) - Decimal(credit["used"]["amount"])
            assert Decimal(credit["free"]["amount"]) == left
            assert {Decimal(b["open"]["amount"]) for b in others} <= {Decimal(0)}
    assert several


async def test_an_invoice_counts_its_own_accounts_transactions_alone(
    many: Starlette, stack: Stack
) -> None:
    query = f"{{ invoices(first: 1) {{ nodes {{ {INVOICE} }} }} }}"
    before = (await stack.ask(query, as_="rep")).data["invoices"]["nodes"]
    theirs = _drawn(Random(1), "M-00001", 8_000_000_000)  # noqa: S311 - any will do
    number = {"Invoice": before[0]["number"], "CurrencyCode": "USD"}

    many.state.store.insert(TRANSACTIONS, [theirs | number])

    assert (await stack.ask(query, as_="rep")).data["invoices"]["nodes"] == before


CHILDREN = """
[roles.representative]
extends = "representative"
[roles.representative.account]
access = "account_and_children"
"""


async def test_an_account_that_is_seen_without_its_debts_is_no_account_without_debts(
    tmp_path: Path,
) -> None:
    world = emulator()
    store = world.state.store
    table = store.catalog.tables["accounts"]
    parent, child = (
        store.select(table, f"accountnumber = '{number}'")[0] for number in ("US-001", "US-002")
    )
    with store.transaction() as tx:
        tx.update(table, child, {"_parentaccountid_value": parent["accountid"]})
    file = tmp_path / "policy.toml"
    file.write_text(CHILDREN)
    query = "{ accounts { nodes { number balance { currency } } } }"

    async with running(world, policy=str(file)) as stack:
        answer = await stack.ask(query, as_="rep")

    found = {each["number"]: each["balance"] for each in answer.body["data"]["accounts"]["nodes"]}
    assert found["US-001"]
    assert found["US-002"] is None
    assert set(answer.codes) == {"FORBIDDEN"}


async def test_an_environment_without_transactions_says_so_at_the_field(tmp_path: Path) -> None:
    async with trading() as trade:
        dump = altered(await dumped(trade.http), drop_collection(TRANSACTIONS))
    world = emulator(environment=written(tmp_path, dump))
    query = """{
      viewer { capabilities { missing } }
      invoices(first: 1) { nodes { number open { amount } payment } }
      accounts { nodes { name balance { currency } } }
      transactions(first: 1) { totalCount }
    }"""

    names = tmp_path / "names.toml"
    names.write_text(f"[{TRANSACTIONS}]\nabsent = true")

    async with running(world) as stack:
        untold = await stack.ask(query, as_="rep")
    async with running(world, names=str(names)) as stack:
        answer = await stack.ask(query, as_="rep")

    missing = answer.body["data"]["viewer"]["capabilities"]["missing"]
    assert {"Transaction", "Invoice.open", "Invoice.payment", "Account.balance"} <= {*missing}
    assert "PostedInvoice" not in missing
    assert set(untold.codes) == set(answer.codes) == {"NOT_AVAILABLE_HERE"}
    assert answer.body["data"]["invoices"]["nodes"][0]["number"]
    assert answer.body["data"]["accounts"]["nodes"][0]["name"]
