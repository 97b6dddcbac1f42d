"""
An AsyncAPI document (3.0) of all that the gateway sends unasked: answers to subscriptions, and
messages to webhooks. It has neither secrets nor the addresses of partners' own networks.
"""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, Final

from gateway.auth.webhooks import Webhook
from gateway.deliveries.invitation_news import MESSAGE
from gateway.deliveries.order_events import KINDS

ANSWER: Final = {
    "name": "next",
    "contentType": "application/json",
    "summary": "The answer to a subscription, and each further answer that differs.",
    "payload": {
        "type": "object",
        "properties": {
            "data": {"type": ["object", "null"]},
            "errors": {"type": "array", "items": {"type": "object"}},
        },
    },
}
TEXT: Final = {"type": ["string", "null"]}
HEADERS: Final = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": {"type": "string", "description": "The same for repeats of a message."},
        "webhook-timestamp": {"type": "string", "description": "Seconds since 1970, of this try."},
        "webhook-signature": {
            "type": "string",
            "description": "`v1,` and an HMAC-SHA256 in base64; two while secrets are changed.",
        },
    },
}


def asyncapi_of(hooks: Iterable[Webhook]) -> dict[str, Any]:
    """The document of these webhooks, and of subscriptions."""
    found = {each.name: each for each in hooks}
    channels = {f"webhook_{name}": _channel(hook) for name, hook in sorted(found.items())}
    operations = {f"send_{name}": _operation(name, hook) for name, hook in sorted(found.items())}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "dynamics-gateway", "version": version("dynamics-gateway")},
        "defaultContentType": "application/json",
        "channels": {"subscriptions": _subscriptions(), **channels},
        "operations": {
            "follow": {
                "action": "send",
                "summary": "By GraphQL over SSE, or graphql-transport-ws, on the same address.",
                "channel": {"$ref": "#/channels/subscriptions"},
                "messages": [{"$ref": "#/channels/subscriptions/messages/next"}],
            },
            **operations,
        },
    }


def _subscriptions() -> dict[str, Any]:
    return {
        "address": "/graphql",
        "messages": {"next": ANSWER},
        "bindings": {"ws": {"method": "GET"}, "http": {}},
    }


def _channel(hook: Webhook) -> dict[str, Any]:
    found = _for_persons() if hook.persons else _for_partners(hook)
    return {
        "address": None,
        "description": f"The address that the webhook {hook.name} declares.",
        "messages": {each["name"]: each for each in found},
    }


def _for_partners(hook: Webhook) -> Iterator[dict[str, Any]]:
    for table in hook.tables:
        yield _message(
            f"{table}.changed",
            f"A row changed: the answer of the document `{hook.document}`.",
            {"type": "object"},
        )
        yield _message(
            f"{table}.removed",
            "A row was deleted, or is not the partner's any more.",
            {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        )


PERSON: Final = {
    "type": "object",
    "properties": {"name": TEXT, "email": {"type": "string"}},
}


def _for_persons() -> Iterator[dict[str, Any]]:
    yield _message(
        MESSAGE,
        "A person was given access to an account, and is to be written to.",
        {
            "type": "object",
            "properties": {"to": PERSON, "account": {"type": "object"}, "language": TEXT},
            "required": ["to", "account", "language"],
        },
    )
    for kind in KINDS:
        yield _message(
            f"order.{kind}",
            f"An order was {kind}: the order, and the person to write to.",
            {
                "type": "object",
                "properties": {
                    "to": PERSON,
                    "order": {"type": "object"},
                    "shipment": {"type": ["object", "null"]},
                },
                "required": ["to", "order", "shipment"],
            },
        )


def _message(kind: str, summary: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": kind,
        "summary": summary,
        "headers": HEADERS,
        "payload": {
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": {"const": kind},
                "timestamp": {"type": "string", "format": "date-time"},
                "data": data,
            },
        },
    }


def _operation(name: str, hook: Webhook) -> dict[str, Any]:
    at = f"#/channels/webhook_{name}"
    kinds = _channel(hook)["messages"]
    return {
        "action": "send",
        "channel": {"$ref": at},
        "messages": [{"$ref": f"{at}/messages/{kind}"} for kind in kinds],
    }
