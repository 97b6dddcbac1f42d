"""
The function that makes an answer of the rows that a plan has read, in two forms: for small answers
all at once, and for large ones row by row, in slices between which others go on.

Row by row each row is encoded as soon as it is made, so that a large answer is held once, and is
given up as soon as it is too large or too late.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from math import inf
from time import perf_counter
from typing import Any, Final

import msgspec

from gateway.admission.pacing import SLICE
from gateway.engine.limits import exceeded
from gateway.engine.outcome import Stopped
from gateway.errors import UpstreamTimeout

LOOK: Final = 16
"""Rows between two looks at the clock."""
ROW, MADE, END = "\x01", "\x02", "\x03"
"""Stand in an expression before and after what is made of a row, and at the end of all rows."""
_encode = msgspec.json.Encoder().encode


class Pieces:
    """The rows of one answer that are made so far."""

    def __init__(self, maximum: int | None = None, latest: float | None = None) -> None:
        """`maximum`: bytes that all of them may take; `latest`: when they must be made."""
        self._maximum = inf if maximum is None else maximum
        self._latest = inf if latest is None else latest
        self._size = 0
        """Bytes of all rows but those that stand inside of another."""
        self._begun: list[int] = []
        """The size at the beginning of each row that is being made."""
        self._left = LOOK
        self._ends = perf_counter() + SLICE

    def begin(self) -> bool:
        """Begin a row; False where it is time to wait for a `turn` first."""
        self._begun.append(self._size)
        self._left -= 1
        if self._left:
            return True
        self._left = LOOK
        return perf_counter() < self._ends

    async def turn(self) -> bool:
        """Let others go on; always true. Stopped where it is too late to."""
        await asyncio.sleep(0)
        if asyncio.get_running_loop().time() > self._latest:
            raise Stopped(UpstreamTimeout("The operation ran out of time."))
        self._ends = perf_counter() + SLICE
        return True

    def made(self, row: Any) -> msgspec.Raw:
        """The row that was begun last, encoded; Stopped where all of them are too large."""
        encoded = _encode(row)
        self._size = self._begun.pop() + len(encoded)
        if self._size > self._maximum:
            raise Stopped(exceeded("answer_bytes", int(self._maximum), None, "bytes in its answer"))
        return msgspec.Raw(encoded)


AT_ONCE: Final = str.maketrans(dict.fromkeys(ROW + MADE + END, ""))
BY_ROWS: Final = str.maketrans(
    {ROW: "pieces.made(", MADE: ")", END: " if pieces.begin() or await pieces.turn()"}
)


def comprehension(made: str, row: str, rows: str) -> str:
    """The list of what is made of each row, in an expression that has both forms."""
    return f"[{ROW}{made}{MADE} for {row} in {rows}{END}]"


class Rendering:
    """A generated function of one value."""

    def __init__(self, names: dict[str, Any], parameter: str, expression: str) -> None:
        """`names`: those that the expression has; its text is ours (see `source`)."""
        self._names, self._parameter, self._expression = names, parameter, expression
        self.at_once: Callable[[Any], Any] = self._compiled(
            f"def render({parameter}):\n    return {expression.translate(AT_ONCE)}\n"
        )

    @cached_property
    def by_rows(self) -> Callable[[Any, Pieces], Awaitable[Any]]:
        """The function for large answers; made when the first of them is asked for."""
        head = f"async def render({self._parameter}, pieces):"
        made: Callable[[Any, Pieces], Awaitable[Any]] = self._compiled(
            f"{head}\n    return {self._expression.translate(BY_ROWS)}\n"
        )
        return made

    def _compiled(self, text: str) -> Any:
        exec(compile(text, "<plan>", "exec"), self._names)  # noqa: S102 - ours, as was said
        return self._names["render"]
