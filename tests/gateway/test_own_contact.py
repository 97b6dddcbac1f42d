"""People change their own contact, and nobody another one."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from gateway.config import parsers
from tests.gateway.live.worlds import rows
from tests.stack import Stack, emulator, running

pytestmark = pytest.mark.anyio

CHOOSE = "mutation($no: Boolean!) { updateOwnContact(doNotEmail: $no) { email doNotEmail } }"


@pytest.fixture(scope="module")
def world() -> Starlette:
    return emulator()


@pytest.fixture(scope="module")
async def strict(world: Starlette) -> AsyncIterator[Stack]:
    """A gateway on which roles come from the token alone."""
    partners = parsers.partners("partner=US-001@usmf")
    async with running(world, customer_roles=(), partners=partners) as found:
        yield found


@pytest.mark.parametrize(
    ("caller", "codes"),
    [("jane", []), ("rep", []), ("admin", ["NOT_FOUND"]), ("partner", ["NOT_FOUND"])],
)
async def test_people_choose_for_themselves(strict: Stack, caller: str, codes: list[str]) -> None:
    before = {each["contactid"]: each["donotemail"] for each in rows(strict, "contacts")}
    answer = await strict.ask(CHOOSE, as_=caller, no=True)
    after = {each["contactid"]: each["donotemail"] for each in rows(strict, "contacts")}
    changed = [key for key in before if before[key] != after[key]]

    assert answer.codes == codes
    assert len(changed) == (0 if codes else 1)
    if not codes:
        (row,) = rows(strict, "contacts", contactid=changed[0])
        assert answer.data["updateOwnContact"] == {
            "email": row["emailaddress1"],
            "doNotEmail": True,
        }
        await strict.ask(CHOOSE, as_=caller, no=False)


async def test_who_holds_no_role_changes_nothing(world: Starlette) -> None:
    async with running(world, customer_roles=(), roles_claim="none") as stack:
        assert (await stack.ask(CHOOSE, as_="may", no=True)).codes == ["FORBIDDEN"]


async def test_staff_who_look_as_a_customer_change_nothing(strict: Stack) -> None:
    headers = {"X-View-As": "jane.doe@contoso-retail.example"}
    answer = await strict.ask(CHOOSE, as_="admin", headers=headers, no=True)

    assert answer.codes == ["FORBIDDEN"]
