"""The outcomes of look-ups that replicas share: what one has asked need not be asked by another."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Generic, TypeVar

import msgspec

from gateway.admission.vault import Vault

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SharedOutcomes(Generic[K, V]):
    """The outcomes of one kind of look-up."""

    def __init__(self, vault: Vault, kind: str, of: Any) -> None:
        """`kind`: what they depend on besides their keys. `of`: the type of an outcome."""
        self._vault = vault
        self._decoder = msgspec.json.Decoder(of)
        # Replicas of another version may keep other things of a caller.
        shape = sha256(msgspec.json.encode(msgspec.json.schema(of), order="sorted")).hexdigest()
        self._kind = f"{kind} {shape}"

    async def found(self, keys: Sequence[K]) -> dict[K, tuple[V, float]]:
        """The outcomes that others have told, with their ages in seconds."""
        values = await self._vault.read(self._kind, list(map(msgspec.json.encode, keys)))
        found: dict[K, tuple[V, float]] = {}
        for key, value in zip(keys, values, strict=True):
            if value is not None:
                try:
                    found[key] = self._decoder.decode(value.content), value.age
                except msgspec.DecodeError:
                    continue
        return found

    def tell(self, outcomes: Mapping[K, V], *, age: float, lasts: float) -> None:
        """Tell the others of outcomes that were asked for `age` seconds ago."""
        encode = msgspec.json.encode
        values = {encode(key): encode(value) for key, value in outcomes.items()}
        self._vault.tell(self._kind, values, age=age, lasts=lasts)


def outcomes_in(
    vault: Vault | None, settings: Iterable[object], kind: str, of: Any
) -> SharedOutcomes[Any, Any] | None:
    """The outcomes of a kind that replicas of the same `settings` share; None without a vault."""
    if vault is None:
        return None
    return SharedOutcomes(vault, " ".join([kind, *map(str, settings)]), of)
