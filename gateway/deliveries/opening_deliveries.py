"""The settings and the policy -> the deliveries of a process, and the mistakes in them."""

from collections.abc import Iterable, Iterator

from graphql import OperationType

from gateway.auth.authenticator import Authenticator
from gateway.auth.policy_file import PolicyFile
from gateway.auth.webhooks import Webhook
from gateway.config.settings import Settings, SettingsError
from gateway.deliveries.deliveries_file import DeliveriesFile
from gateway.deliveries.delivering import Deliveries
from gateway.deliveries.news import Asking, MakeDeliveryContext
from gateway.deliveries.order_news import OrderNews
from gateway.deliveries.partner_news import PartnerNews
from gateway.engine.execution import Engine, GraphQLRequest
from gateway.engine.outcome import Refused
from gateway.errors import GatewayError
from gateway.model.declarations import Table
from gateway.telling.opening import opened
from gateway.telling.told_changes import ChangeTelling, is_told


def deliveries_of(
    settings: Settings,
    policy: PolicyFile,
    telling: ChangeTelling | None,
    callers: Authenticator,
    context: MakeDeliveryContext,
    engine: Engine,
    tables: Iterable[Table],
) -> Deliveries | None:
    """
    The deliveries of the webhooks that the policy declares, now or later; None where it cannot
    declare any. SettingsError with all mistakes in those of now.
    """
    hooks, known = policy.current().webhooks, tuple(tables)
    if telling is None or settings.changes_file is None:
        if hooks:
            raise SettingsError(["GATEWAY_CHANGES_FILE: webhooks need it, to know what changed"])
        return None
    if settings.policy is None:
        return None
    mistakes = [each for hook in hooks.values() for each in _mistakes(hook, engine, known)]
    if mistakes:
        raise SettingsError(mistakes)
    file = opened(DeliveriesFile, settings)
    asking = Asking(engine, context, settings.deadline)
    return Deliveries(
        file,
        lambda: policy.current().webhooks,
        PartnerNews(file, telling, callers.partner, asking, known),
        OrderNews(
            file,
            telling.journal,
            callers.person,
            callers.contacts,
            asking,
            zones=settings.time_zone,
        ),
        interval=settings.live_interval,
    )


def _mistakes(hook: Webhook, engine: Engine, tables: Iterable[Table]) -> Iterator[str]:
    if hook.persons:
        return
    at = f"GATEWAY_POLICY: webhooks.{hook.name}"
    names = {each.name for each in tables if is_told(each)}
    for name in hook.tables:
        if name not in names:
            yield f"{at}: changes of '{name}' are not told; known: {', '.join(sorted(names))}"
    try:
        prepared = engine.prepare(GraphQLRequest(None, {"id": ""}, document_id=hook.document))
    except (Refused, GatewayError):
        yield f"{at}: '{hook.document}' is the id of no trusted document"
        return
    variables = prepared.operation.node.variable_definitions or ()
    named = {each.variable.name.value for each in variables}
    if prepared.kind is not OperationType.QUERY or named != {"id"}:
        yield f"{at}: '{hook.document}' must be a query whose one variable is $id"
