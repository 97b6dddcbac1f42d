"""The `.graphql` files -> their texts by name. An adopter's folder replaces ours file by file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

OURS: Final = Path(__file__).parent / "documents"


def load(folders: Iterable[Path]) -> Mapping[str, str]:
    """Later folders win."""
    return {
        path.stem: path.read_text()
        for folder in folders
        for path in sorted(folder.glob("*.graphql"))
    }
