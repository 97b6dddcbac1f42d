"""Template, language and values -> HTML. Templates of the adopter's folder replace ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from portal.assets import Assets
from portal.brand import Brand
from portal.drafts import least
from portal.language import Language
from portal.words import words_for

OURS: Final = Path(__file__).parent / "templates"


class Templates:
    """One environment a language, so that compiled templates carry their words."""

    def __init__(self, brand: Brand, languages: list[Language], assets: Assets) -> None:
        self._environments = {
            language.tag: _environment(brand, language, assets) for language in languages
        }

    def render(self, name: str, language: Language, values: Mapping[str, Any]) -> str:
        return self._environments[language.tag].get_template(name).render(values)


def _environment(brand: Brand, language: Language, assets: Assets) -> Environment:
    ours = FileSystemLoader(OURS)
    folders = [FileSystemLoader(folder) for folder in reversed(brand.folders("templates"))]
    environment = Environment(
        # "portal/order.html" is ours even where "order.html" is theirs: theirs may extend it.
        loader=ChoiceLoader([*folders, PrefixLoader({"portal": ours})]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(language.messages, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "date": language.date,
        "moment": language.moment,
        "ago": language.ago,
        "number": language.number,
        "plain": language.plain,
        "least": least,
        "money": language.money,
    }
    environment.globals |= {
        "brand": brand,
        "asset": assets.address,
        "language": language,
        "words": words_for,
    }
    return environment
