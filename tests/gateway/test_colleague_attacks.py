"""Attacks by inviting and by taking access: on others, on colleagues, and on what is hidden."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, NAMESPACE_OID, NAMESPACE_URL, UUID, uuid5

import pytest
from starlette.applications import Starlette

from emulator.faults.actions import Throttle
from emulator.faults.rules import Faults
from emulator.values import guid_text
from gateway.resolvers.orders.order_ids import NAMESPACE
from gateway.resolvers.own_rows import send
from tests.gateway.granting import audit as audit
from tests.gateway.granting import faults as faults
from tests.gateway.granting import stack as stack
from tests.gateway.granting import world as world
from tests.gateway.live.worlds import OURS, THEIRS, account, change, create, delete, row
from tests.gateway.orders.worlds import key
from tests.gateway.test_colleagues import (
    GRANTED,
    MAY,
    NEUTRAL,
    SAM,
    acts_for,
    contact_id,
    invite,
    invited,
    of,
    remove,
    removed,
    restore,
    somebody,
    somebody_elses,
    told,
)
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

PLAIN_INVITE = "mutation ($input: InviteColleagueInput!) { inviteColleague(input: $input) { id } }"
VIEWER = "{ viewer { contact { id } } }"


def state_of(stack: Stack, id_: str) -> int:
    state: int = row(stack, "contacts", key(id_))["statecode"]
    return state


async def known(stack: Stack, email: str) -> None:
    """Have the gateway remember a person, as it does for a minute."""
    assert (await stack.ask(VIEWER, as_=email)).codes == []


# Who has just lost their access


async def test_who_lost_access_invites_nobody_in_the_minute_that_is_left(stack: Stack) -> None:
    gone, accomplice = await invited(stack), somebody()
    await known(stack, gone["email"])
    await removed(stack, gone["id"])

    answer = await invite(stack, accomplice, as_=gone["email"])

    assert answer.codes == ["FORBIDDEN"]
    assert of(stack, accomplice["email"]) == []


async def test_who_lost_access_takes_and_gives_none_in_the_minute_that_is_left(
    stack: Stack,
) -> None:
    gone, other, third = [await invited(stack) for _ in range(3)]
    undo = (await remove(stack, third["id"], as_=gone["email"])).data["removeColleague"]["undo"]
    await removed(stack, gone["id"])

    answers = [
        await remove(stack, other["id"], as_=gone["email"]),
        await restore(stack, undo, as_=gone["email"]),
    ]

    assert [each.codes for each in answers] == [["FORBIDDEN"]] * 2
    assert [state_of(stack, each["id"]) for each in (other, third)] == [0, 1]


async def test_whose_place_at_the_account_has_ended_invites_nobody(stack: Stack) -> None:
    """The seller gave the person to another account a moment ago."""
    moved, accomplice = await invited(stack), somebody()
    await known(stack, moved["email"])
    change(stack, "contacts", key(moved["id"]), _parentcustomerid_value=account(stack, THEIRS))

    answer = await invite(stack, accomplice, as_=moved["email"])

    assert answer.codes == ["FORBIDDEN"]
    assert of(stack, accomplice["email"]) == []


async def test_two_who_take_each_others_access_do_not_empty_the_account(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was looked at before the other's change was made."""
    one, other = [await invited(stack) for _ in range(2)]
    both, waiting = asyncio.Event(), []

    async def together(*args: Any, **more: Any) -> Any:
        waiting.append(args)
        if len(waiting) == 2:
            both.set()
        async with asyncio.timeout(60):
            await both.wait()
        return await send(*args, **more)

    monkeypatch.setattr("gateway.resolvers.colleague_access.send", together)
    answers = await asyncio.gather(
        remove(stack, other["id"], as_=one["email"]), remove(stack, one["id"], as_=other["email"])
    )

    assert 0 in [state_of(stack, each["id"]) for each in (one, other)]
    assert ["FORBIDDEN"] in [each.codes for each in answers]


# Invitations that are sent again


async def test_an_invitation_sent_again_shuts_nobody_out(stack: Stack) -> None:
    """The seller merged a twin into a colleague, or typed one in for another account."""
    person = somebody()
    made = (await invite(stack, person)).data["inviteColleague"]
    change(stack, "contacts", key(made["id"]), createdon="2026-01-05T10:00:00Z")

    with somebody_elses(stack, person["email"], statecode=1, statuscode=2):
        of_merged = await invite(stack, person)
    with somebody_elses(stack, person["email"]):
        of_taken = await invite(stack, person)

    assert of_merged.data["inviteColleague"]["id"] == made["id"]
    assert told(of_taken).items() >= NEUTRAL.items()
    assert state_of(stack, made["id"]) == 0


async def test_an_invitation_sent_again_ends_what_a_lost_answer_began(stack: Stack) -> None:
    """The caller went away before the gateway looked who else has the address by now."""
    person = somebody()
    made = (await invite(stack, person)).data["inviteColleague"]

    with somebody_elses(stack, person["email"]):
        again = await invite(stack, person)

        assert told(again).items() >= NEUTRAL.items()
        assert state_of(stack, made["id"]) == 1


async def test_invitations_under_other_names_in_one_request_are_as_many_tries(
    tmp_path: Path,
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED.replace("1000", "3"))
    fresh = emulator()
    people: dict[str, Any] = {f"p{n}": somebody() for n in range(5)}
    named = ", ".join(f"${name}: InviteColleagueInput!" for name in people)
    asked = " ".join(f"{name}: inviteColleague(input: ${name}) {{ id }}" for name in people)
    async with running(fresh, policy=str(policy)) as bounded:
        answer = await bounded.ask(f"mutation ({named}) {{ {asked} }}", **people)

    reasons = [each["extensions"]["reason"] for each in answer.body["errors"]]
    assert reasons == ["TOO_MANY"] * 2
    assert sum(map(bool, answer.body["data"].values())) == 3


async def test_an_address_that_was_given_up_makes_no_second_person(stack: Stack) -> None:
    """The seller changed the address of who was invited: the id is taken all the same."""
    person = somebody()
    made = (await invite(stack, person)).data["inviteColleague"]
    change(stack, "contacts", key(made["id"]), emailaddress1="moved@contoso-retail.example")

    again = await invite(stack, person, as_="may")

    assert told(again).items() >= NEUTRAL.items()
    assert state_of(stack, made["id"]) == 0


# What is hidden


async def test_the_id_of_an_invited_person_does_not_tell_the_address(stack: Stack) -> None:
    """Somebody who sees the id alone must not try addresses on it at home."""
    made = await invited(stack)

    texts = [made["email"], json.dumps(["contact", made["email"]], separators=(",", ":"))]
    spaces = NAMESPACE, NAMESPACE_DNS, NAMESPACE_URL, NAMESPACE_OID
    guesses = {uuid5(space, text) for space in spaces for text in texts}

    (found,) = of(stack, made["email"])
    assert UUID(guid_text(found["contactid"])) not in guesses


@pytest.mark.parametrize("hidden", ["phone", "jobTitle", "lastName"])
async def test_hidden_words_are_not_guessed_by_inviting_again(
    world: Starlette, stack: Stack, tmp_path: Path, hidden: str
) -> None:
    person = somebody()
    await invite(stack, person)
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED.replace("[invit", f'hide = ["Contact.{hidden}"]\n[invit'))
    async with running(world, policy=str(policy)) as hiding:
        right, wrong = [
            await hiding.ask(PLAIN_INVITE, as_="sam", input=each)
            for each in (person, {**person, hidden: "1"})
        ]

    assert right.body == wrong.body


@pytest.mark.parametrize("hidden", ["Contact.state", "Contact.email"])
async def test_an_invitation_does_not_tell_what_is_hidden_of_a_colleague(
    world: Starlette, stack: Stack, tmp_path: Path, hidden: str
) -> None:
    """Nor whose an address is that somebody else invited long ago."""
    people = [somebody() for _ in range(2)]
    here, gone = [(await invite(stack, each)).data["inviteColleague"] for each in people]
    await removed(stack, gone["id"])
    for each in (here, gone):
        change(stack, "contacts", key(each["id"]), createdon="2026-01-05T10:00:00Z")
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED.replace("[invit", f'hide = ["{hidden}"]\n[invit'))
    async with running(world, policy=str(policy)) as hiding:
        answers = [
            await hiding.ask(PLAIN_INVITE, as_="sam", input=each)
            for person in people
            for each in (person, {**person, "lastName": "Else"})
        ]

    assert all(told(each) == told(answers[0]) for each in answers)


# Accounts below, and the way back


async def test_a_way_back_steps_back_for_who_got_the_address_meanwhile(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await invited(stack)
    undo = (await removed(stack, made["id"]))["undo"]
    with ExitStack() as exits:

        async def between(*args: Any, **more: Any) -> Any:
            exits.enter_context(somebody_elses(stack, made["email"]))
            monkeypatch.undo()
            return await send(*args, **more)

        monkeypatch.setattr("gateway.resolvers.colleague_access.send", between)
        answer = await restore(stack, undo)

        assert answer.codes == ["NOT_INVITED"]
        assert state_of(stack, made["id"]) == 1


async def test_who_acts_for_an_account_below_keeps_that(
    world: Starlette, stack: Stack, tmp_path: Path
) -> None:
    """The right to take access away does not reach it, though another right does."""
    child = create(
        stack,
        "accounts",
        row(stack, "accounts", account(stack)),
        accountnumber="US-001-B",
        _parentaccountid_value=account(stack),
        _msdyn_partyid_value=None,
    )
    made = await invited(stack)
    await acts_for(stack, made["email"], "US-001-B")
    wide = '[roles.buyer.orders]\naccess = "account_and_children"\nprivileges = ["read"]\n'
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED.replace("[invit", f"{wide}[invit"))
    async with running(world, policy=str(policy)) as found:
        answer = await remove(found, made["id"])

    assert answer.codes == ["NOT_FOUND"]
    assert state_of(stack, made["id"]) == 0
    delete(stack, "accounts", child)


# What is typed


@pytest.mark.parametrize(
    "name", ["\u200d", " \u200c\u200d ", "\u0301", "\ufe0f", "\U000e0101", "\u034f"]
)
async def test_a_name_can_be_seen(stack: Stack, name: str) -> None:
    answer = await invite(stack, somebody(lastName=name))

    assert told(answer).items() >= {"code": "INVALID_INPUT", "argument": "lastName"}.items()


@pytest.mark.parametrize("name", ["Click www.evil.example", "evil.example", "Jan Evil.Com now"])
async def test_a_name_is_no_link_in_the_mails_that_begin_with_it(stack: Stack, name: str) -> None:
    answer = await invite(stack, somebody(firstName=name))
    apart = await invited(stack, firstName="Dr. A.B.Jansen", lastName="St. John Jr.")

    assert told(answer).items() >= {"code": "INVALID_INPUT", "argument": "firstName"}.items()
    assert apart["name"] == "Dr. A.B.Jansen St. John Jr."


@pytest.mark.parametrize("email", ["mar\u212a@contoso-retail.example", "x@contoso.\u212aom"])
async def test_a_letter_that_becomes_another_is_no_letter_of_an_address(
    stack: Stack, email: str
) -> None:
    """The sign of the kelvin in lower case is k."""
    answer = await invite(stack, somebody(email=email))

    assert told(answer).items() >= {"code": "INVALID_INPUT", "argument": "email"}.items()


# Who holds one half of the rights, and other ways to an address


@pytest.mark.parametrize("held", ["create", "delete", "update"])
async def test_one_privilege_is_not_another(world: Starlette, tmp_path: Path, held: str) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTED.replace('"create", "update", "delete"', f'"{held}"'))
    async with running(world, policy=str(policy)) as found:
        sam = await contact_id(found, "sam")
        answers = {
            "create": await invite(found, somebody()),
            "delete": await remove(found, sam),
        }
        back = await restore(found, "junk")
    change(found, "contacts", key(sam), statecode=0, statuscode=1)

    for privilege, answer in answers.items():
        assert answer.codes == ([] if privilege == held else ["FORBIDDEN"])
    assert back.codes == (["INVALID_INPUT"] if held == "delete" else ["FORBIDDEN"])


async def test_who_may_not_see_people_takes_access_from_none(
    world: Starlette, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    granted = GRANTED.replace('extends = "buyer"\n', "").replace('"read", ', "")
    policy.write_text(
        granted.replace(
            "[roles.buyer.contacts]",
            '[roles.buyer.account]\naccess = "account"\n[roles.buyer.contacts]',
        )
    )
    async with running(world, policy=str(policy)) as blind, running(world) as seeing:
        sam = await contact_id(seeing, "sam")
        answer = await blind.ask(
            "mutation ($input: RemoveColleagueInput!) { removeColleague(input: $input) { undo } }",
            input={"id": sam},
        )

    assert answer.codes in (["FORBIDDEN"], ["NOT_FOUND"])
    assert of(seeing, SAM)[0]["statecode"] == 0


async def test_a_person_whose_record_is_another_accounts_is_none_of_the_callers(
    stack: Stack,
) -> None:
    """By the party model alone the person acts for ours, and the record is another account's."""
    email = somebody()["email"]
    with somebody_elses(stack, email):
        await acts_for(stack, email, OURS)
        answer = await remove(stack, await contact_id(stack, email))

        assert answer.codes == ["NOT_FOUND"]
        assert of(stack, email)[0]["statecode"] == 0


async def test_another_column_of_addresses_finds_nobody_and_locks_nobody_out(stack: Stack) -> None:
    """A second address of May's is no way in for her: inviting it makes another person."""
    person = somebody()
    change(stack, "contacts", of(stack, MAY)[0]["contactid"], emailaddress2=person["email"])

    made = await invite(stack, person)
    seen = [
        (await stack.ask(VIEWER, as_=each)).data["viewer"]["contact"]["id"]
        for each in ("may", person["email"])
    ]

    assert made.codes == []
    assert seen[0] != seen[1] == made.data["inviteColleague"]["id"]


async def test_a_removed_person_is_told_of_nothing_more(stack: Stack) -> None:
    """Neither by a token, nor by the id of the contact, nor as the one who is seen as."""
    made = await invited(stack)
    await removed(stack, made["id"])

    async with running(stack.emulator) as anew:
        answers = [
            await anew.ask(VIEWER, as_=made["email"]),
            await anew.ask(VIEWER, as_="admin", headers={"X-View-As": made["email"]}),
            await anew.ask(VIEWER, as_="admin", headers={"X-View-As": key(made["id"])}),
        ]

    assert answers[0].codes == ["UNAUTHENTICATED"]
    assert all(each.codes for each in answers)


async def test_throttling_in_the_middle_makes_one_person(stack: Stack, faults: Faults) -> None:
    for method in ("GET", "POST"):
        person = somebody()
        faults.add(Throttle(retry_after=1), times=1, method=method)

        await invite(stack, person)
        faults.clear()
        made = (await invite(stack, person)).data["inviteColleague"]

        assert [each["contactid"] for each in of(stack, person["email"])] == [key(made["id"])]


async def test_the_cost_of_a_refusal_does_not_tell_its_reason(
    world: Starlette, stack: Stack, tmp_path: Path
) -> None:
    """Of an address outside of the domains nobody learns whether the seller knows it."""
    bounds = ('domains = ["contoso-retail.example"]\n', "same_domain = true\n")
    for number, bound in enumerate(bounds):
        policy = tmp_path / f"{number}.toml"
        policy.write_text(GRANTED + bound)
        ours, other = somebody()["email"], somebody(email="x@fabrikam.example")["email"]
        with somebody_elses(stack, ours):
            async with running(world, policy=str(policy), show_cost=True) as bounded:
                await bounded.ask(VIEWER)
                answers = [await invite(bounded, somebody(email=e)) for e in (MAY, ours, other)]

        costs = [each.body["extensions"]["cost"]["actual"] for each in answers]
        assert [told(each) for each in answers] == [told(answers[0])] * 3
        assert costs == [costs[0]] * 3
