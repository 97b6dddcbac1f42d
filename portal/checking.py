"""A brand and further pages -> every mistake in them that a visitor would notice, all at once."""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from portal import brand as branding
from portal import following, gateway_documents
from portal.brand import Brand, BrandError
from portal.language import languages
from portal.rendering import Templates
from portal.schema import OwnSchema
from portal.served_assets import Assets
from portal.sitemap import PAGES
from portal.visits import Page


def extra(names: Sequence[str]) -> list[Page]:
    """The pages of the adopter's modules. ImportError, also for a module without any."""
    return [page for name in names for page in _pages(name)]


def _pages(name: str) -> Sequence[Page]:
    try:
        found: Sequence[Page] = importlib.import_module(name).PAGES
    except (ImportError, AttributeError, SyntaxError, TypeError) as error:
        raise ImportError(f"{name}: {error}") from error
    return found


def wrong_parts(brand: Brand, pages: Sequence[Page], templates: Templates) -> Iterator[str]:
    """The mistakes in the parts of a brand besides its `brand.toml`."""
    yield from branding.unknown_pages(brand, (page.part for page in pages))
    yield from gateway_documents.mistakes(brand.folders("documents"))
    yield from following.mistakes(gateway_documents.load(brand.folders("documents")))
    yield from templates.mistakes()


def mistakes(folder: Path | None, names: Sequence[str], own: OwnSchema) -> Iterator[str]:
    """All mistakes of the brand in a folder, with the pages of these modules."""
    try:
        brand = branding.load(folder)
    except BrandError as error:
        yield from str(error).splitlines()
        # The rest is looked through with our values, which can be used.
        brand = replace(branding.load(None), folder=folder)
    pages = [*PAGES]
    for name in names:
        try:
            pages += extra([name])
        except ImportError as error:
            yield str(error)
    offered = languages(brand.locales, brand.folders("locales"), brand.timezone)
    assets = Assets(brand.folders("assets"), {"brand.css": brand.css()})
    yield from _twice(pages)
    yield from wrong_parts(brand, pages, Templates(brand, offered, assets, own))


def _twice(pages: Sequence[Any]) -> Iterator[str]:
    """Addresses that two pages have, of which the second would never be shown."""
    seen: set[str] = set()
    for page in pages:
        if page.path in seen:
            yield f"{page.path} is the address of another page already"
        seen.add(page.path)
