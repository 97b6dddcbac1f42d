"""One TOML file says who sees what; every mistake in it is named with its line."""

from pathlib import Path

import pytest

from gateway.auth.policy import SHIPPED, Grant, Policy, Role
from gateway.auth.policy_file import REREAD, PolicyFile, parsed
from gateway.auth.principal import Access, Kind
from gateway.config.settings import SettingsError
from gateway.schema.vocabulary import vocabulary
from tests.gateway.auth.issuing import Clock
from tests.schema import shipped

shipped()
WORDS = vocabulary()

GOOD = """
[roles.buyer]
extends = "buyer"

[roles.buyer.orders]
access = "own"
privileges = ["read"]
hide = ["SalesOrder.discount", "SalesOrderLine.unitPrice"]

[roles.regional]
[roles.regional.orders]
access = "account_and_children"

[roles.auditor]
kind = "staff"
[roles.auditor.invoices]
access = "all"

[web_roles]
"Gold buyers" = "buyer"
"""


def read(text: str) -> Policy:
    return parsed(text, "policy.toml", WORDS)


def mistakes(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(text)
    return list(caught.value.mistakes)


def test_roles_are_replaced_and_added() -> None:
    policy = read(GOOD)

    assert policy.names(Kind.STAFF) == {"administrator", "auditor"}
    assert policy.roles["representative"] == SHIPPED.roles["representative"]
    assert policy.web_roles == {"Gold buyers": "buyer"}
    buyer = policy.rights(["buyer"])
    assert ("orders", "create") not in buyer.reach
    assert buyer.reach["catalog", "read"] is Access.ACCOUNT
    assert buyer.hidden == {"SalesOrder.discount", "SalesOrderLine.unitPrice"}
    assert policy.rights(["regional"]).reach == {("orders", "read"): Access.ACCOUNT_AND_CHILDREN}


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ('[roles.x]\nextends = "buyr"', "2: 'buyr' is not a shipped role; did you mean 'buyer'?"),
        ('[roles.x]\nkind = "robot"', "2: 'robot' is not a kind of caller"),
        ('[roles.x.ordrs]\naccess = "own"', "1: 'ordrs' is not a permission; did you mean 'ord"),
        ('[roles.x.orders]\naccess = "some"', "2: 'some' is not an access; known: account, "),
        ("[roles.x.orders]", "1: '(none)' is not an access"),
        ('[roles.x.orders]\naccess = "all"', "2: 'all' is for staff"),
        ('[roles.x.shipments]\naccess = "own"', "2: 'own' shows nothing of Shipment"),
        ('[roles.x.orders]\naccess = "own"\nacess = 1', "3: 'acess' is not a word of a grant"),
        (
            '[roles.x.orders]\naccess = "own"\nprivileges = ["reed"]',
            "3: 'reed' is not a privilege; did you mean 'read'?",
        ),
        ('[roles.x.orders]\naccess = "own"\nprivileges = "read"', "3: 'privileges' must be a li"),
        (
            '[roles.x.orders]\naccess = "own"\nhide = ["SalesOrdr.total"]',
            "3: 'SalesOrdr.total' is not a column under 'orders'; did you mean 'SalesOrder.total'?",
        ),
        (
            '[roles.x.orders]\naccess = "own"\nhide = ["Invoice.total"]',
            "3: 'Invoice.total' is not a column under 'orders'",
        ),
        (
            '[roles.x.account]\naccess = "account"\nhide = [\n  "Account.name"]',
            "4: 'Account.name' cannot be hidden",
        ),
        ('# a comment\n[web_roles]\nGold = "admin"', "3: 'admin' is not a role of customers"),
        ("roles = 1", "1: 'roles' must be a table"),
        ("[roles.x]\norders = 1", "2: 'orders' must be a table"),
        (
            "[rolls.x]",
            "1: 'rolls' is none of callers, invitations, roles, rows, seen, web_roles, webhooks",
        ),
        ("[invitations]\ndaily = 0", "2: 'daily' must be a number from 1 to 1000"),
        ("[invitations]\ndaily = true", "2: 'daily' must be a number from 1 to 1000"),
        ("[invitations]\nsame_domain = 1", "2: 'same_domain' must be true or false"),
        ('[invitations]\ndomains = ["x"]', "2: 'domains' must be domains such as shop.example"),
        ('[invitations]\ndomains = "x.y"', "2: 'domains' must be a list of words"),
        (
            "[invitations]\ndaly = 1",
            "2: 'daly' is not a word of invitations; did you mean 'daily'?",
        ),
        ("[callers]\noutage = -1", "2: 'outage' must be seconds from 0 to 86400"),
        ("[callers]\noutage = true", "2: 'outage' must be seconds from 0 to 86400"),
        ("[callers]\noutages = 1", "2: 'outages' is not 'outage'"),
        ("[rows]\noutage = -1", "2: 'outage' must be seconds from 0 to 86400"),
        ("[roles.x]\nquota = 0", "2: 'quota' must be a number of calls above 0"),
        ("[roles", "Expected ']' at the end of a table declaration (at end of document)"),
    ],
)
def test_a_mistake_is_named_with_its_line(line: str, mistake: str) -> None:
    found = mistakes(line)

    assert any(each.removeprefix("policy.toml:").strip().startswith(mistake) for each in found)


def test_all_mistakes_are_reported_at_once() -> None:
    assert len(mistakes('[roles.x]\nkind = "a"\n[roles.y]\nextends = "b"')) == 2


def test_rights_add_up_and_the_widest_wins() -> None:
    rights = SHIPPED.rights(["buyer", "representative", "nobody's role"])

    assert rights == SHIPPED.rights(["representative"])
    assert SHIPPED.rights([]).reach == {}
    assert SHIPPED.rights(["root"]).reach == {}


def test_a_role_for_few_rows_does_not_uncover_the_columns_of_many() -> None:
    few = Role(Kind.CUSTOMER, {"orders": Grant(Access.OWN)})
    hides = frozenset({"SalesOrder.total"})
    many = Role(Kind.CUSTOMER, {"orders": Grant(Access.ACCOUNT, hidden=hides)})
    all_shown = Role(Kind.CUSTOMER, {"orders": Grant(Access.ACCOUNT)})
    policy = Policy({"few": few, "many": many, "all": all_shown})

    assert policy.rights(["few", "many"]).hidden == hides
    assert policy.rights(["many", "few"]).hidden == hides
    assert policy.rights(["few", "many", "all"]).hidden == frozenset()


def test_a_changed_file_holds_after_half_a_minute_and_a_broken_one_never(tmp_path: Path) -> None:
    file, clock = tmp_path / "policy.toml", Clock()
    file.write_text('[roles.x.orders]\naccess = "own"')
    policies = PolicyFile(str(file), WORDS, clock)
    first = policies.current()
    assert first.rights(["x"]).reach == {("orders", "read"): Access.OWN}

    file.write_text("[roles.x.account]\naccess = 'account'")
    assert policies.current() is first
    clock.now += REREAD
    second = policies.current()
    assert second.rights(["x"]).reach == {("account", "read"): Access.ACCOUNT}

    for broken in ("[roles", '[roles.x.orders]\naccess = "any"', "", "\n"):
        file.write_text(broken)
        clock.now += REREAD
        assert policies.current() is second
    file.unlink()
    clock.now += REREAD
    assert policies.current() is second


def test_a_role_that_is_replaced_has_nothing_of_the_shipped_one() -> None:
    assert ("orders", "create") in SHIPPED.rights(["buyer"]).reach

    policy = parsed('[roles.buyer.orders]\naccess = "own"', "policy.toml", WORDS)

    assert policy.rights(["buyer"]).reach == {("orders", "read"): Access.OWN}
    assert ("orders", "create") in SHIPPED.rights(["buyer"]).reach


def test_a_file_that_cannot_be_read_is_a_mistake_of_the_settings() -> None:
    with pytest.raises(SettingsError, match="GATEWAY_POLICY"):
        PolicyFile("/nowhere/policy.toml", WORDS)
