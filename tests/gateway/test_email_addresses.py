"""Addresses and names that people type for others, whatever they type."""

import unicodedata

from hypothesis import example, given
from hypothesis.strategies import from_regex, text

from gateway.persons import EMAIL
from gateway.resolvers.email_addresses import MOST, name_mistakes, usable

ADDRESSES = from_regex(r"\A[!-~]{1,70}@[!-~]{1,70}\Z")


@given(text() | ADDRESSES | from_regex(EMAIL))
@example("A.B+c@X-y.Example ")
def test_an_address_is_kept_as_callers_are_looked_up_by(typed: str) -> None:
    found = usable(typed)

    if found is not None:
        assert EMAIL.fullmatch(found)
        assert found == found.lower() == typed.strip(" ").lower() == usable(found)
        assert found.isascii()
        assert found.isprintable()
        assert len(found) <= MOST
        assert found.count("@") == 1
        assert not any(sign in found for sign in ' <>,;:\\"()[]')


@given(text())
@example("Jane\u202e")
@example("\u3164")
def test_a_name_is_one_line_that_reads_as_it_is_written(typed: str) -> None:
    if not [*name_mistakes(typed, of_person=True)]:
        assert len(typed.splitlines()) <= 1
        kinds = {unicodedata.category(sign) for sign in typed if sign not in "\u200c\u200d"}
        assert not kinds & {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
        assert not set("<>@/:") & set(typed)
