"""
Values that replicas share in Redis. Each is encrypted with a key of the deployment, with its name
and the moment at which it was asked for inside: what others write, move or hold back is no value.

Nobody waits long for Redis: while it is gone or slow, nothing is found there.
"""

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
from joserfc.jwk import OctKey

from gateway.admission.remote import Remote
from gateway.encoding import decrypted, encrypted

PATIENCE: Final = 0.05
"""Seconds that a look into Redis may take."""
WITHOUT: Final = "nothing is shared in Redis for now"
AHEAD: Final = 2.0
"""Seconds by which the clock of another replica may be ahead."""
TOGETHER: Final = 20
"""The number of values that are opened or sealed in one round of the event loop."""


class SharedPlace(Protocol):
    """A place that all replicas reach, which keeps texts by their names for a while."""

    async def read(self, names: Sequence[str]) -> Sequence[Any]:
        """The texts of these names, None where there is none; raises whatever goes wrong."""

    async def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep texts for so long; raises whatever goes wrong."""


class SharedValue(msgspec.Struct, frozen=True):
    """A value, and the seconds that have passed since it was asked for."""

    content: bytes
    age: float


class SealedValue(msgspec.Struct, frozen=True):
    """The inside of a sealed text."""

    name: str
    asked: float
    content: bytes


class Vault:
    """The shared values of one deployment, as one process reads and writes them."""

    def __init__(
        self, place: SharedPlace, key: bytes, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`key`: 32 bytes, the same in all replicas. `clock`: the time of day."""
        self._place = place
        self._names, self._key = hmac.digest(key, b"names", "sha256"), OctKey.import_key(key)
        self._clock = clock
        self._remote = Remote(WITHOUT)
        self._telling: set[asyncio.Task[None]] = set()

    async def read(self, kind: str, keys: Sequence[bytes]) -> list[SharedValue | None]:
        """The values of these keys, as far as there are any."""
        names = [self._name(kind, key) for key in keys]
        texts = await self._remote.outcome(self._place.read(names), PATIENCE) if names else None
        if texts is None or len(texts) != len(names):
            return [None] * len(names)
        found = []
        for number, (name, text) in enumerate(zip(names, texts, strict=True), 1):
            found.append(self.opened(name, text))
            if number % TOGETHER == 0:
                await asyncio.sleep(0)
        return found

    def tell(self, kind: str, values: Mapping[bytes, bytes], *, age: float, lasts: float) -> None:
        """
        Write values that were asked for `age` seconds ago and are of use for `lasts` seconds from
        then on, while the caller goes on.
        """
        if self._remote.is_there and lasts > age:
            task = asyncio.ensure_future(self._tell(kind, values, age=age, lasts=lasts))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell(
        self, kind: str, values: Mapping[bytes, bytes], *, age: float, lasts: float
    ) -> None:
        asked, texts = self._clock() - age, {}
        for number, (key, content) in enumerate(values.items(), 1):
            name = self._name(kind, key)
            texts[name] = self.sealed(name, content, asked)
            if number % TOGETHER == 0:
                await asyncio.sleep(0)
        await self._remote.outcome(self._place.write(texts, lasts - age), PATIENCE)

    def _name(self, kind: str, key: bytes) -> str:
        digest = hmac.digest(self._names, kind.encode() + b"\0" + key, "sha256")
        return f"gateway:kept:{digest.hex()}"

    def sealed(self, name: str, content: bytes, asked: float | None = None) -> str:
        """A text that `opened` opens by the same name; `asked`: the time, if it is not now."""
        moment = self._clock() if asked is None else asked
        inside = msgspec.msgpack.encode(SealedValue(name, moment, content))
        return encrypted(inside, self._key)

    def opened(self, name: str, text: Any) -> SharedValue | None:
        """The value of a sealed text; None for one that this deployment did not make for it."""
        if not isinstance(text, str | bytes):
            return None
        try:
            entry = msgspec.msgpack.decode(decrypted(text, self._key) or b"", type=SealedValue)
        except msgspec.MsgspecError:  # it was made elsewhere, or by another version
            return None
        age = self._clock() - entry.asked
        if entry.name != name or age <= -AHEAD:
            return None
        return SharedValue(entry.content, max(0.0, age))
