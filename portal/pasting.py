"""The list of a form, pasted or uploaded -> its lines and what stands in their way. Pure."""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from typing import Final

from spreadsheets.files import File, read_file
from spreadsheets.lines import read

CARRIED: Final = "data:;base64,"
"""The beginning of a file as a field of a form, in which it can wait and be sent again."""
UNSHOWN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def carried(content: bytes) -> str:
    """A file as text that any form can have in it; nothing where no file was chosen."""
    return f"{CARRIED}{base64.b64encode(content).decode()}" if content else ""


def listed(form: Mapping[str, str], decimal_mark: str, further: Collection[str] = ()) -> File:
    """
    The file of a form if it has one, in the letters that were chosen; else what was pasted.
    `further` columns may be named besides those that every list can have.
    """
    file = form.get("file", "")
    if not file.strip():
        return File(read(form.get("pasted", ""), decimal_mark, further))
    try:
        content = base64.b64decode(file.removeprefix(CARRIED), validate=True)
    except (binascii.Error, ValueError):
        return File(read(file, decimal_mark, further))
    return read_file(content, form.get("region", ""), decimal_mark, further)


def showable(text: str) -> str:
    """A text without what no page can show."""
    return UNSHOWN.sub("", text)
