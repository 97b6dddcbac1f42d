"""The settings -> what tells of changes, if they are gathered."""

import sqlite3
from collections.abc import Iterable

from gateway.config.settings import Settings, SettingsError
from gateway.derived_keys import key_for
from gateway.model.declarations import Table
from gateway.telling.journal import Journal
from gateway.telling.journal_file import JournalFile
from gateway.telling.told_changes import ChangeTelling, is_told
from gateway.upstream.service import Service


def telling_of(
    settings: Settings, service: Service, tables: Iterable[Table]
) -> ChangeTelling | None:
    """Tells of changes; None without a file, SettingsError where it cannot be used."""
    if settings.changes_file is None:
        return None
    try:
        file = JournalFile(settings.changes_file)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError([f"GATEWAY_CHANGES_FILE: {error}"]) from None
    key = key_for("changes", settings.receipt_secret or settings.own_secret)
    told = [each for each in tables if is_told(each)]
    return ChangeTelling(Journal(service, told, file), key)
