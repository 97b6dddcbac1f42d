"""Who the gateway is to Dynamics: its tokens, its user and the user's roles."""

from collections.abc import Mapping
from typing import Any

from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.looking import Looking, Outcome, words
from gateway.errors import UpstreamError
from gateway.tables import ServiceName

CHECK = "sign-in"


async def check(looking: Looking) -> Outcome:
    """Whether both services take the tokens, and what the user may do in Dataverse."""
    dataverse, finops = looking.services["dataverse"], looking.services["finops"]
    found: list[Finding] = []
    out_of_reach: list[ServiceName] = []
    try:
        me = await dataverse.read("WhoAmI", looking.allowance())
    except UpstreamError as error:
        found.append(_refused("Dataverse", error))
        out_of_reach.append("dataverse")
    else:
        found.append(ok(CHECK, "Dataverse", f"the gateway is user {me.get('UserId')}"))
        found += await _roles(looking, str(me.get("UserId")))
        found += await _organization(looking)
    try:
        await finops.read("/metadata/PublicEnumerations?$top=1", looking.allowance())
    except UpstreamError as error:
        found.append(_refused("Finance & Operations", error))
        out_of_reach.append("finops")
    else:
        found.append(ok(CHECK, "Finance & Operations", "the token is taken"))
    return Outcome(found, out_of_reach=tuple(out_of_reach))


def _refused(service: str, error: UpstreamError) -> Finding:
    return wrong(
        CHECK,
        service,
        words(error),
        breaks="everything that is read from there",
        do="make the application of GATEWAY_CLIENT_ID an application user of the environment, and "
        "check GATEWAY_TENANT, GATEWAY_CLIENT_SECRET or the certificate, and the address",
    )


async def _roles(looking: Looking, user: str) -> list[Finding]:
    service = looking.services["dataverse"]
    try:
        answer = await service.read(
            f"systemusers({user})/systemuserroles_association?$select=name", looking.allowance()
        )
    except UpstreamError as error:
        return [unknown(CHECK, "roles of the user", words(error))]
    names = sorted(str(role.get("name")) for role in answer.get("value", ()))
    if "System Administrator" in names:
        return [
            unknown(
                CHECK,
                "roles of the user",
                ", ".join(names),
                breaks="nothing, but the gateway may do more than it needs",
                do="give it a role of its own: see docs/first-contact.md",
            )
        ]
    return [ok(CHECK, "roles of the user", ", ".join(names) or "none")]


async def _organization(looking: Looking) -> list[Finding]:
    """Whether Dataverse leaves prices to the ERP."""
    service = looking.services["dataverse"]
    columns = "issopintegrationenabled,pricingdecimalprecision"
    try:
        answer: Mapping[str, Any] = await service.read(
            f"organizations?$select={columns}", looking.allowance()
        )
    except UpstreamError as error:
        return [unknown(CHECK, "organization", words(error))]
    row: Mapping[str, Any] = next(iter(answer.get("value", ())), {})
    if row.get("issopintegrationenabled"):
        return [ok(CHECK, "organization", "orders are priced by the ERP")]
    return [
        wrong(
            CHECK,
            "organization.issopintegrationenabled",
            "it is off: Dataverse works prices and totals out by itself",
            breaks="amounts of orders may differ from those of the ERP",
            do="install dual-write for Supply Chain Management, which switches it on",
        )
    ]
