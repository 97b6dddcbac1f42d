"""Every address of the site map, forms included, keeps to what a page may cost."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pytest

from portal.sitemap import PAGES
from tests.gateway.test_demo import demo
from tests.nightly import NIGHTLY
from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio
REQUESTS = 3
KILOBYTES = 100 * 1024
MILLISECONDS = 150
CLOCK = time.perf_counter if NIGHTLY else time.process_time
"""By day the portal's own time is taken, as other work of the machine would count with the rest."""
DOWNLOADS = (".csv", ".pdf", "/document", "{version}", "{file}")
"""No pages: a list may be long, and is sent while it is read; a document is the ERP's."""
LONG = "\n".join(f"D{number:04},1" for number in range(500))
"""The longest list that can be pasted, of products that are there and products that are not."""

PIER = {"street": "Pier Road", "city": "Redmond", "country": "united states"}
ASKED: tuple[tuple[str, Mapping[str, str] | None], ...] = (
    ("/", None),
    ("/terms", None),
    ("/language/{tag}", None),
    ("/resume", None),
    ("/dashboard", None),
    ("/orders", None),
    ("/orders.csv", None),
    ("/order-lines.csv", None),
    ("/shipments.csv", None),
    ("/shipment-lines.csv", None),
    ("/returns.csv", None),
    ("/return-lines.csv", None),
    ("/invoices.csv", None),
    ("/invoice-lines.csv", None),
    ("/invoices/{id}/document", None),
    ("/orders/{id}/document", None),
    ("/orders/{id}/files/{file}", None),
    ("/order-lines/{id}/files/{file}", None),
    ("/invoices-without-order/{id}/document", None),
    ("/statement.pdf", None),
    ("/orders/{id}", None),
    ("/live/{of}", None),
    ("/orders/{id}/change", None),
    ("/orders/{id}/change", {"version": "x", "reference": "of somebody who came too late"}),
    ("/orders/{id}/change", {"version": "x", "quantity-x": "none"}),
    ("/orders/{id}/change", {"version": "x", "after": ""}),
    ("/orders/{id}/change", {"version": "x", "number": "nope", "quantity": "1", "key": "x"}),
    ("/orders/{id}/cancel", None),
    ("/orders/{id}/cancel", {"version": "x"}),
    ("/orders/{id}/reorder", {}),
    ("/orders/new/quote", {"key": "of a draft that is gone"}),
    ("/quotes", None),
    ("/quotes?q=QT+jane", None),
    ("/quotes/{id}", None),
    ("/quotes/{id}/accept", None),
    ("/quotes/{id}/accept", {"receipt_date": "2020-01-01"}),
    ("/quotes/{id}/order", {}),
    ("/templates/new?order={order}", None),
    ("/templates/new", {"order": "{order}", "name": "Of an order", "shared": "yes"}),
    ("/templates", None),
    ("/templates/{id}", None),
    ("/templates/{id}/order", {}),
    ("/templates/{id}", {}),
    ("/templates/new", {"name": ""}),
    ("/orders/{id}/shipments/{number:path}", None),
    ("/view-as", {}),
    ("/orders/new/discard", None),
    ("/orders/new/discard", {}),
    ("/orders/new", None),
    ("/orders/new", {"ship_to": "other"}),
    ("/orders/new", {"ship_to": "0"}),
    (
        "/orders/new",
        {"ship_to": "other", "street": "X", "city": "Y", "country": "france", "keep": "yes"},
    ),
    ("/orders/new/items", None),
    ("/orders/new/items", {"add": "{product}", "quantity": "2"}),
    ("/orders/new/items", {"line-1": "none"}),
    ("/orders/new/import", None),
    ("/orders/new/import", {"pasted": LONG}),
    ("/orders/new/quick", None),
    ("/orders/new/quick", {"code-1": "espresso", "code-2": "nope", "quantity-1": "x"}),
    ("/orders/new/quick", {"code-1": "D0001", "quantity-1": "2"}),
    ("/orders/new/quick/row?code-3=MY-101&quantity-3=2", None),
    ("/orders/new/quick/options?code-1=lamp", None),
    ("/orders/new/review", None),
    ("/orders/new/share", {"share": "yes"}),
    ("/orders/new/items", None),
    ("/orders/new/items?q=lamp", None),
    ("/orders/new/items", {"line-1": "none"}),
    ("/orders/new/review", None),
    ("/templates/new", None),
    ("/drafts", None),
    ("/drafts/own", {}),
    ("/drafts/{id}/open", {}),
    ("/orders/new/checking", None),
    ("/orders/new/checking", {"key": "{key}"}),
    ("/orders/new/submit", {"key": "{key}"}),
    ("/orders?q=jane+SO", None),
    ("/orders?status=overdue&sort=wanted", None),
    ("/shipments", None),
    ("/shipments?q=PS", None),
    ("/returns", None),
    ("/returns?q=RO+PO&since=2024-01-01", None),
    ("/returns/{id}", None),
    ("/invoices", None),
    ("/invoices?q=SO", None),
    ("/invoices-without-order", None),
    ("/invoices-without-order?q=x&since=2024-01-01", None),
    ("/invoices/{id}", None),
    ("/statement", None),
    ("/statement?since=2024-01-01", None),
    ("/statement.csv", None),
    ("/products", None),
    ("/products", {"add": "{product}", "quantity": "none"}),
    ("/products?q=lamp+desk", {"add": "{product}", "quantity": "2"}),
    ("/products?category={category}&q=a&sort=newest", None),
    ("/bought", None),
    ("/bought", {"add": "{product}", "quantity-{product}": "none"}),
    ("/products/{id}/pictures/{version}", None),
    ("/products/{id}", None),
    ("/products/{id}", {"quantity": "none"}),
    ("/account", None),
    ("/addresses", None),
    ("/addresses/new", None),
    ("/addresses/new", PIER),
    ("/addresses/{id}", None),
    ("/addresses/{id}", {"street": ""}),
    ("/addresses/{id}/remove", {}),
    ("/colleagues/new", None),
    ("/colleagues/new", {"email": "x", "lastName": ""}),
    ("/colleagues/new", {"email": "noor@contoso-retail.example", "lastName": "Visser"}),
    ("/colleagues/{id}", None),
    ("/colleagues/{id}/remove", {}),
    ("/colleagues/restore", {"undo": "x"}),
    ("/accounts", None),
    ("/accounts", {"account": "{account}"}),
    ("/profile", None),
    ("/profile", {"theme": "dark"}),
    ("/callback", None),
    ("/sign-in", None),
    ("/sign-out", {}),
)
"""The requests made in turn; forms have fields. The dearest way through each page is among them."""


@dataclass
class Costs:
    """The costs that were too high, by page."""

    requests: dict[str, int] = field(default_factory=dict)
    size: dict[str, int] = field(default_factory=dict)
    time: dict[str, float] = field(default_factory=dict)


def test_every_page_and_form_of_the_site_map_is_asked_for() -> None:
    declared = {(page.path, method) for page in PAGES for method in page.methods}

    asked = {(path.partition("?")[0], "GET" if form is None else "POST") for path, form in ASKED}
    assert asked == declared


async def test_no_page_costs_more_than_it_may() -> None:
    """Three requests of the gateway where who is asking is looked up too, 100 KB, 150 ms."""
    with demo() as (port, _):
        async with visiting(port, "rep") as visitor:
            known, costs = await _known(visitor), Costs()
            for path, form in ASKED:
                await _measure(visitor, path, form, known, costs)

    assert costs.requests == {}
    assert costs.size == {}
    assert costs.time == {}


async def _known(visitor: Visitor) -> dict[str, str]:
    """Ids of what the pages are about, as the lists link to them."""
    order = await _first(visitor, "/orders?status=ACTIVE", r'href="/orders/([\w-]{20,})"')
    sent = await _first(visitor, "/shipments", r'href="/orders/([\w-]{20,}/shipments/[^"]+)"')
    quote = await _first(visitor, "/quotes", r'href="/quotes/([^"]+)"')
    returned = await _first(visitor, "/returns", r'href="/returns/([^"]+)"')
    invoice = await _first(visitor, "/invoices", r'href="/invoices/([^"]+)"')
    product = await _first(visitor, "/products", r'href="/products/([^"]+)"')
    await visitor.get("/templates/new")
    template = await visitor.post("/templates/new", name="Known", order=order)
    picture = await _first(visitor, "/products", r'src="(/products/[^/"]+/pictures/[^"]+)"')
    return {
        "/orders/{id}/shipments/{number:path}": f"/orders/{sent}",
        "/orders/{id}": f"/orders/{order}",
        "/invoices/{id}": f"/invoices/{invoice}",
        "/quotes/{id}": f"/quotes/{quote}",
        "/returns/{id}": f"/returns/{returned}",
        "/addresses/{id}": await _first(visitor, "/addresses", r'href="(/addresses/[\w-]{20,})"'),
        "/colleagues/{id}": await _first(visitor, "/account", r'href="(/colleagues/[\w-]{20,})"'),
        "/templates/{id}": str(template.url.path),
        "/products/{id}/pictures/{version}": picture,
        "/products/{id}": f"/products/{product}",
        "{order}": order,
        "{category}": await _first(visitor, "/products", r"category=([0-9a-f-]{36})"),
        "{tag}": "nl",
        "{product}": product,
        "{account}": visitor.account,
    }


async def _first(visitor: Visitor, path: str, pattern: str) -> str:
    found: list[str] = re.findall(pattern, (await visitor.get(path)).text)
    return found[0]


def _filled(text: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(name, value)
    return text


async def _measure(
    visitor: Visitor,
    path: str,
    form: Mapping[str, str] | None,
    known: Mapping[str, str],
    costs: Costs,
) -> None:
    name = f"{path} {'' if form is None else ' '.join(form) or 'form'}".strip()
    address = _filled(path, known)
    requests = await _requests(visitor, address, form, known)
    if path.endswith(DOWNLOADS):
        return
    if requests > REQUESTS:
        costs.requests[name] = requests
    if form is not None or path in {"/sign-in", "/callback"}:
        return
    size, took = await _arrival(visitor, address)
    if size > KILOBYTES:
        costs.size[name] = size
    if took > MILLISECONDS:
        costs.time[name] = took


async def _arrival(visitor: Visitor, address: str) -> tuple[int, float]:
    """Bytes, and milliseconds at the median; of a busy machine the best of three attempts."""
    size, best = 0, float("inf")
    for _ in range(3):
        timed = [await _timed(visitor, address) for _ in range(3)]
        size = max(size, *(each for each, _ in timed))
        best = min(best, 1000 * median(seconds for _, seconds in timed))
        if best <= MILLISECONDS:
            break
    return size, best


async def _requests(
    visitor: Visitor, address: str, form: Mapping[str, str] | None, known: Mapping[str, str]
) -> int:
    """Count the requests to the gateway, with who is asking forgotten."""
    if user := visitor.session.user:
        user.viewed = 0.0
    visitor.gateway.asked.clear()
    if form is None:
        answer = await visitor.client.get(address)
    else:
        desk = await visitor.desk()
        about = {"csrf": visitor.session.csrf, "draft": desk.draft.key, "seen": str(desk.revision)}
        own = {**known, "{key}": desk.draft.key}
        fields = {_filled(key, own): _filled(value, own) for key, value in form.items()}
        answer = await visitor.client.post(address, data={**about, **fields})
    assert answer.status_code < 500, (address, answer.status_code)
    return len(visitor.gateway.asked)


async def _timed(visitor: Visitor, address: str) -> tuple[int, float]:
    started = CLOCK()
    answer: Any = await visitor.client.get(address)
    return len(answer.content), CLOCK() - started
