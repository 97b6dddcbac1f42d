"""Extensions that exist for as long as a test: modules of adopters, and what they declare."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.model.archives import ARCHIVES
from gateway.model.fields import FIELDS
from gateway.model.tables import TABLES


@contextmanager
def written(folder: Path, text: str, name: str = "acme_trial") -> Iterator[str]:
    """The name of a module with this text; afterwards the process knows nothing of it."""
    (folder / f"{name}.py").write_text(text)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        with forgotten(name):
            yield name
    finally:
        sys.path.remove(str(folder))


@contextmanager
def forgotten(module: str) -> Iterator[None]:
    """Take what a module declares out of the process again: other tests look at our tables."""
    try:
        yield
    finally:
        sys.modules.pop(module, None)
        for name in [each for each in FIELDS if FIELDS[each].function.__module__ == module]:
            del FIELDS[name]
        for name in [each for each in ARCHIVES if ARCHIVES[each].__module__ == module]:
            del ARCHIVES[name]
        for name, table in list(TABLES.items()):
            if table.cls.__module__ == module:
                del TABLES[name]
            for member, spec in list(table.specs.items()):
                if spec.owner.__module__ == module:
                    del table.specs[member]
                    delattr(table.cls, member)
            for member, back in list(table.backs.items()):
                if back.declared_by.__module__ == module:
                    del table.backs[member]
            table.members_changed()
