"""Tables that the gateway's user may not read: what can be done without them is done without."""

from msgspec.structs import replace

from gateway.upstream.names import Names

LOOK_AGAIN = 300.0
"""Seconds after which a table that could not be read is asked for again."""


def do_without(names: Names, entity: str) -> bool:
    """
    Leave out a table, and the tables whose row rules go through it.

    False where nothing can do without it, or where it is left out already.
    """
    known = names.entities.get(entity)
    if known is None or known.is_essential:
        return False
    lost = [
        name
        for name, each in names.entities.items()
        if not each.missing and (name == entity or entity in each.needs)
    ]
    if not lost:
        return False
    names.learn({name: replace(names.entities[name], missing=True) for name in lost})
    names.left_out.update(lost)
    return True


def take_back(names: Names, entity: str) -> None:
    """Ask again for a table that was left out."""
    names.left_out.discard(entity)
    names.learn({entity: replace(names.entities[entity], missing=False)})
