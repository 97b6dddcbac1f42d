"""Template, language and values -> HTML. Templates of the adopter's folder replace ours."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from html import unescape
from pathlib import Path
from types import CodeType
from typing import Any, Final

from jinja2 import (
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateSyntaxError,
)
from jinja2.bccache import Bucket
from jinja2.meta import find_referenced_templates
from jinja2.nodes import Call, Const, Name

from portal.brand import Brand
from portal.drafts import least
from portal.figures import in_currency, negative, size
from portal.language import Language
from portal.schema import NO_SCHEMA, OwnSchema
from portal.served_assets import Assets
from portal.words import STEPS, words_for

OURS: Final = Path(__file__).parent / "templates"


class _Compiled(BytecodeCache):
    """
    Templates as Python code, kept for the process: compiling them all takes a second of CPU, and
    each app would do it anew. Constants in them are written as the language does.
    """

    KEPT: Final[dict[tuple[str, ...], CodeType]] = {}

    def __init__(self, language: Language) -> None:
        self._language = language

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.KEPT.get(self._key(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self.KEPT[self._key(bucket)] = bucket.code

    def _key(self, bucket: Bucket) -> tuple[str, ...]:
        return self._language.tag, self._language.timezone, bucket.key, bucket.checksum


class Templates:
    """One environment a language, so that compiled templates carry their words."""

    def __init__(
        self,
        brand: Brand,
        languages: list[Language],
        assets: Assets,
        own: OwnSchema = NO_SCHEMA,
    ) -> None:
        self._theirs = brand.folder / "templates" if brand.folder else None
        self._assets = assets
        self._environments = {
            language.tag: _environment(brand, language, assets, own) for language in languages
        }

    def mistakes(self) -> Iterator[str]:
        """Yield the mistakes in the adopter's templates, so that no visitor has to find them."""
        if self._theirs:
            environment = next(iter(self._environments.values()))
            for path in sorted(self._theirs.rglob("*.html")):
                name = path.relative_to(self._theirs).as_posix()
                said = self._wrong(environment, name, path)
                yield from (f"templates/{name}: {one}" for one in said)

    def _wrong(self, environment: Environment, name: str, path: Path) -> Iterator[str]:
        try:
            environment.get_template(name)
            tree = environment.parse(path.read_text())
        except TemplateSyntaxError as error:
            yield f"line {error.lineno}: {error.message}"
            return
        except UnicodeDecodeError:
            yield "the file is not in UTF-8; save it as UTF-8"
            return
        known = set(environment.list_templates())
        for other in find_referenced_templates(tree):
            if other is not None and other not in known:
                yield f"there is no template {other}"
        for call in tree.find_all(Call):
            if isinstance(call.node, Name) and call.node.name == "asset":
                names = [each.value for each in call.args if isinstance(each, Const)]
                yield from (
                    f"there is no asset {each}" for each in names if each not in self._assets
                )

    def render(self, name: str, language: Language, values: Mapping[str, Any]) -> str:
        return self._environments[language.tag].get_template(name).render(values)

    def refusal(self, language: Language, error: Mapping[str, Any]) -> str:
        """The words of `_mistakes.html`, as text."""
        words = self._environments[language.tag].get_template("_mistakes.html").module
        return unescape(str(words.refusal(error))).strip()  # type: ignore[attr-defined]


def _environment(brand: Brand, language: Language, assets: Assets, own: OwnSchema) -> Environment:
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
        bytecode_cache=_Compiled(language),
    )
    environment.install_gettext_translations(language.messages, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "date": language.date,
        "month": language.month,
        "moment": language.moment,
        "ago": language.ago,
        "number": language.number,
        "plain": language.plain,
        "least": least,
        "decimal": Decimal,
        "money": language.money,
        "price": language.price,
        "country": language.country,
        "in_currency": in_currency,
        "negative": negative,
        "size": size,
    }
    environment.globals |= {
        "brand": brand,
        "asset": assets.address,
        "language": language,
        "own_fields": own.fields,
        "own_line_fields": own.line_fields,
        "words": words_for,
        "STEPS": STEPS,
    }
    return environment
