"""The text of one variable -> its typed value; ValueError says what is wrong, never the text."""

import re
from typing import Final

MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
SWITCH: Final = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def text(raw: str) -> str:
    if not raw.isprintable():
        raise ValueError("holds control characters or line breaks; type it anew, in one line")
    return raw


def one_word(raw: str) -> str:
    """A text without spaces."""
    if len(raw.split()) > 1:
        raise ValueError("must be one word")
    return text(raw)


def words(raw: str) -> tuple[str, ...]:
    """A list with commas between its items."""
    return tuple(text(word.strip()) for word in raw.split(",") if word.strip())


def modules(raw: str) -> tuple[str, ...]:
    """Names of modules, as `import` takes them."""
    found = words(raw)
    if not all(MODULE.fullmatch(each) and not each.endswith(".py") for each in found):
        raise ValueError("must be names of modules, such as acme.orders, and no paths of files")
    if len(set(found)) < len(found):
        raise ValueError("names a module twice")
    return found


def switch(raw: str) -> bool:
    try:
        return SWITCH[raw.lower()]
    except KeyError:
        raise ValueError("must be on or off") from None


def count(raw: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", raw.strip(), re.ASCII):
        raise ValueError("must be a whole number above zero")
    return int(raw)


def megabytes(raw: str) -> int:
    number = count(raw)
    if number >= 100_000:
        raise ValueError("must be megabytes, below 100000")
    return number


def port(raw: str) -> int:
    number = count(raw)
    if number > 65_535:
        raise ValueError("must be a port number")
    return number


def age(raw: str) -> float:
    """Seconds, of which there may be none."""
    return 0.0 if raw.strip() == "0" else seconds(raw)


def seconds(raw: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", raw, re.ASCII) or float(raw) == 0:
        raise ValueError("must be a number of seconds above zero, and below 10000")
    return float(raw)
