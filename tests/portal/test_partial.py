"""A page of which the gateway has only a part is shown without the rest, whichever part it is."""

import json
from typing import Any

import httpx2
import pytest

from tests.portal.site import Counting, visiting
from tests.portal.test_site_map import ASKED, DOWNLOADS, _filled, _known

pytestmark = pytest.mark.anyio


class Partial(Counting):
    """The way to a gateway that lacks one of the fields of its answers, where there are others."""

    lacking = -1
    """The number of the field that is lacking."""
    fields = 0
    """The most fields that an answer has had."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if self.lacking < 0 or request.url.path != "/graphql":
            return response
        body: dict[str, Any] = json.loads(await response.aread())
        names = [*(body.get("data") or ())]
        self.fields = max(self.fields, len(names))
        if len(names) < 2 or self.lacking >= len(names):
            return httpx2.Response(200, json=body)
        body["data"][names[self.lacking]] = None
        error = {"message": "away", "extensions": {"code": "UPSTREAM_UNAVAILABLE"}}
        return httpx2.Response(200, json={**body, "errors": [error]})


async def test_no_page_fails_where_one_of_its_fields_is_away(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.portal.site.Counting", Partial)
    failed = []
    async with visiting(port, "rep") as visitor:
        gateway, known = visitor.gateway, await _known(visitor)
        assert isinstance(gateway, Partial)
        pages = [_filled(path, known) for path, form in ASKED if form is None]
        for path in pages:
            if path.endswith(DOWNLOADS) or path.startswith(("/live", "/sign-in", "/callback")):
                continue
            gateway.lacking, gateway.fields = 0, 0
            while True:
                answer = await visitor.client.get(path)
                if answer.status_code == 500:
                    failed.append((path, gateway.lacking))
                gateway.lacking += 1
                if gateway.lacking >= gateway.fields:
                    break
            gateway.lacking = -1

    assert failed == []


@pytest.mark.parametrize("field", range(4))
async def test_an_overview_does_not_say_that_there_is_nothing_where_it_does_not_know(
    port: int, monkeypatch: pytest.MonkeyPatch, field: int
) -> None:
    monkeypatch.setattr("tests.portal.site.Counting", Partial)
    async with visiting(port, "rep") as visitor:
        whole = await visitor.client.get("/dashboard")
        visitor.gateway.lacking = field  # type: ignore[attr-defined]
        page = await visitor.client.get("/dashboard")

    assert page.status_code == 200
    assert "Some information cannot be shown right now." in page.text
    for said in ("No orders yet", "No order is overdue"):
        assert said not in page.text or said in whole.text
