"""The languages in which the ERP writes, by the options of Dataverse's `msdyn_language`."""

from functools import cache

from dynamics import dictionary
from gateway.config.settings import SettingsError


def option(name: str) -> int | None:
    """The option of a language, `en-us`; None for `none`. SettingsError for one not listed."""
    if name == "none":
        return None
    known = {label: value for value, label in _names().items()}
    if name not in known:
        listed = ", ".join(sorted(known))
        raise SettingsError([f"GATEWAY_ORDER_LANGUAGE: must be none, or one of {listed}"])
    return known[name]


def name(option: int | None) -> str | None:
    """The language of an option; None for one that is not listed."""
    return _names().get(option) if option is not None else None


@cache
def _names() -> dict[int, str]:
    return {each.value: each.label for each in dictionary.options()["salesorder", "msdyn_language"]}
