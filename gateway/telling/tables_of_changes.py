"""The tables of the file of changes: leases, the journal, deliveries, and the place in a log."""

from typing import Final

TABLES: Final = """
CREATE TABLE IF NOT EXISTS lease (
    role TEXT PRIMARY KEY, name TEXT NOT NULL, until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS place_in_log (
    one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, number INTEGER NOT NULL,
    tip TEXT NOT NULL
);
INSERT OR IGNORE INTO place_in_log VALUES (1, '', 0, '');

CREATE TABLE IF NOT EXISTS followed (
    entity TEXT PRIMARY KEY, columns TEXT NOT NULL, link TEXT NOT NULL, read_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS known (
    entity TEXT NOT NULL, row BLOB NOT NULL, version INTEGER NOT NULL, proof BLOB NOT NULL,
    gone INTEGER NOT NULL, sweep INTEGER NOT NULL, PRIMARY KEY (entity, row)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changed (
    place INTEGER PRIMARY KEY AUTOINCREMENT, entity TEXT NOT NULL, row BLOB NOT NULL,
    version INTEGER NOT NULL, before BLOB, after BLOB, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS changed_at ON changed (at);
CREATE TABLE IF NOT EXISTS journal (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL);
INSERT OR IGNORE INTO journal VALUES (1, lower(hex(randomblob(8))));

CREATE TABLE IF NOT EXISTS told (
    hook TEXT PRIMARY KEY, place INTEGER NOT NULL, began REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT, hook TEXT NOT NULL, id TEXT NOT NULL,
    "table" TEXT NOT NULL, row TEXT NOT NULL, kind TEXT NOT NULL, person TEXT NOT NULL,
    "group" TEXT NOT NULL, since REAL NOT NULL, due REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting',
    reason TEXT NOT NULL DEFAULT '', UNIQUE (hook, id)
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, hook, due);
CREATE INDEX IF NOT EXISTS delivery_since ON delivery (since);
CREATE INDEX IF NOT EXISTS delivery_group ON delivery (hook, "group", state, number);
"""
