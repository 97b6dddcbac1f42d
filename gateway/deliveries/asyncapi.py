"""
An AsyncAPI document (3.0) of all that the gateway sends unasked: answers to subscriptions, and
messages to webhooks. It has neither secrets nor the addresses of partners' own networks.
"""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

from gateway.auth.webhooks import Webhook

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
    messages = {}
    for table in hook.tables:
        messages[f"{table}.changed"] = _message(
            f"{table}.changed",
            f"A row changed: the answer of the document `{hook.document}`.",
            {"type": "object"},
        )
        messages[f"{table}.removed"] = _message(
            f"{table}.removed",
            "A row was deleted, or is not the partner's any more.",
            {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        )
    return {
        "address": None,
        "description": f"The address that the webhook {hook.name} declares.",
        "messages": messages,
    }


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
    kinds = [f"{table}.{what}" for table in hook.tables for what in ("changed", "removed")]
    return {
        "action": "send",
        "channel": {"$ref": at},
        "messages": [{"$ref": f"{at}/messages/{kind}"} for kind in kinds],
    }
