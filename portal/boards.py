"""
The drafts that people share with an account, as notes on a board: each leads to the desk on which
the draft lies, which alone says if it is shared. Pure; `keeping.py` writes down what comes out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

MOST_SHARED: Final = 20
"""Drafts that are shared with one account at once."""


@dataclass(frozen=True, slots=True)
class BoardNote:
    """One share in a draft by its id, and the name of the desk of the draft."""

    id: str
    desk: str


@dataclass(frozen=True, slots=True)
class Board:
    """The notes of one account, in the order in which they were put up."""

    notes: tuple[BoardNote, ...] = ()

    @property
    def is_used(self) -> bool:
        return bool(self.notes)

    def find(self, key: str) -> BoardNote | None:
        return next((one for one in self.notes if one.id == key), None)


class BoardFull(Exception):
    """No more drafts can be shared with the account."""


def put_up(board: Board, note: BoardNote) -> Board:
    """The board with the note; BoardFull where it has no room."""
    if len(board.notes) >= MOST_SHARED:
        raise BoardFull
    return Board((*board.notes, note))


def taken_down(board: Board, ended: Collection[str]) -> Board:
    """The board without the notes of these shares, which never come back."""
    return Board(tuple(one for one in board.notes if one.id not in ended))
