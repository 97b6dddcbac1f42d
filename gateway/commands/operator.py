"""
Commands for the operator: explain a customer's answer, list orders that one side lacks, examine the
environment.
"""

from collections.abc import Callable
from typing import Any

import httpx2

from gateway import reconciling
from gateway.app import schema
from gateway.auth.policy import STAFF_ROLE
from gateway.auth.policy_file import PolicyFile
from gateway.auth.principal import Kind, Principal
from gateway.config.settings import Settings
from gateway.doctor import examining as doctor
from gateway.doctor import signing_in, surroundings
from gateway.doctor.examining import Report
from gateway.doctor.findings import Finding
from gateway.engine.execution import Engine, GraphQLRequest
from gateway.engine.limits import Limits
from gateway.http.auditing import observed
from gateway.model.registry import Registry
from gateway.outside import Outside
from gateway.schema.vocabulary import vocabulary

REQUEST = "gateway-explain"
"""The request id in the audit of this command, which views as a customer too."""


async def explain(
    settings: Settings,
    name: str,
    query: str,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> dict[str, Any]:
    """
    The answer that the customer `name`, a contact's id or e-mail address, gets to `query`, with
    `extensions.explain`. Whoever can run this holds the gateway's own credentials: they are staff.

    GatewayError where there is no such customer, Refused where the query cannot be executed.
    """
    engine = Engine(schema(settings), Limits(**settings.limits))
    policy = PolicyFile(settings.policy, vocabulary(Registry(settings.extensions)))
    outside = Outside(settings, policy, transport)
    rights = policy.current().rights([STAFF_ROLE])
    staff = Principal(Kind.STAFF, settings.issuer, REQUEST, frozenset({STAFF_ROLE}), rights=rights)
    async with outside.open():
        await outside.learn()
        seen = await outside.seen_as(staff, name)
        context = outside.shared(seen, REQUEST)
        prepared = engine.prepare(GraphQLRequest(query))
        answer = await engine.execute(prepared, context, REQUEST)
        for event in observed(answer, prepared, REQUEST, seen):
            outside.audit.record(event)
        return answer.body | {"extensions": {"explain": await outside.explain(context)}}


async def examine(
    settings: Settings,
    *,
    write: bool,
    say: Callable[[str], None],
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Report:
    """
    Examine the environment for everything that the loaded schema relies on; `say` is told each
    step.
    """
    schema(settings)
    outside = Outside(
        settings, PolicyFile(settings.policy, vocabulary(Registry(settings.extensions))), transport
    )
    async with outside.open():
        await outside.learn()
        report = await doctor.examine(outside.looking(say), write=write)
        say("looking at clocks, certificates, limits, issuers and sinks")
        report.findings += await surroundings.check(outside.surroundings())
        return report


async def contact(
    settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None
) -> list[Finding]:
    """Ask once all that `serve` talks to: sign-in, both services, and what is around them."""
    schema(settings)
    outside = Outside(
        settings, PolicyFile(settings.policy, vocabulary(Registry(settings.extensions))), transport
    )
    async with outside.open():
        signed = await signing_in.check(outside.looking(lambda step: None))
        return signed.findings + await surroundings.check(outside.surroundings())


async def reconcile(
    settings: Settings,
    *,
    days: int,
    minutes: int,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> reconciling.Reconciliation:
    """The orders of the last `days` that only one side has, if they are older than `minutes`."""
    schema(settings)
    outside = Outside(
        settings, PolicyFile(settings.policy, vocabulary(Registry(settings.extensions))), transport
    )
    async with outside.open():
        await outside.learn()
        return await outside.reconcile(days=days, minutes=minutes)
