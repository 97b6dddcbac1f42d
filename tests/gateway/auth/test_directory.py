"""A caller is the contact that the token means, beyond doubt, or nobody."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response

from gateway.auth.customers import Customer
from gateway.auth.kept import AGAIN
from gateway.auth.rejections import Reason, Rejected
from gateway.config.parsers import PartnerAccount
from gateway.directory import Directory
from gateway.errors import UpstreamError, UpstreamRefused, UpstreamUnavailable
from gateway.upstream.forbidden import LOOK_AGAIN
from gateway.upstream.sender import now
from tests.gateway.auth.dataverse import (
    Dataverse,
    account,
    contact,
    guid,
    identity,
    party,
)
from tests.gateway.auth.dataverse import (
    names as named,
)
from tests.gateway.auth.issuing import URL, Clock
from tests.simulation.virtual import run

pytestmark = pytest.mark.anyio

JANE = "jane@shop.example"
ROLES = ("Buyers", "Administrators")


async def find(
    dataverse: Dataverse, subject: str = "subject", email: str | None = JANE
) -> Customer:
    return await dataverse.directory(Clock()).customer(URL, subject, email)


async def refusal(
    dataverse: Dataverse, subject: str = "subject", email: str | None = JANE
) -> Reason:
    with pytest.raises(Rejected) as caught:
        await find(dataverse, subject, email)
    return caught.value.reason


async def test_a_contact_is_found_by_its_external_identity() -> None:
    dataverse = Dataverse()
    dataverse.tables["adx_externalidentities"] = [identity("subject", "sam")]

    found = await find(dataverse)

    assert str(found.contact.id) == guid("sam")
    assert [(each.number, each.company) for each in found.accounts] == [("US-001", "usmf")]
    assert str(found.accounts[0].price_list) == guid("list")
    assert found.contact.price_list is None


async def test_a_contact_without_one_is_found_by_its_verified_address() -> None:
    found = await find(Dataverse(), email="JANE@Shop.example")

    assert str(found.contact.id) == guid("jane")


async def test_an_environment_without_power_pages_is_not_asked_for_identities() -> None:
    dataverse = Dataverse()
    directory = dataverse.directory(Clock(), external_identities=False)

    assert (await directory.customer(URL, "subject", JANE)).contact.name == "Jane"
    assert "adx_externalidentities" not in {collection for collection, _ in dataverse.asked}


async def test_tables_that_are_not_there_name_nobody_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dataverse = Dataverse()
    del dataverse.tables["adx_externalidentities"], dataverse.tables["msdyn_contactforparties"]
    directory = dataverse.directory(Clock())

    await directory.start()
    found = [
        await directory.customer(URL, name, f"{name}@shop.example") for name in ("jane", "sam")
    ]

    assert [each.contact.name for each in found] == ["Jane", "Sam"]
    said = [
        record.getMessage() for record in caplog.records if "can be read" in record.getMessage()
    ]
    assert len(said) == 2
    assert "by verified e-mail alone" in said[0]
    assert "only a contact's parent" in said[1]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "0x80060888"), (403, "0x8006088a"), (404, "0x80040217"), (404, ""), (404, "9004010C")],
)
async def test_any_other_refusal_lets_nobody_in_by_address(status: int, code: str) -> None:
    """A column that is missing, a right that the gateway lacks, or a proxy's own 404."""
    dataverse = Dataverse()
    dataverse.refusals["adx_externalidentities"] = JSONResponse(
        {"error": {"code": code, "message": "x"}}, status
    )

    with pytest.raises(UpstreamRefused):
        await find(dataverse)


async def test_a_dataverse_that_is_down_does_not_keep_the_gateway_from_starting() -> None:
    dataverse = Dataverse()
    dataverse.failure = Response(status_code=400)

    await dataverse.directory(Clock()).start()


@pytest.mark.parametrize(
    "subject", ["SUBJECT", "subject ", "Subject", "subjecṭ", "sub", "subject2"]
)
async def test_a_subject_is_compared_exactly_though_dataverse_does_not(subject: str) -> None:
    dataverse = Dataverse()
    dataverse.tables["adx_externalidentities"] = [identity(subject, "sam")]

    assert await refusal(dataverse, email=None) is Reason.NO_CONTACT


async def test_an_identity_of_another_issuer_is_nobodys() -> None:
    dataverse = Dataverse()
    for issuer in (URL.upper(), URL + "/", "https://other.example"):
        dataverse.tables["adx_externalidentities"].append(identity("subject", "sam", issuer))

    assert await refusal(dataverse, email=None) is Reason.NO_CONTACT


async def test_two_contacts_of_one_identity_are_too_many() -> None:
    dataverse = Dataverse()
    dataverse.tables["adx_externalidentities"] = [
        identity("subject", "sam"),
        identity("subject", "may"),
    ]

    assert await refusal(dataverse) is Reason.AMBIGUOUS


async def test_two_active_contacts_of_one_address_are_too_many() -> None:
    dataverse = Dataverse()
    dataverse.tables["contacts"].append(contact("joan", emailaddress1="Jane@shop.example "))

    assert await refusal(dataverse) is Reason.AMBIGUOUS


async def test_a_deactivated_contact_of_the_same_address_locks_nobody_out() -> None:
    dataverse = Dataverse()
    dataverse.tables["contacts"].insert(
        0, contact("joan", emailaddress1="Jane@shop.example ", statecode=1)
    )

    assert (await find(dataverse)).contact.name == "Jane"


async def test_what_a_merge_has_left_leads_to_the_contact_that_it_was_merged_into() -> None:
    dataverse = Dataverse()
    dataverse.tables["contacts"].append(contact("joan", statecode=1, _masterid_value=guid("jane")))
    dataverse.tables["adx_externalidentities"] = [identity("subject", "joan")]

    assert (await find(dataverse)).contact.name == "Jane"


@pytest.mark.parametrize("by", ["identity", "email"])
async def test_a_deactivated_contact_is_refused_and_nobody_else_is_taken(by: str) -> None:
    dataverse = Dataverse()
    dataverse.tables["contacts"][1]["statecode"] = 1
    if by == "identity":
        dataverse.tables["adx_externalidentities"] = [identity("subject", "sam")]

    assert await refusal(dataverse, email=JANE if by == "identity" else "sam@shop.example") is (
        Reason.INACTIVE
    )


async def test_no_identity_and_no_verified_address_is_nobody() -> None:
    dataverse = Dataverse()

    assert await refusal(dataverse, email=None) is Reason.NO_CONTACT
    assert [collection for collection, _ in dataverse.asked] == ["adx_externalidentities"]


@pytest.mark.parametrize(
    "changes",
    [
        {"_parentcustomerid_value": None},
        {"_parentcustomerid_value": guid("sam")},
        {"_parentcustomerid_value": guid("nobody")},
    ],
)
async def test_a_contact_whose_parent_is_no_account_is_refused(changes: dict[str, str]) -> None:
    dataverse = Dataverse()
    dataverse.tables["contacts"][0] |= changes

    assert await refusal(dataverse) is Reason.NO_ACCOUNT


async def test_a_contact_of_the_party_model_acts_for_all_its_customers() -> None:
    dataverse = Dataverse()
    dataverse.tables["contacts"][0] = contact("jane", None)
    dataverse.tables["msdyn_contactforparties"] = [
        party("jane", "US-001"),
        party("jane", "US-003"),
        party("jane", "US-002", statecode=1),
        party("jane", "sam"),
        party("jane", None),
        party("may", "US-002"),
    ]

    found = await find(dataverse)

    assert sorted(str(each.number) for each in found.accounts) == ["US-001", "US-003"]
    assert len(found.contact.parties) == 5


async def test_an_environment_without_parties_is_not_asked_for_them() -> None:
    dataverse = Dataverse()
    directory = dataverse.directory(Clock(), contact_parties=False)

    assert (await directory.customer(URL, "subject", JANE)).contact.parties == ()
    assert "msdyn_contactforparties" not in {collection for collection, _ in dataverse.asked}


async def test_a_deactivated_account_is_no_account() -> None:
    dataverse = Dataverse()
    dataverse.tables["accounts"][0]["statecode"] = 1

    assert await refusal(dataverse) is Reason.NO_ACCOUNT


async def test_an_account_of_no_company_keeps_none() -> None:
    dataverse = Dataverse()
    dataverse.tables["accounts"][0] = account("US-001", None)

    assert (await find(dataverse)).accounts[0].company is None


async def test_a_service_that_answers_too_much_widens_nothing() -> None:
    dataverse = Dataverse(careless=True)
    dataverse.tables["adx_externalidentities"] = [
        identity("other", "may"),
        identity("subject", "sam"),
    ]

    found = await find(dataverse)

    assert str(found.contact.id) == guid("sam")
    assert [each.number for each in found.accounts] == ["US-001"]


async def test_a_service_that_answers_too_much_gives_no_web_role_of_somebody_else() -> None:
    dataverse = Dataverse(careless=True)
    dataverse.tables["adx_externalidentities"] = [identity("subject", "jane")]
    dataverse.tables["adx_webroles"] = [
        {"adx_webroleid": guid(name), "adx_name": name, "statecode": 0} for name in ROLES
    ]
    dataverse.tables["adx_webrole_contactset"] = [
        {"adx_webroleid": guid(role), "contactid": guid(name)}
        for role, name in zip(ROLES, ("jane", "may"), strict=True)
    ]
    directory = dataverse.directory(Clock(), web_roles=["adx"])

    found = await directory.customer(URL, "subject", JANE)

    assert found.web_roles == {ROLES[0]}


async def test_an_address_that_only_dataverse_takes_for_another_is_nobodys() -> None:
    dataverse = Dataverse(careless=True)
    dataverse.tables["contacts"] = [contact("jane", emailaddress1="jané@shop.example")]

    assert await refusal(dataverse) is Reason.NO_CONTACT


HOSTILE_ADDRESSES = [
    *["*", "%", "_", "", "@", "*@shop.example", "%@shop.example", "[a-z]@shop.example"],
    *["' or 1 eq 1 or 'x' eq '", "jane'@shop.example", "jane@shop.example' or '1' eq '1"],
    *["jane@shop.example\x00", "jane@shop.example\n", " jane@shop.example", "jane@shop.example "],
    *[
        "JANE@shop.example\u200b",
        "\u212aane@shop.example",
        "jané@shop.example",
        "\uff4aane@shop.example",
    ],
    *["j" * 10_000 + "@shop.example", "jane@" + "x" * 10_000, "jane@@shop.example"],
    *["jane@shop.example,sam@shop.example", "jane@shop.example;", "<jane@shop.example>"],
    *["jane@shop.example&$top=99", "jane@shop.example/../x", "jane\\@shop.example"],
]


@pytest.mark.parametrize("careless", [False, True])
@pytest.mark.parametrize("email", HOSTILE_ADDRESSES)
async def test_a_hostile_address_is_nobodys(email: str, careless: bool) -> None:
    assert await refusal(Dataverse(careless=careless), email=email) in (
        Reason.NO_CONTACT,
        Reason.AMBIGUOUS,
    )


@given(st.text(max_size=80), st.none() | st.text(max_size=80))
async def test_no_claim_finds_somebody_by_chance(subject: str, email: str | None) -> None:
    dataverse = Dataverse(careless=True)
    dataverse.tables["adx_externalidentities"] = [identity("\ue000 nobody's subject", "sam")]

    with pytest.raises(Exception, match=r"contact|could be meant"):
        await find(dataverse, subject, email)


async def test_a_quote_stays_inside_its_literal() -> None:
    dataverse = Dataverse()
    await refusal(dataverse, email="o'brien@shop.example")

    assert dataverse.asked[-1] == ("contacts", "emailaddress1 eq 'o''brien@shop.example'")


async def test_a_person_is_known_by_one_call() -> None:
    by_address, by_identity = Dataverse(), Dataverse()
    by_identity.tables["adx_externalidentities"] = [identity("subject", "jane")]
    for each in (by_address, by_identity):
        each.tables["msdyn_contactforparties"] = [party("jane", "US-003"), party("sam", "US-002")]

    found = [await find(each) for each in (by_address, by_identity)]

    assert [each.calls for each in (by_address, by_identity)] == [1, 1]
    for customer in found:
        assert [each.number for each in customer.accounts] == ["US-001", "US-003"]
        assert customer.contact.name == "Jane"
        assert len(customer.contact.parties) == 1


async def test_whose_identity_has_another_address_has_the_parties_of_the_identity() -> None:
    dataverse = Dataverse()
    dataverse.tables["adx_externalidentities"] = [identity("subject", "sam")]
    dataverse.tables["msdyn_contactforparties"] = [party("jane", "US-002"), party("sam", "US-003")]

    found = await find(dataverse)

    assert [each.number for each in found.accounts] == ["US-001", "US-003"]
    assert dataverse.calls == 2


async def test_nobody_has_the_parties_of_another() -> None:
    dataverse = Dataverse(careless=True)
    dataverse.tables["contacts"] = [contact("jane")]
    dataverse.tables["msdyn_contactforparties"] = [party("jane", "US-003"), party("sam", "US-002")]

    found = await find(dataverse)

    assert [each.number for each in found.accounts] == ["US-001", "US-003"]
    assert len(found.contact.parties) == 1


async def test_a_table_that_is_gone_meanwhile_is_done_without() -> None:
    dataverse = Dataverse()
    directory = dataverse.directory(Clock())
    await directory.start()
    del dataverse.tables["adx_externalidentities"]

    assert (await directory.customer(URL, "subject", JANE)).contact.name == "Jane"


async def test_a_table_that_comes_to_be_binds_within_minutes_without_a_restart() -> None:
    dataverse, clock = Dataverse(), Clock()
    identities = dataverse.tables.pop("adx_externalidentities")
    directory = dataverse.directory(clock)
    await directory.start()
    before = await directory.customer(URL, "subject", JANE)
    dataverse.tables["adx_externalidentities"] = [*identities, identity("subject", "sam")]

    clock.now += LOOK_AGAIN + 1
    after = await directory.customer(URL, "subject", JANE)
    with pytest.raises(Rejected) as other:
        await directory.customer(URL, "another", "sam@shop.example")

    assert before.contact.name == "Jane"
    assert after.contact.name == "Sam"
    assert other.value.reason is Reason.BOUND


async def test_an_outcome_is_remembered_for_a_minute_whatever_it_was() -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock)

    await directory.customer(URL, "subject", JANE)
    for _ in range(10):
        await directory.customer(URL, "subject", JANE)
        with pytest.raises(Rejected):
            await directory.customer(URL, "nobody", None)
    assert dataverse.calls == 2

    dataverse.tables["contacts"][0]["statecode"] = 1
    clock.now += 60
    with pytest.raises(Rejected, match=Reason.INACTIVE):
        await directory.customer(URL, "subject", JANE)


async def test_requests_at_once_cause_one_look_up_and_one_may_be_cancelled() -> None:
    dataverse = Dataverse()
    directory = dataverse.directory(Clock())
    tasks = [asyncio.create_task(directory.customer(URL, "subject", JANE)) for _ in range(50)]
    await asyncio.sleep(0)
    tasks[0].cancel()

    found = await asyncio.gather(*tasks[1:])

    assert {customer.contact.name for customer in found} == {"Jane"}
    assert len(dataverse.asked) <= 5


async def test_a_failure_of_dataverse_is_no_verdict_and_is_not_remembered() -> None:
    dataverse = Dataverse()
    directory = dataverse.directory(Clock())
    dataverse.failure = Response(status_code=503)
    with pytest.raises(UpstreamUnavailable):
        await directory.customer(URL, "subject", JANE)

    dataverse.failure = None

    assert (await directory.customer(URL, "subject", JANE)).contact.name == "Jane"


DOWN = [Response(status_code=503), Response(status_code=429, headers={"Retry-After": "0"})]


@pytest.mark.parametrize("failure", DOWN, ids=["down", "throttled"])
async def test_callers_stay_known_for_an_outage_and_no_longer(failure: Response) -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock, outage=lambda: 900)
    await directory.customer(URL, "subject", JANE)
    dataverse.failure = failure

    clock.now += 899
    found = await directory.customer(URL, "subject", JANE)
    clock.now += 1

    assert found.contact.name == "Jane"
    with pytest.raises(UpstreamError):
        await directory.customer(URL, "subject", JANE)


async def test_nobody_stays_known_where_the_policy_says_so() -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock, outage=lambda: 0)
    await directory.customer(URL, "subject", JANE)
    dataverse.failure = DOWN[0]
    clock.now += 60

    with pytest.raises(UpstreamError):
        await directory.customer(URL, "subject", JANE)


async def test_a_shorter_outage_in_the_policy_holds_at_once() -> None:
    dataverse, clock, seconds = Dataverse(), Clock(), [900.0]
    directory = dataverse.directory(clock, outage=lambda: seconds[0])
    await directory.customer(URL, "subject", JANE)
    dataverse.failure = DOWN[0]
    clock.now += 200
    await directory.customer(URL, "subject", JANE)

    seconds[0] = 100.0

    with pytest.raises(UpstreamError):
        await directory.customer(URL, "subject", JANE)


async def test_who_is_deactivated_is_out_as_soon_as_dataverse_can_be_asked_again() -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock, outage=lambda: 900)
    await directory.customer(URL, "subject", JANE)
    dataverse.failure = DOWN[0]
    dataverse.tables["contacts"][0]["statecode"] = 1
    clock.now += 60
    await directory.customer(URL, "subject", JANE)

    dataverse.failure = None
    clock.now += AGAIN

    with pytest.raises(Rejected, match=Reason.INACTIVE):
        await directory.customer(URL, "subject", JANE)


async def test_an_outage_costs_one_try_in_some_seconds() -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock, outage=lambda: 900)
    await directory.customer(URL, "subject", JANE)
    dataverse.failure = DOWN[0]
    clock.now += 60
    await directory.customer(URL, "subject", JANE)
    asked = len(dataverse.asked)

    for _ in range(50):
        await directory.customer(URL, "subject", JANE)

    assert len(dataverse.asked) == asked


def people(dataverse: Dataverse, number: int) -> list[str]:
    """Addresses of so many people of three accounts; every third is known by an identity."""
    names = [f"person-{n}" for n in range(number)]
    dataverse.tables["contacts"] = [
        contact(name, f"US-00{1 + n % 2}") for n, name in enumerate(names)
    ]
    dataverse.tables["adx_externalidentities"] = [identity(name, name) for name in names[::3]]
    dataverse.tables["msdyn_contactforparties"] = [party(name, "US-003") for name in names[::5]]
    return names


async def test_who_was_there_of_late_is_renewed_many_at_a_time() -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock)
    names = people(dataverse, 250)
    before = [await directory.customer(URL, n, f"{n}@shop.example") for n in names]
    dataverse.calls = 0

    clock.now += 40
    await directory.renew()
    clock.now += 40
    after = [directory.known(URL, n, f"{n}@shop.example") for n in names]

    assert dataverse.calls == 3
    assert all(old is new for old, new in zip(before, after, strict=True))


async def test_what_changed_is_known_once_it_is_renewed() -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock)
    for name in people(dataverse, 3):
        await directory.customer(URL, name, f"{name}@shop.example")
    dataverse.tables["contacts"][0]["statecode"] = 1
    dataverse.tables["contacts"][1]["fullname"] = "Another name"
    dataverse.tables["contacts"][2]["_parentcustomerid_value"] = guid("US-002")

    clock.now += 40
    await directory.renew()
    clock.now += 40

    assert directory.known(URL, "person-0", "person-0@shop.example") is None
    with pytest.raises(Rejected, match=Reason.INACTIVE):
        await directory.customer(URL, "person-0", "person-0@shop.example")
    second = directory.known(URL, "person-1", "person-1@shop.example")
    third = directory.known(URL, "person-2", "person-2@shop.example")
    assert second is not None
    assert second.contact.name == "Another name"
    assert third is not None
    assert [account.number for account in third.accounts] == ["US-002"]


@pytest.mark.parametrize("email", ["Person-1@shop.example ", "pers\u00f6n-1@shop.example"])
async def test_who_may_be_meant_by_another_address_is_not_renewed(email: str) -> None:
    dataverse, clock = Dataverse(careless=True), Clock()
    directory = dataverse.directory(clock, external_identities=False)
    dataverse.tables["contacts"] = [contact("person-1")]
    await directory.customer(URL, "person-1", "person-1@shop.example")
    dataverse.tables["contacts"].append(contact("other", emailaddress1=email))

    clock.now += 40
    await directory.renew()
    clock.now += 40

    with pytest.raises(Rejected, match=Reason.AMBIGUOUS):
        await directory.customer(URL, "person-1", "person-1@shop.example")


@pytest.mark.parametrize("lost", [(), ("adx_contactid",)], ids=["by one call", "by another"])
async def test_who_is_bound_to_an_identity_is_not_let_in_by_a_renewal(
    lost: tuple[str, ...],
) -> None:
    dataverse, clock, known = Dataverse(), Clock(), named()
    for navigation in lost:  # then identities cannot be asked for by the address of their contact
        assert known.lose("adx_externalidentity", navigation)
    directory = dataverse.directory(clock, known=known)
    dataverse.tables["contacts"] = [contact("person-1")]
    dataverse.tables["adx_externalidentities"] = [identity("another", "person-1")]
    with pytest.raises(Rejected, match=Reason.BOUND):
        await directory.customer(URL, "person-1", "person-1@shop.example")

    clock.now += 40
    await directory.renew()
    clock.now += 10

    with pytest.raises(Rejected, match=Reason.BOUND):
        await directory.customer(URL, "person-1", "person-1@shop.example")


async def test_who_has_not_been_there_for_long_is_not_renewed() -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock, outage=lambda: 900)
    await directory.customer(URL, "subject", JANE)
    dataverse.calls = 0

    clock.now += 601
    await directory.renew()

    assert dataverse.calls == 0


def test_a_hundred_people_who_click_idly_cost_a_process_a_call_in_half_a_minute() -> None:
    dataverse, minutes = Dataverse(), 10
    names = people(dataverse, 40)
    calls = 0

    async def click(name: str, directories: list[Directory], random: Random) -> None:
        until = now() + minutes * 60
        while now() < until:
            await asyncio.sleep(random.uniform(5, 15))
            await random.choice(directories).customer(URL, name, f"{name}@shop.example")

    async def main() -> None:
        nonlocal calls
        random = Random(1)  # noqa: S311 - repeatable, not secret
        directories = [dataverse.directory(now) for _ in range(4)]
        for directory in directories:
            await directory.start()
            for name in names:
                await directory.customer(URL, name, f"{name}@shop.example")
        calls = dataverse.calls
        await asyncio.gather(*(click(name, directories, random) for name in names))
        for directory in directories:
            directory.stop()

    run(main())

    assert dataverse.calls - calls <= 4 * minutes * 60 / 30


async def test_a_refusal_of_our_query_is_no_outage() -> None:
    dataverse, clock = Dataverse(), Clock()
    directory = dataverse.directory(clock, outage=lambda: 900)
    await directory.customer(URL, "subject", JANE)
    dataverse.failure = Response(status_code=400)
    clock.now += 60

    with pytest.raises(UpstreamRefused):
        await directory.customer(URL, "subject", JANE)


def partner(*accounts: str) -> tuple[PartnerAccount, ...]:
    return tuple(PartnerAccount(number, company) for number, _, company in map(split, accounts))


def split(account: str) -> tuple[str, str, str]:
    return account.partition("@")


async def numbers(directory: Directory, *accounts: str) -> list[str | None]:
    return [each.number for each in await directory.accounts(partner(*accounts))]


async def test_a_partner_gets_the_accounts_of_its_configuration_alone() -> None:
    dataverse = Dataverse(careless=True)
    dataverse.tables["accounts"] += [
        account("us-001"),
        account("US-001", "dat"),
        account("US-001 "),
    ]
    directory = dataverse.directory(Clock())

    assert await numbers(directory, "US-001@usmf", "US-003@dat") == ["US-001", "US-003"]
    assert await numbers(directory, "US-002@usmf", "US-002@dat") == ["US-002"]


async def test_a_partner_without_an_active_account_is_refused() -> None:
    dataverse = Dataverse()
    dataverse.tables["accounts"][1]["statecode"] = 1
    directory = dataverse.directory(Clock())

    for wanted in ("US-002@usmf", "US-001@dat", "X@usmf"):
        with pytest.raises(Rejected, match=Reason.NO_ACCOUNT):
            await directory.accounts(partner(wanted))
