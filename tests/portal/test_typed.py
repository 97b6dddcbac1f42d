"""No page fails of anything that a visitor types into addresses, forms, headers or cookies."""

import asyncio
import json
import random
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from front.connection_bounds import Bounded
from portal.sitemap import PAGES
from portal.visits import Page
from tests.gateway.live.serving import listening
from tests.nightly import NIGHTLY
from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio
PORTAL = Path(__file__).parents[2] / "portal"
ROUNDS = 40 if NIGHTLY else 1
"""Requests of each page and kind."""
LEAVING = {"/sign-out", "/view-as"}
"""Pages after which nobody is signed in, or sees the same."""
AWKWARD = (
    *("\0", "%", "%zz", "'\"<>", "=1+1", "\u202e", "A" * 5_000, "9" * 400, "-1", "1e400", "NaN"),
    *("0", "-0", "1.5", "1_000", "0x10", "12345678901234567890", "2024-13-45", "9999-12-31"),
    *("0001-01-01", "10000-01-01", "null", "[]", "{}", "*", "%_[]", "\r\n", "\t", " ", "\u2028"),
    *(
        "\U0001f600",
        "\ufb00",
        "\u0661\u0662",
        "\u3000",
        "\u00b2",
        "\u2460",
        "a\u0300" * 300,
        "\ufeff",
    ),
    *("../../etc", "//evil.example", "/\\evil.example", "javascript:1", "MTox", "U2FsZXM6MQ"),
)
HEADERS = (
    ("Accept-Language", "*;q=zz, en;q=1e999, nl;q=-1, xx-" + "x-" * 300),
    ("Accept-Language", "\xff\xfe"),
    ("HX-Request", "\xff"),
    ("Range", "bytes=0-99999999999"),
    ("Cookie", "portal-guest=a.b.c.d.e; ;;=,,; portal-guest"),
)
CONTENT = "Content-Type"
BODIES = (
    ("multipart/form-data; boundary=x", b"--x\r\n"),
    ("multipart/form-data", b""),
    ("application/json", b"{}"),
    ("application/x-www-form-urlencoded", b"csrf=CSRF&a=%zz&%ff=%ff&=&=&%00=1"),
)
CODINGS = ("undefined", "punycode", "idna", "utf-7", "unicode_escape", "utf-16", "hex", "x" * 5_000)
"""Codings that no page of ours has; Python decodes by each of them, or fails in its own way."""

HEADS: tuple[Any, ...] = (
    *({}, [], None, {"alg": ["dir"], "enc": "A256GCM"}, {"alg": {}, "enc": {}}),
    *({"alg": "dir", "enc": ["A256GCM"]}, {"alg": "dir", "enc": "A256GCM", "crit": ["x"]}),
    *({"alg": "none", "enc": "A256GCM"}, {"alg": "dir", "enc": "A256GCM", "zip": {}}),
    {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 1_000_000_000, "p2s": "AAAA"},
)
"""The heads of sealed texts that nobody here has sealed."""


def names() -> list[str]:
    """The names of all parameters and fields that the site reads or has in its forms."""
    read = re.compile(r'(?:query|form)(?:\.get\(|\[)"([\w-]+)"')
    shown = re.compile(r'name="([\w-]+)"|[?&](\w+)=')
    found = {name for file in PORTAL.rglob("*.py") for name in read.findall(file.read_text())}
    for file in (PORTAL / "templates").rglob("*.html"):
        found.update(name for pair in shown.findall(file.read_text()) for name in pair)
    return sorted(found - {"csrf", ""})


def typed(page: Page, csrf: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Requests of one page, each with a few awkward things in it."""
    known = names()

    def url() -> str:
        return re.sub(r"\{[^}]+\}", lambda _: quote(chance.choice(AWKWARD), safe=""), page.path)

    def some() -> dict[str, str]:
        return {name: chance.choice(AWKWARD) for name in chance.sample(known, 4)}

    for _ in range(ROUNDS):
        if "GET" in page.methods:
            name, value = chance.choice(HEADERS)
            yield {"method": "GET", "url": f"{url()}?{urlencode(some())}"}
            yield {"method": "GET", "url": url(), "headers": {name: value.encode("latin-1")}}
            yield {"method": "GET", "url": url(), "params": {"after": chance.choice(AWKWARD)}}
        if "POST" in page.methods:
            kind, body = chance.choice(BODIES)
            yield {"method": "POST", "url": url(), "data": {**some(), "csrf": csrf}}
            sent = body.replace(b"CSRF", csrf.encode())
            yield {"method": "POST", "url": url(), "content": sent, "headers": {CONTENT: kind}}


@pytest.mark.parametrize("head", HEADS, ids=json.dumps)
async def test_a_cookie_that_was_not_sealed_here_is_none(port: int, head: Any) -> None:
    text = urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip("=")
    async with visiting(port) as visitor:
        for rest in ("....", "..AAAA.AAAA.AAAA"):
            cookie = {"Cookie": f"portal-guest={text}{rest}; portal={text}{rest}"}
            answer = await visitor.client.get("/", headers=cookie)
            assert answer.status_code == 200


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_form_is_utf_8_and_nothing_else(jane: Visitor, coding: str) -> None:
    await jane.get("/profile")
    text = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part
        for part in ((b"csrf", jane.csrf.encode()), (b"a..b_\xff", b"+2AA-\\ud800"))
    )
    kind = f"multipart/form-data; boundary=x; charset={coding}"

    answer = await jane.client.post(
        "/profile", content=text + b"--x--\r\n", headers={CONTENT: kind}
    )

    assert answer.status_code == 400


async def test_a_form_that_breaks_off_is_no_defect(
    jane: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    cookies = "; ".join(f"{name}={value}" for name, value in jane.client.cookies.items())
    head = f"POST /profile HTTP/1.1\r\nHost: a\r\nCookie: {cookies}\r\nContent-Length: 9\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    async with listening(jane.app, http=Bounded, ws="none") as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}csrf".encode())
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.sleep(0.1)

    assert caplog.text == ""


async def test_no_page_answers_5xx_for_what_somebody_typed(jane: Visitor) -> None:
    await jane.get("/profile")
    csrf, failed = jane.csrf, []
    for page in PAGES:
        if page.path in LEAVING:
            continue
        for request in typed(page, csrf, random.Random(page.path)):  # noqa: S311
            answer = await jane.client.request(**request)
            if answer.status_code >= 500:
                failed.append((answer.status_code, request))

    assert failed == []
