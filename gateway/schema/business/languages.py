"""The languages in which the ERP writes, by the options of Dataverse's `msdyn_language`."""

from dynamics import dictionary


def option(name: str) -> int | None:
    """The option of a language, `en-us`; None for `none`. ValueError for one that is not listed."""
    if name == "none":
        return None
    known = {
        each.label: each.value for each in dictionary.options()["salesorder", "msdyn_language"]
    }
    if name not in known:
        raise ValueError(f"must be none, or one of {', '.join(sorted(known))}")
    return known[name]
