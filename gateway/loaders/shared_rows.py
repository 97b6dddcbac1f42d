"""Rows of reference data that replicas share: what one has read need not be read by another."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gateway.admission.vault import Vault
from gateway.upstream.pages import Page

KIND: Final = "rows"
LARGEST: Final = 262_144
"""Bytes of a page above which it is not shared."""


class SharedPage(msgspec.Struct, frozen=True, array_like=True):
    """A page as it is written: its rows as the service sent them."""

    rows: list[bytes]
    count: int | None
    count_is_exact: bool
    complete: bool


_decoder = msgspec.msgpack.Decoder(SharedPage)


class SharedRows:
    """The pages of one deployment."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def read(self, names: Sequence[bytes]) -> list[tuple[Page, float] | None]:
        """The pages of these names that others have told, with their ages in seconds."""
        found: list[tuple[Page, float] | None] = []
        for value in await self._vault.read(KIND, names):
            try:
                page = None if value is None else _decoder.decode(value.content)
            except msgspec.DecodeError:
                page = None
            if value is None or page is None:
                found.append(None)
                continue
            made = Page(list(page.rows), page.count, page.count_is_exact, page.complete)
            found.append((made, value.age))
        return found

    def tell(self, pages: Mapping[bytes, Page], *, age: float, lasts: float) -> None:
        """Tell the others of pages of bytes that were asked for `age` seconds ago."""
        values = {
            name: msgspec.msgpack.encode(
                SharedPage(page.rows, page.count, page.count_is_exact, page.complete)
            )
            for name, page in pages.items()
        }
        small = {name: value for name, value in values.items() if len(value) <= LARGEST}
        if small:
            self._vault.tell(KIND, small, age=age, lasts=lasts)
