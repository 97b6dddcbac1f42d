"""An order without an answer is sent again; what the second try meets says nothing of the first."""

import time
from dataclasses import replace

import pytest

from portal.desks import SETTLED
from tests.portal.site import Visitor
from tests.portal.test_ordering import unanswered
from tests.portal.test_site import number_of_orders

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("passed", [0, SETTLED + 1])
@pytest.mark.parametrize("code", ["WRITES_REFUSED", "FORBIDDEN", "UNKNOWN_DOCUMENT"])
async def test_a_refusal_of_the_second_try_says_nothing_about_the_first(
    jane: Visitor, code: str, passed: int
) -> None:
    """However late it comes: nobody has looked at what the first one made."""
    key = await unanswered(jane, f"REFUSED {passed} LATER {code}")
    long_ago = time.time() - passed
    desks = jane.app.state.site.desks
    await desks.change(jane.owner, lambda desk: replace(desk, since=long_ago, lost=long_ago))
    jane.gateway.refusal = code
    asked = await jane.get(f"/orders/new/checking?key={key}")
    jane.gateway.refusal = ""
    placed = await jane.get(f"/orders/new/checking?key={key}")

    assert (asked.status_code, "is being checked" in asked.text) == (202, True)
    assert "Nothing was ordered" not in asked.text
    assert "Thank you." in placed.text
    assert await number_of_orders(jane, f"REFUSED {passed} LATER {code}") == 1
