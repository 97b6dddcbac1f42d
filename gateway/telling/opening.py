"""The settings -> what tells of changes, if they are gathered."""

import sqlite3
from collections.abc import Callable, Iterable
from typing import TypeVar

from gateway.config.settings import Settings, SettingsError
from gateway.derived_keys import key_for
from gateway.model.declarations import Table
from gateway.telling.journal import Journal
from gateway.telling.journal_file import JournalFile
from gateway.telling.shared_file import SharedFile
from gateway.telling.told_changes import ChangeTelling, is_told
from gateway.upstream.service import Service

F = TypeVar("F", bound=SharedFile)


def opened(kind: Callable[[str], F], path: str) -> F:
    """The file of changes, as one kind of file; SettingsError where it cannot be used."""
    try:
        return kind(path)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError([f"GATEWAY_CHANGES_FILE: {error}"]) from None


def telling_of(
    settings: Settings, service: Service, tables: Iterable[Table]
) -> ChangeTelling | None:
    """Tells of changes; None without a file, SettingsError where it cannot be used."""
    if settings.changes_file is None:
        return None
    file = opened(JournalFile, settings.changes_file)
    key = key_for("changes", settings.receipt_secret or settings.own_secret)
    told = [each for each in tables if is_told(each)]
    return ChangeTelling(Journal(service, told, file), key)
