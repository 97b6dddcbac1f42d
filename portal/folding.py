"""Texts -> how people compare and sort them: without case and without marks on letters."""

import unicodedata


def folded(text: str | None) -> str:
    parts = unicodedata.normalize("NFKD", (text or "").casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))
