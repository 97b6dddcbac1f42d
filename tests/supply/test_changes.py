"""The upgrade notes name what changed of schema and settings."""

from supply.changes import schema_changes, settings_changes

OLD = "type Query { order(id: ID!): String @deprecated gone: Int }"
NEW = "type Query { order(id: ID!, of: ID): String more: Int }"
BEFORE = "| `GATEWAY_MEMORY` | `16` | a |\n| `GATEWAY_OLD` |  | b |\n| `GATEWAY_SAME` | `1` | c |\n"
AFTER = "| `GATEWAY_MEMORY` | `64` | d |\n| `GATEWAY_NEW` |  | e |\n| `GATEWAY_SAME` | `1` | f |\n"


def test_changes_of_the_schema_are_told_by_what_they_do_to_clients() -> None:
    found = list(schema_changes(OLD, NEW))

    assert "breaking: Field Query.gone was removed." in found
    assert "new: Field Query.more was added." in found
    assert any(line.startswith("may break:") and "of" in line for line in found)
    assert list(schema_changes(OLD, OLD)) == []


def test_settings_that_came_went_or_changed_are_told() -> None:
    assert list(settings_changes(BEFORE, AFTER)) == [
        "changed: GATEWAY_MEMORY, default `64`, before default `16`",
        "new: GATEWAY_NEW, no default",
        "gone: GATEWAY_OLD",
    ]
