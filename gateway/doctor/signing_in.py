"""The gateway's own sign-in to Dynamics: its tokens, its user and the user's roles."""

from collections.abc import Mapping
from typing import Any

from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.looking import CheckResult, Looking, words
from gateway.errors import SignInFailed, UpstreamError, UpstreamRefused
from gateway.model.tables import ServiceName

CHECK = "sign-in"
NOT_LET_IN = 401, 403
SIGN_IN: Mapping[str, str] = {
    "invalid_client": "check GATEWAY_CLIENT_SECRET, which is the value of the secret and not its "
    "id, or GATEWAY_CLIENT_CERTIFICATE; and whether it has run out",
    "unauthorized_client": "check GATEWAY_CLIENT_ID, and that GATEWAY_TENANT is the tenant in "
    "which that application is registered",
    "invalid_request": "check GATEWAY_TENANT or GATEWAY_TOKEN_URL",
    "invalid_resource": "check {variable}: the tenant knows no environment of this address",
    "": "check GATEWAY_TENANT or GATEWAY_TOKEN_URL, and that the token endpoint can be reached "
    "from here; the gateway takes no proxy from the environment",
}
"""The remedy for a refused token, by the OAuth code of the refusal; the last for all others."""
LOOK_UP = "the number behind AADSTS is explained by https://login.microsoftonline.com/error"


async def check(looking: Looking) -> CheckResult:
    """Try the tokens at both services, and look up the roles of the user in Dataverse."""
    dataverse, finops = looking.services["dataverse"], looking.services["finops"]
    found: list[Finding] = []
    out_of_reach: list[ServiceName] = []
    try:
        me = await dataverse.read("WhoAmI", looking.allowance())
    except UpstreamError as error:
        found.append(_refused("Dataverse", "GATEWAY_DATAVERSE_URL", error))
        out_of_reach.append("dataverse")
    else:
        found.append(ok(CHECK, "Dataverse", f"the gateway is user {me.get('UserId')}"))
        found += await _roles(looking, str(me.get("UserId")))
        found += await _organization(looking)
    try:
        await finops.read("/metadata/PublicEnumerations?$top=1", looking.allowance())
    except UpstreamError as error:
        found.append(_refused("Finance & Operations", "GATEWAY_FINOPS_URL", error))
        out_of_reach.append("finops")
    else:
        found.append(ok(CHECK, "Finance & Operations", "the token is taken"))
    return CheckResult(found, out_of_reach=tuple(out_of_reach))


def _refused(service: str, variable: str, error: UpstreamError) -> Finding:
    breaks = "everything that is read from there"
    return wrong(CHECK, service, words(error), breaks=breaks, do=_advice(variable, error))


def _advice(variable: str, error: UpstreamError) -> str:
    """The remedy for a service that does not let the gateway in; `variable` has its address."""
    if isinstance(error, SignInFailed):
        advice = SIGN_IN.get(error.refusal, SIGN_IN[""]).format(variable=variable)
        return f"{advice}\n{LOOK_UP}" if "AADSTS" in error.reason else advice
    if isinstance(error, UpstreamRefused) and error.status in NOT_LET_IN:
        return (
            "make the application of GATEWAY_CLIENT_ID a user of the environment: "
            "docs/first-contact.md, section 1"
        )
    return f"check that {variable} is the address of an environment, and that it answers from here"


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
    """Look up the setting of Dataverse that leaves prices to the ERP."""
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
