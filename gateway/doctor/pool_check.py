"""
The further application users of Dataverse: each must be let in, and may see and do exactly what the
first one may, as any of them makes any call.
"""

from typing import Final

from msgspec import Struct

from gateway.doctor.findings import Finding, ok, wrong
from gateway.doctor.looking import CheckResult, Looking, words
from gateway.doctor.privileges import COLUMN_RIGHTS
from gateway.errors import UpstreamError
from gateway.upstream.service import Service

CHECK: Final = "pool"
SAME: Final = "give both the same business unit, security roles and field security profiles"
LET_IN: Final = (
    "check its secret in GATEWAY_POOL, and make the application a user of the environment: "
    "docs/budget.md, several application users"
)


class UserRights(Struct, frozen=True):
    """A user, and all that it may do."""

    user: str
    unit: str
    rights: frozenset[tuple[str, ...]]
    """Privileges with their depth, and columns with what is allowed of them."""


async def check(looking: Looking) -> CheckResult:
    """Compare each further user with the first one."""
    if not looking.pool:
        return CheckResult([])
    try:
        first = await _rights(looking, looking.services["dataverse"])
    except UpstreamError:
        return CheckResult([])  # the check of the sign-in or of the privileges says why
    found = [
        await _compared(looking, f"application user {number}", service, first)
        for number, service in enumerate(looking.pool, 2)
    ]
    return CheckResult(found)


async def _compared(looking: Looking, subject: str, service: Service, first: UserRights) -> Finding:
    try:
        mine = await _rights(looking, service)
    except UpstreamError as error:
        breaks = "its part of the calls, which the other users make"
        return wrong(CHECK, subject, words(error), breaks=breaks, do=LET_IN)
    if mine.user == first.user:
        breaks = "both share the limits of one user"
        do = "register another application for it in Dataverse"
        return wrong(CHECK, subject, "is the same user as the first", breaks=breaks, do=do)
    more, less = len(mine.rights - first.rights), len(first.rights - mine.rights)
    if more or less or mine.unit != first.unit:
        unit = "" if mine.unit == first.unit else ", in another business unit"
        says = f"has {more} rights that the first has not, and lacks {less} of its rights{unit}"
        breaks = "the same call answers differently, as one user or the other makes it"
        return wrong(CHECK, subject, says, breaks=breaks, do=SAME)
    return ok(CHECK, subject, f"user {mine.user}, with the rights of the first")


async def _rights(looking: Looking, service: Service) -> UserRights:
    me = await service.read("WhoAmI", looking.allowance())
    of_me = f"systemusers({me['UserId']})/Microsoft.Dynamics.CRM."
    path = f"{of_me}RetrieveUserPrivileges()"
    held = (await service.read(path, looking.allowance()))["RolePrivileges"]
    path = f"{of_me}RetrievePrincipalAttributePrivileges()"
    columns = (await service.read(path, looking.allowance()))["AttributePrivileges"]
    rights = [(str(each["PrivilegeId"]).lower(), str(each.get("Depth"))) for each in held]
    allowed = [
        (str(each["AttributeId"]).lower(), *(str(each.get(n)) for n in COLUMN_RIGHTS))
        for each in columns
    ]
    return UserRights(str(me["UserId"]), str(me["BusinessUnitId"]), frozenset([*rights, *allowed]))
