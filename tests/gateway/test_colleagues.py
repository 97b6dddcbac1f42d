"""The people of an account: colleagues are invited once, and lose and get back their access."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import AnyAction, Cut, Fail
from emulator.faults.rules import Faults
from emulator.values import guid_text
from gateway.auth import invitations
from gateway.auth.invitations import Invitations
from gateway.auth.policy import SHIPPED
from gateway.config import parsers
from gateway.resolvers.own_rows import doubt
from tests.emulator.trade import trading
from tests.environments import altered, drop_column, drop_table, dumped, written
from tests.gateway.granting import audit as audit
from tests.gateway.granting import faults as faults
from tests.gateway.granting import stack as stack
from tests.gateway.granting import world as world
from tests.gateway.live.worlds import OURS, THEIRS, change, create, delete, rows
from tests.gateway.orders.ordering import placed
from tests.gateway.orders.worlds import key
from tests.gateway.test_accounts import account_of, post
from tests.stack import Answer, Stack, emulator, running

pytestmark = pytest.mark.anyio

GRANTED = """
[roles.buyer]
extends = "buyer"
[roles.buyer.contacts]
access = "account"
privileges = ["read", "create", "update", "delete"]
[invitations]
daily = 1000
"""
FIELDS = "id name firstName lastName email jobTitle phone state account { number } language"
INVITE = (
    f"mutation ($input: InviteColleagueInput!) {{ inviteColleague(input: $input) {{ {FIELDS} }} }}"
)
REMOVE = """mutation ($input: RemoveColleagueInput!) {
  removeColleague(input: $input) { colleague { id state } undo }
}"""
RESTORE = (
    "mutation ($input: RestoreColleagueInput!) { restoreColleague(input: $input) { id state } }"
)
JANE, MAY = "jane.doe@contoso-retail.example", "may.tanaka@fabrikam.example"
SAM = "sam.okafor@contoso-retail.example"
NEUTRAL = {
    "code": "NOT_INVITED",
    "reason": "NOT_POSSIBLE",
}
NUMBER = count(1)


def somebody(**other: Any) -> dict[str, Any]:
    """A person whom nobody knows yet."""
    person = {
        "email": f"new{next(NUMBER)}@contoso-retail.example",
        "firstName": "Noor",
        "lastName": "Visser",
        "jobTitle": "Buyer / planner",
        "phone": "+31 20 1234567",
    }
    return {**person, **other}


async def invite(stack: Stack, person: dict[str, Any], *, as_: str = "jane") -> Answer:
    return await stack.ask(INVITE, as_=as_, input=person)


async def invited(stack: Stack, **other: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await invite(stack, somebody(**other))).data["inviteColleague"]
    return found


async def remove(stack: Stack, id_: str, *, as_: str = "jane") -> Answer:
    return await stack.ask(REMOVE, as_=as_, input={"id": id_})


async def removed(stack: Stack, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = (await remove(stack, id_)).data["removeColleague"]
    return found


async def restore(stack: Stack, undo: str, *, as_: str = "jane") -> Answer:
    return await stack.ask(RESTORE, as_=as_, input={"undo": undo})


async def contact_id(stack: Stack, person: str) -> str:
    found = await stack.ask("{ viewer { contact { id } } }", as_=person)
    id_: str = found.data["viewer"]["contact"]["id"]
    return id_


def of(stack: Stack, email: str) -> list[dict[str, Any]]:
    """The contacts who have an address, as the store has them."""
    return rows(stack, "contacts", emailaddress1=email)


def told(answer: Answer) -> dict[str, Any]:
    """All that an answer says besides its words, which are asked for by their reason."""
    (error,) = answer.body["errors"]
    assert answer.body["data"] == {"inviteColleague": None}
    return {**error["extensions"], "message": error["message"]}


@contextmanager
def somebody_elses(stack: Stack, email: str, **values: Any) -> Iterator[str]:
    """A time in which a contact of another account has an address; its key."""
    (may,) = of(stack, MAY)
    alone = {"_msdyn_partyid_value": None, "msdyn_contactpersonid": None}
    made = create(stack, "contacts", may, emailaddress1=email, **alone, **values)
    try:
        yield made
    finally:
        delete(stack, "contacts", made)


async def acts_for(stack: Stack, email: str, number: str) -> None:
    """Let a person act for a further account, by the party model."""
    (person,) = of(stack, email)
    row = {
        "msdyn_contactforpartynumber": f"of {number}",
        "msdyn_contactid@odata.bind": f"/contacts({guid_text(person['contactid'])})",
        "msdyn_associatedaccountid@odata.bind": f"/accounts({await account_of(stack, number)})",
    }
    await post(stack, "msdyn_contactforparties", row)


# Inviting


async def test_a_colleague_is_invited_and_signs_in(stack: Stack) -> None:
    person = somebody(email="  Noor.Visser+Orders@Contoso-Retail.example ")

    answer = await invite(stack, person)

    made = answer.data["inviteColleague"]
    email = "noor.visser+orders@contoso-retail.example"
    assert made == {
        **person,
        "id": made["id"],
        "name": "Noor Visser",
        "email": email,
        "state": "ACTIVE",
        "account": {"number": OURS},
        "language": made["language"],
    }
    (row,), (jane,) = of(stack, email), of(stack, JANE)
    for column in ("_parentcustomerid_value", "_msdyn_company_value", "msdyn_language"):
        assert row[column] == jane[column]
    asked = "{ viewer { kind roles contact { id } } accounts { nodes { number } } }"
    seen = (await stack.ask(asked, as_=email)).data
    assert seen["viewer"] == {"kind": "customer", "roles": ["buyer"], "contact": {"id": made["id"]}}
    assert [each["number"] for each in seen["accounts"]["nodes"]] == [OURS]
    order = await placed(stack, as_=email)
    assert order["number"]


async def test_an_address_is_invited_once(stack: Stack) -> None:
    person = somebody()

    several = await asyncio.gather(*(invite(stack, person) for _ in range(5)))
    again = await invite(stack, {**person, "email": person["email"].upper()})
    other = await invite(stack, {**person, "lastName": "Else"})

    assert len({each.data["inviteColleague"]["id"] for each in [*several, again]}) == 1
    assert len(of(stack, person["email"])) == 1
    assert told(other)["reason"] == "ALREADY_A_COLLEAGUE"


async def test_two_accounts_invite_one_address_at_once(stack: Stack) -> None:
    for _ in range(5):
        person = somebody()

        answers = await asyncio.gather(
            *(invite(stack, person, as_=each) for each in ("jane", "may", "jane", "may"))
        )

        assert len(of(stack, person["email"])) == 1
        refused = [each for each in answers if each.codes]
        assert len(refused) == 2
        for each in refused:
            assert told(each).items() >= NEUTRAL.items()
        assert (await stack.ask("{ viewer { kind } }", as_=person["email"])).codes == []


@pytest.mark.parametrize(
    ("action", "times"),
    [(Cut(), 2), (Cut(after_commit=True), 1), (Cut(after_commit=True), 9), (Fail(), 2)],
)
async def test_a_colleague_is_invited_once_whatever_becomes_of_the_answers(
    stack: Stack, faults: Faults, action: AnyAction, times: int
) -> None:
    person = somebody()
    faults.add(action, times=times, method="POST", set="contacts")

    await invite(stack, person)
    faults.clear()
    made = (await invite(stack, person)).data["inviteColleague"]

    (row,) = of(stack, person["email"])
    assert row["contactid"] == key(made["id"])


async def test_a_known_colleague_is_named_as_one(stack: Stack) -> None:
    gone = await invited(stack)
    await removed(stack, gone["id"])

    again = await invite(stack, somebody(email=SAM.upper()))
    of_gone = await invite(stack, somebody(email=gone["email"]))

    assert told(again)["reason"] == "ALREADY_A_COLLEAGUE"
    assert told(of_gone)["reason"] == "NO_LONGER_A_COLLEAGUE"
    assert len(of(stack, SAM)) == len(of(stack, gone["email"])) == 1


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"statecode": 1, "statuscode": 2},
        *({"typed": each} for each in ("upper", "accent", "blank")),
    ],
)
async def test_an_address_of_somebody_else_tells_nothing(
    stack: Stack, tmp_path: Path, values: dict[str, Any]
) -> None:
    """Neither that it is known, nor for what reason it is refused, nor is anybody locked out."""
    person = somebody()
    known = {
        "upper": person["email"].upper(),
        "accent": person["email"].replace("e", "\u00e9"),
        "blank": f"{person['email']}  ",
    }.get(values.get("typed", ""), person["email"])
    given = {name: value for name, value in values.items() if name != "typed"}
    with somebody_elses(stack, known, **given):
        before = rows(stack, "contacts")

        taken = await invite(stack, person)

        assert rows(stack, "contacts") == before
    granted, policy = tmp_path / "granted.toml", tmp_path / "policy.toml"
    granted.write_text(GRANTED)
    policy.write_text(GRANTED + 'domains = ["elsewhere.example"]\n')
    async with running(stack.emulator, policy=str(policy)) as bounded:
        of_domain = await invite(bounded, somebody())
    async with running(
        stack.emulator,
        policy=str(granted),
        email_domains=("contoso-retail.example",),
    ) as bounded:
        of_issuer = await invite(bounded, somebody(email="x@elsewhere.example"))
    assert told(taken) == told(of_domain) == told(of_issuer)
    assert told(taken).items() >= NEUTRAL.items()


async def test_who_may_not_see_colleagues_is_not_told_of_them(
    world: Starlette, tmp_path: Path
) -> None:
    """By their addresses, where these are hidden, or at all."""
    hidden = GRANTED.replace("[invit", 'hide = ["Contact.email"]\n[invit')
    alone = """
[roles.buyer]
[roles.buyer.account]
access = "account"
[roles.buyer.contacts]
access = "account"
privileges = ["create"]
[invitations]
daily = 1000
"""
    for number, text in enumerate((hidden, alone)):
        policy = tmp_path / f"{number}.toml"
        policy.write_text(text)
        async with running(world, policy=str(policy)) as bounded:
            answers = [
                await bounded.ask(
                    "mutation ($input: InviteColleagueInput!)"
                    " { inviteColleague(input: $input) { __typename } }",
                    input=somebody(email=email),
                )
                for email in (SAM, MAY)
            ]
        assert told(answers[0]) == told(answers[1])
        assert told(answers[0]).items() >= NEUTRAL.items()


async def test_who_got_an_address_at_the_same_moment_keeps_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seller types a contact in while an invitation is under way: the invited steps back."""
    person = somebody()
    with ExitStack() as exits:

        async def between(*args: Any, **more: Any) -> Any:
            exits.enter_context(somebody_elses(stack, person["email"]))
            return await doubt(*args, **more)

        monkeypatch.setattr("gateway.resolvers.colleagues.doubt", between)
        answer = await invite(stack, person)
        monkeypatch.undo()

        assert told(answer).items() >= NEUTRAL.items()
        states = sorted(each["statecode"] for each in of(stack, person["email"]))
        assert states == [0, 1]
        asked = "{ accounts { nodes { number } } }"
        seen, theirs = [await stack.ask(asked, as_=each) for each in (person["email"], "may")]
        assert seen.data == theirs.data


NO_ADDRESSES = [
    *(
        "",
        " ",
        "jane",
        "@contoso.example",
        "jane@",
        "jane@localhost",
        "jane@contoso",
        "j@b@c.example",
    ),
    *(
        "jane doe@contoso.example",
        "jane@con toso.example",
        "jane@contoso.example\n",
        "\tj@c.example",
    ),
    *("jane@contoso.example\r\nBcc: all@contoso.example", "jane\u0000@contoso.example"),
    *("j\u00e1ne@contoso.example", "jane@c\u00f6ntoso.example", "j\u0430ne@contoso.example"),
    *("\uff4aane@contoso.example", "jane\u200b@contoso.example", "\u202ejane@contoso.example"),
    *(
        "Jane <jane@contoso.example>",
        '"jane"@contoso.example',
        "jane@contoso.example,may@x.example",
    ),
    *("jane@[127.0.0.1]", "jane@127.0.0.1", ".jane@contoso.example", "jane.@contoso.example"),
    *("ja..ne@contoso.example", "jane@.contoso.example", "jane@contoso..example"),
    *("jane@-contoso.example", "jane@contoso-.example", "jane@contoso.example."),
    *("jane%x@contoso.example", "jane@contoso_x.example", "jane\uff20contoso.example"),
    *(f"jane@{'a' * 64}.example", f"{'a' * 65}@contoso.example", f"{'a' * 60}@{'b' * 33}.example"),
    "x" * 100_000,
]


@pytest.mark.parametrize("email", NO_ADDRESSES, ids=range(len(NO_ADDRESSES)))
async def test_what_is_no_address_is_named(stack: Stack, email: str) -> None:
    before = len(rows(stack, "contacts"))

    answer = await invite(stack, somebody(email=email))

    assert told(answer).items() >= {"code": "INVALID_INPUT", "argument": "email"}.items()
    assert len(rows(stack, "contacts")) == before


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("lastName", ""), ("lastName", " \t "), ("lastName", "x" * 51), ("firstName", "x" * 51),
        ("jobTitle", "x" * 101), ("phone", "1" * 51), ("lastName", "x" * 100_000),
        ("lastName", "\U0001d538" * 26), ("firstName", "a\u0000b"), ("lastName", "a\nb"),
        ("jobTitle", "a\r\nb"), ("phone", "1\u2028 2"), ("firstName", "\u202eenaJ"),
        ("lastName", "Vis\u200bser"), ("firstName", "Jane <jane@x.example>"),
        ("lastName", "https://evil.example"), ("firstName", "evil@x"), ("lastName", "a\ufffeb"),
    ],
)  # fmt: skip
async def test_what_is_no_name_is_named(stack: Stack, part: str, text: str) -> None:
    before = len(rows(stack, "contacts"))

    answer = await invite(stack, somebody(**{part: text}))

    assert told(answer).items() >= {"code": "INVALID_INPUT", "argument": part}.items()
    assert len(rows(stack, "contacts")) == before


@pytest.mark.parametrize(
    "name", ["O'Neill", "van der Berg-J\u00f6nsson", "\u5f20\u4f1f", "J.R.", "\u0646\u200c\u06cc"]
)
async def test_names_are_those_of_people(stack: Stack, name: str) -> None:
    made = await invited(stack, firstName=None, lastName=name, jobTitle=" ", phone=None)

    assert (made["name"], made["lastName"]) == (name, name)
    assert (made["firstName"], made["jobTitle"], made["phone"]) == (None, None, None)


async def test_invitations_have_an_end_each_day(tmp_path: Path) -> None:
    """Refused addresses count too; the same one counts once, and each account for itself."""
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED.replace("1000", "3"))
    fresh = emulator()
    async with running(fresh, policy=str(policy)) as bounded:
        first, taken, third = somebody(), somebody(email=MAY), somebody()
        answers = [await invite(bounded, each) for each in (first, taken, first, taken, third)]
        over = await asyncio.gather(*(invite(bounded, somebody()) for _ in range(5)))
        again = await invite(bounded, first)
        of_may = await invite(bounded, somebody(email="a@fabrikam.example"), as_="may")

    assert [each.codes for each in (*answers, again, of_may)] == [
        [], ["NOT_INVITED"], [], ["NOT_INVITED"], [], [], []
    ]  # fmt: skip
    assert [told(each)["reason"] for each in over] == ["TOO_MANY"] * 5


async def test_the_end_of_invitations_outlives_a_process(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED.replace("1000", "2"))
    fresh = emulator()
    for reasons in ([None, None, "TOO_MANY"], ["TOO_MANY", "TOO_MANY", "TOO_MANY"]):
        async with running(fresh, policy=str(policy)) as bounded:
            for reason in reasons:
                answer = await invite(bounded, somebody())
                assert (told(answer)["reason"] if answer.codes else None) == reason


def test_tries_are_forgotten_after_a_day_and_never_pile_up() -> None:
    now = [0.0]
    found = Invitations(lambda: SHIPPED, lambda: (), b"key", lambda: now[0])
    account = UUID(int=1)
    daily = SHIPPED.invitations.daily

    assert all(found.count(account, str(n)) for n in range(daily))
    assert not found.count(account, "one more")
    assert found.count(account, "0")
    now[0] = invitations.DAY + 1
    assert found.count(account, "one more")
    for number in range(2, invitations.KEPT + 3):
        found.count(UUID(int=number), "x")
    assert len(found._tried) == invitations.KEPT


async def test_domains_can_be_those_of_the_account(stack: Stack, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED + "same_domain = true\n")
    async with running(stack.emulator, policy=str(policy)) as bounded:
        mine = await invite(bounded, somebody())
        others = [
            await invite(bounded, somebody(email=f"x{next(NUMBER)}@{domain}"))
            for domain in ("fabrikam.example", "retail.example", "x.contoso-retail.example")
        ]

    assert mine.codes == []
    for each in others:
        assert told(each).items() >= NEUTRAL.items()


async def test_nobody_is_invited_where_nobody_is_found_by_address(stack: Stack) -> None:
    asked = "{ viewer { capabilities { missing } } }"
    here = (await stack.ask(asked)).data["viewer"]["capabilities"]["missing"]
    async with running(stack.emulator, match_email=False) as bounded:
        there = (await bounded.ask(asked)).data["viewer"]["capabilities"]["missing"]

    assert "Mutation.inviteColleague" not in here
    assert "Mutation.inviteColleague" in there


async def test_nobody_gets_a_role_that_the_inviter_lacks(stack: Stack, tmp_path: Path) -> None:
    """Another provider's people may all be representatives, and a buyer makes none of those."""
    policy, issuers = tmp_path / "policy.toml", tmp_path / "issuers.toml"
    policy.write_text(GRANTED)
    issuers.write_text(
        '[[issuer]]\nurl = "https://id.other.example"\naudiences = ["gateway"]\n'
        'kinds = ["customer"]\nemail_domains = ["other.example"]\n'
        'customer_roles = ["representative"]\njwks_url = "https://id.other.example/keys"\n'
    )
    async with running(
        stack.emulator,
        policy=str(policy),
        issuers=str(issuers),
        email_domains=("contoso-retail.example",),
    ) as bounded:
        ours = await invite(bounded, somebody())
        theirs = await invite(bounded, somebody(email="a@other.example"))

    assert ours.codes == []
    assert told(theirs).items() >= NEUTRAL.items()


async def test_the_account_is_one_of_the_callers(stack: Stack) -> None:
    asked = "{ accounts { nodes { id } } }"
    (mine,) = (await stack.ask(asked)).data["accounts"]["nodes"]
    (other,) = (await stack.ask(asked, as_="may")).data["accounts"]["nodes"]

    made = await invited(stack, account=mine["id"])
    foreign = await invite(stack, somebody(account=other["id"]))
    junk = [await invite(stack, somebody(account=text)) for text in ("junk", "", "x" * 100_000)]

    assert made["account"] == {"number": OURS}
    assert foreign.codes == ["NOT_FOUND"]
    for each in junk:
        assert each.codes[0] in {"INVALID_INPUT", "NOT_FOUND"}


async def test_people_are_invited_where_dual_write_and_its_party_model_are_not(
    tmp_path: Path,
) -> None:
    lacks = [drop_column("contact", each) for each in ("msdyn_company", "msdyn_language")]
    async with trading() as trade:
        dump = altered(await dumped(trade.http), *lacks, drop_table("msdyn_contactforparty"))
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED)
    async with running(
        emulator(environment=written(tmp_path, dump)), policy=str(policy)
    ) as without:
        person = somebody()
        answer = await without.ask(INVITE.replace("language", ""), input=person)
        made = answer.data["inviteColleague"]
        gone = await removed(without, made["id"])
        back = await restore(without, gone["undo"])

    assert made["email"] == person["email"]
    assert back.data["restoreColleague"]["state"] == "ACTIVE"


# Access


async def test_access_is_taken_and_given_back(stack: Stack) -> None:
    made = await invited(stack)
    viewer = "{ viewer { contact { id } } }"

    gone = await removed(stack, made["id"])
    async with running(stack.emulator) as anew:
        refused = await anew.ask(viewer, as_=made["email"])
    back = await restore(stack, gone["undo"])
    again = await restore(stack, gone["undo"])

    assert gone["colleague"] == {"id": made["id"], "state": "INACTIVE"}
    assert refused.codes == ["UNAUTHENTICATED"]
    assert back.data == again.data == {"restoreColleague": {"id": made["id"], "state": "ACTIVE"}}
    async with running(stack.emulator) as anew:
        assert (await anew.ask(viewer, as_=made["email"])).codes == []


async def test_who_is_no_longer_active_has_no_way_back(stack: Stack) -> None:
    """The seller deactivated them: taking their access once more is no way to let them in."""
    made = await invited(stack)
    change(stack, "contacts", key(made["id"]), statecode=1, statuscode=2)

    gone = await removed(stack, made["id"])

    assert gone == {"colleague": {"id": made["id"], "state": "INACTIVE"}, "undo": None}


async def test_what_others_change_meanwhile_stays(stack: Stack) -> None:
    """The seller merged the contact, renamed it, or let somebody else have its address."""
    for values in ({"jobtitle": "Left"}, {"merged": 1}):
        made = await invited(stack)
        undo = (await removed(stack, made["id"]))["undo"]
        change(stack, "contacts", key(made["id"]), **values)

        answer = await restore(stack, undo)

        assert answer.codes == ["NOT_INVITED"]
        assert answer.body["errors"][0]["extensions"]["reason"] == "NOT_POSSIBLE"
        assert of(stack, made["email"])[0]["statecode"] == 1
    made = await invited(stack)
    undo = (await removed(stack, made["id"]))["undo"]
    with somebody_elses(stack, made["email"]):
        assert (await restore(stack, undo)).codes == ["NOT_INVITED"]
    assert (await restore(stack, undo)).codes == []


async def test_a_way_back_is_for_who_took_access_and_for_a_while(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await invited(stack)
    undo = (await removed(stack, made["id"]))["undo"]

    by_sam = await restore(stack, undo, as_="sam")
    by_may = await restore(stack, undo, as_="may")
    altered = await restore(stack, undo[:-2] + ("A" if undo[-2] != "A" else "B") + undo[-1])
    moment = time.time
    monkeypatch.setattr("gateway.resolvers.colleague_access.time.time", lambda: moment() + 1_000)
    late = await restore(stack, undo)
    monkeypatch.undo()

    assert [by_sam.codes, by_may.codes, late.codes] == [["NOT_FOUND"]] * 3
    assert altered.codes == ["INVALID_INPUT"]
    assert of(stack, made["email"])[0]["statecode"] == 1


async def test_a_receipt_of_an_order_is_no_way_back(stack: Stack) -> None:
    made = await invited(stack)
    undo = (await removed(stack, made["id"]))["undo"]

    asked = await stack.ask("query ($id: ID!) { operation(id: $id) { status } }", id=undo)

    assert asked.codes == ["INVALID_INPUT"]
    for junk in ("", "junk", "x" * 100_000, made["id"], "\u0000"):
        assert (await restore(stack, junk)).codes == ["INVALID_INPUT"]


async def test_nobody_locks_themselves_out(stack: Stack) -> None:
    answer = await remove(stack, await contact_id(stack, "jane"))

    assert answer.codes == ["INVALID_INPUT"]
    assert of(stack, JANE)[0]["statecode"] == 0


async def test_nobody_touches_the_people_of_others(stack: Stack) -> None:
    """Of another account, or of another account as well."""
    made = await invited(stack)
    may = await contact_id(stack, "may")

    foreign = [await remove(stack, may), await remove(stack, made["id"], as_="may")]
    await acts_for(stack, made["email"], THEIRS)
    shared = await remove(stack, made["id"])

    assert [each.codes for each in (*foreign, shared)] == [["NOT_FOUND"]] * 3
    assert [of(stack, email)[0]["statecode"] for email in (MAY, made["email"])] == [0, 0]


async def test_access_that_others_change_at_once_is_taken_all_the_same(stack: Stack) -> None:
    made = await invited(stack)

    answers = await asyncio.gather(*(remove(stack, made["id"]) for _ in range(4)))

    found = [each.data["removeColleague"] for each in answers]
    assert {each["colleague"]["state"] for each in found} == {"INACTIVE"}
    assert [bool(each["undo"]) for each in found].count(True) == 1


@pytest.mark.parametrize("after_commit", [False, True])
async def test_a_removal_is_repeated_until_it_is_known(
    stack: Stack, faults: Faults, *, after_commit: bool
) -> None:
    made = await invited(stack)
    faults.add(Cut(after_commit=after_commit), times=1, method="PATCH", set="contacts")

    await remove(stack, made["id"])
    faults.clear()

    assert (await removed(stack, made["id"]))["colleague"]["state"] == "INACTIVE"


@pytest.mark.parametrize("junk", ["junk", "", "x" * 100_000, "WyJQcm9kdWN0IiwieCJd", "\u00e9\x01"])
async def test_an_id_that_is_none_is_an_error_that_says_so(stack: Stack, junk: str) -> None:
    answer = await remove(stack, junk)

    assert answer.codes[0] in {"INVALID_INPUT", "NOT_FOUND"}


async def test_hidden_members_are_no_hindrance_and_stay_hidden(
    world: Starlette, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    secret = 'hide = ["Contact.state", "Contact.phone"]'
    policy.write_text(GRANTED.replace("[invit", f"{secret}\n[invit"))
    invite_ = INVITE.replace("phone state", "")
    remove_ = REMOVE.replace("state", "jobTitle")
    async with running(world, policy=str(policy)) as hiding:
        made = (await hiding.ask(invite_, input=somebody())).data["inviteColleague"]
        sent = {"id": made["id"]}
        gone = (await hiding.ask(remove_, input=sent)).data["removeColleague"]
        again = (await hiding.ask(remove_, input=sent)).data["removeColleague"]
        told_ = await hiding.ask(REMOVE, input=sent)
        back = await hiding.ask(RESTORE, input={"undo": gone["undo"]})

    assert gone["colleague"] == again["colleague"]
    assert (bool(gone["undo"]), again["undo"]) == (True, None)
    assert told_.codes == back.codes == ["FORBIDDEN"]
    assert of(hiding, made["email"])[0]["statecode"] == 0


# Rights


@pytest.mark.parametrize("caller", ["jane", "rep", "admin", "partner"])
async def test_nobody_may_who_was_not_granted_it(world: Starlette, caller: str) -> None:
    """No shipped role may, and nobody is told that a person is not there."""
    partners = parsers.partners("partner=US-001@usmf")
    async with running(world, customer_roles=(), partners=partners) as strict:
        answers = [
            await invite(strict, somebody(), as_=caller),
            await remove(strict, "x", as_=caller),
            await restore(strict, "x", as_=caller),
        ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"]] * 3


async def test_neither_machines_nor_staff_invite_whatever_they_are_granted(
    world: Starlette, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        GRANTED.replace("buyer", "partner")
        + '[roles.administrator]\nextends = "administrator"\n[roles.administrator.contacts]\n'
        + 'access = "all"\nprivileges = ["read", "create", "delete"]\n'
    )
    partners = parsers.partners("partner=US-001@usmf")
    async with running(world, policy=str(policy), partners=partners) as found:
        sam = await found.ask(
            '{ contacts(filter: {name: {eq: "Sam Okafor"}}) { nodes { id } } }', as_="admin"
        )
        (person,) = sam.data["contacts"]["nodes"]
        answers = [
            answer
            for caller in ("admin", "partner")
            for answer in (
                await invite(found, somebody(), as_=caller),
                await remove(found, person["id"], as_=caller),
            )
        ]

    assert [each.codes for each in answers] == [["FORBIDDEN"]] * 4


async def test_access_own_reaches_no_colleague(world: Starlette, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    text = GRANTED.replace('contacts]\naccess = "account"', 'contacts]\naccess = "own"')
    policy.write_text(text)
    async with running(world, policy=str(policy)) as own:
        sam = await contact_id(own, "sam")
        answers = [await invite(own, somebody()), await remove(own, sam)]

    assert [each.codes for each in answers] == [["FORBIDDEN"], ["NOT_FOUND"]]


async def test_staff_who_look_as_a_customer_change_nobody(stack: Stack) -> None:
    headers = {"X-View-As": JANE}
    sam = await contact_id(stack, "sam")

    answers = [
        await stack.ask(INVITE, as_="admin", headers=headers, input=somebody()),
        await stack.ask(REMOVE, as_="admin", headers=headers, input={"id": sam}),
    ]

    assert [each.codes for each in answers] == [["FORBIDDEN"]] * 2


async def test_each_try_is_audited(stack: Stack, audit: Path) -> None:
    """With the ids of the contacts, and without what people typed."""
    made = await invited(stack)
    gone = await removed(stack, made["id"])
    await restore(stack, gone["undo"])
    await invite(stack, somebody(email=MAY))

    text = await asyncio.to_thread(audit.read_text)
    lines = [line for line in map(json.loads, text.splitlines()) if line["event"] == "mutation"]
    done = [
        (line["what"], line["outcome"], made["id"] in str(line))
        for line in lines
        if line["outcome"] != "intended"
    ]
    assert done[-4:] == [
        ("inviteColleague", "done", True),
        ("removeColleague", "done", True),
        ("restoreColleague", "done", True),
        ("inviteColleague", "NOT_INVITED", False),
    ]
    assert not any(word in text for word in ("Visser", made["email"], gone["undo"]))
