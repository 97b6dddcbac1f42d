"""The settings -> what tells of changes, if they are gathered."""

import sqlite3
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Final, TypeVar

from gateway.config.settings import Settings, SettingsError
from gateway.derived_keys import key_for
from gateway.model.declarations import Table
from gateway.telling.journal import Journal
from gateway.telling.journal_file import JournalFile
from gateway.telling.shared_file import SharedFile
from gateway.telling.shared_log import SharedLog
from gateway.telling.told_changes import ChangeTelling, is_told
from gateway.upstream.service import Service

F = TypeVar("F", bound=SharedFile)
PATIENCE: Final = 2.0
"""Seconds that a call to Redis may take."""


def opened(kind: Callable[[str, SharedLog | None], F], settings: Settings) -> F:
    """The file of changes, as one kind of file; SettingsError where it cannot be used."""
    try:
        return kind(settings.changes_file or "", _log(settings))
    except (OSError, sqlite3.Error) as error:
        problem = f"{settings.changes_file} cannot be used: {getattr(error, 'strerror', error)}"
        do = "name a file in a folder that this user may write to"
        raise SettingsError([f"GATEWAY_CHANGES_FILE: {problem}; {do}"]) from None


def telling_of(
    settings: Settings, service: Service, tables: Iterable[Table]
) -> ChangeTelling | None:
    """Tells of changes; None without a file, SettingsError where it cannot be used."""
    if settings.changes_file is None:
        return None
    file = opened(JournalFile, settings)
    key = _key("changes", settings)
    told = [each for each in tables if is_told(each)]
    return ChangeTelling(Journal(service, told, file), key)


def _log(settings: Settings) -> SharedLog | None:
    """The log that keeps the files of replicas the same, if there are several."""
    if settings.shared is None:
        return None
    try:
        store = import_module("gateway.admission.redis_store").waited_for(settings.shared, PATIENCE)
    except (ImportError, ValueError) as error:
        said = f"GATEWAY_SHARED: {type(error).__name__}, or no extra 'shared'"
        raise SettingsError([said]) from None
    return SharedLog(store, _key("log of changes", settings))


def _key(purpose: str, settings: Settings) -> bytes:
    return key_for(purpose, settings.receipt_secret or settings.own_secret)
