"""The names and descriptions of products in the language of the reader, where there are such."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

TRANSLATED: Final = ("name", "description")


def in_language(product: Mapping[str, Any] | None, tag: str) -> dict[str, Any] | None:
    """A product of the gateway with the texts of this language in place of its own."""
    if product is None:
        return None
    said = _text(product.get("texts") or (), tag.casefold())
    known = {name: said[name] for name in TRANSLATED if name in product and said.get(name)}
    return {**product, **known}


def all_in_language(products: Iterable[Mapping[str, Any]], tag: str) -> list[dict[str, Any]]:
    """Products with the texts of this language."""
    return [found for each in products if (found := in_language(each, tag))]


def _text(texts: Iterable[Mapping[str, Any]], tag: str) -> Mapping[str, Any]:
    """The texts of just this language, or else of one of its kinds: of `nl` or of `nl-BE`."""
    spoken = {text["language"].casefold(): text for text in texts}
    kind = tag.partition("-")[0]
    alike = (text for name, text in spoken.items() if name.partition("-")[0] == kind)
    return spoken.get(tag) or next(alike, {})
