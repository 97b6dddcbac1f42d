"""The composition root: settings -> the ASGI application."""

import importlib
import logging
import os
from collections.abc import Callable, Sequence
from functools import cache

import httpx2
from graphql import GraphQLSchema
from starlette.applications import Starlette

from front.stopping import Stopping
from gateway.assembly import Assembly
from gateway.auth.policy_file import PolicyFile
from gateway.config import telemetry
from gateway.config.environment import load
from gateway.config.settings import Settings, SettingsError
from gateway.engine.limits import REGISTRY
from gateway.http.auditing import audited
from gateway.http.gathering import FOLDER
from gateway.http.supervised import end_with_supervisor
from gateway.memory import settle
from gateway.model.registry import Registry
from gateway.observing import logs
from gateway.observing.pauses import PAUSES
from gateway.outside import Outside
from gateway.resolvers.root import build
from gateway.schema.vocabulary import vocabulary
from gateway.tracing.tracing import Tracing


def create_app(
    settings: Settings,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    stopping: Stopping | None = None,
    read: Callable[[], Settings] | None = None,
    tracing: Tracing | None = None,
    workers: str | None = None,
) -> Starlette:
    """
    The gateway for one environment. With a `transport` all its HTTP goes there instead of out.

    With `stopping` it heeds the signals by which its process is told to stop; with `read` settings
    that changed are taken while it serves. `tracing` is made of the settings where none is given.
    `workers` is the folder by which the worker processes gather their metrics.

    SettingsError, ImportError or TypeError where the settings or an extension cannot be used.
    """
    types = schema(settings)
    tracing = tracing or _tracing(settings)
    policy = PolicyFile(settings.policy, vocabulary(Registry(settings.extensions)))
    outside = Outside(settings, policy, transport, tracing)
    parts = Assembly(
        settings, types, outside, tracing=tracing, stopping=stopping, read=read, workers=workers
    )
    return parts.app()


def from_environment() -> Starlette:
    """The gateway that the environment describes; what each worker process starts."""
    settings = load(limits=REGISTRY)
    start_log(settings)
    app = create_app(
        settings,
        stopping=stopping_of(settings),
        read=read_again,
        workers=os.environ.get(FOLDER),
    )
    end_with_supervisor()
    settle()
    PAUSES.measure()
    return app


def read_again() -> Settings:
    """The settings as they are now; SettingsError where they cannot be used."""
    return load(limits=REGISTRY)


def stopping_of(settings: Settings) -> Stopping:
    """The end of a process that serves."""
    return Stopping(settings.linger, settings.stop_within)


def start_log(settings: Settings) -> None:
    """Log to standard error, as the settings say."""
    logs.start(settings.log_level, settings.log_format)
    # It logs every URL, and with it what customers search for.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def schema(settings: Settings) -> GraphQLSchema:
    """The schema of our tables and of those that extensions declare."""
    return _audited_schema(settings.extensions) if settings.extensions else _our_schema()


def _audited_schema(extensions: Sequence[str] = ()) -> GraphQLSchema:
    return audited(build(extensions)._schema)


@cache
def _our_schema() -> GraphQLSchema:
    """The schema without extensions, which all apps of a process share: it never changes."""
    return _audited_schema()


def _tracing(settings: Settings) -> Tracing | None:
    """
    The maker of spans, if switched on; SettingsError where the SDK is not installed.
    """
    if not settings.traces or telemetry.disabled(os.environ):
        return None
    try:
        # Nobody else should need the SDK, which is an extra.
        found: Tracing = importlib.import_module("gateway.tracing.spans").started()
    except ModuleNotFoundError as error:
        needed = f"needs {error.name}; install dynamics-gateway[otel]"
        raise SettingsError([f"GATEWAY_TRACES: {needed}"]) from None
    return found
