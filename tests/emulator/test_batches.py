"""Batches: order, atomic change sets, references between parts, and the forms real clients send."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.emulator.environment import HOST, Environment, environment, guid, new_order, shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def web() -> AsyncIterator[Environment]:
    async with environment(shop) as ready:
        yield ready


def part(method: str, url: str, body: str = "", content_id: str = "", headers: str = "") -> str:
    identity = f"Content-ID: {content_id}\r\n" if content_id else ""
    return (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        f"{identity}\r\n{method} {url} HTTP/1.1\r\n{headers}"
        f"Content-Type: application/json; type=entry\r\n\r\n{body}\r\n"
    )


def joined(mark: str, *parts: str) -> str:
    return "".join(f"--{mark}\r\n{each}" for each in parts) + f"--{mark}--\r\n"


def change_set(*parts: str) -> str:
    head = 'Content-Type: multipart/mixed; boundary="set 1"\r\n\r\n'
    return head + joined("set 1", *parts)


async def post(web: Environment, *parts: str, prefer: str = "", mark: str = "b") -> httpx2.Response:
    headers = {"Content-Type": f"multipart/mixed;boundary={mark}", "Prefer": prefer}
    return await web.http.post(
        "/api/data/v9.2/$batch", content=joined("b", *parts), headers=headers
    )


def statuses(answer: httpx2.Response) -> list[int]:
    return [
        int(line.split()[1]) for line in answer.text.splitlines() if line.startswith("HTTP/1.1")
    ]


async def test_parts_are_addressed_in_every_way_clients_do(web: Environment) -> None:
    root = f"/api/data/v9.2/accounts({guid(1)})?$select=name"
    answer = await post(
        web,
        part("GET", HOST + root),
        part("GET", root),
        part("GET", root.removeprefix("/api/data/v9.2/")),
        part("GET", "accounts?$filter=name%20eq%20'customer 2'".replace(" ", "%20")),
        mark='"b"',
    )

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert statuses(answer) == [200] * 4
    assert answer.text.count('"name":"Customer 1"') == 3


async def test_a_change_set_refers_to_what_it_made(web: Environment) -> None:
    body = '{"quantity": 5, "description": "by reference", "salesorderid@odata.bind": "$1"}'
    create = str(new_order()).replace("'", '"')
    answer = await post(
        web,
        change_set(
            part("POST", "/api/data/v9.2/salesorders", create, "1"),
            part("POST", "salesorderdetails", body, "2"),
            part("PATCH", "$1", '{"description": "patched"}', "3"),
        ),
    )

    assert statuses(answer) == [204, 204, 204]
    assert "--changesetresponse_" in answer.text
    row = (await web.rows("salesorders?$filter=description eq 'patched'&$expand=order_details"))[0]
    assert [line["description"] for line in row["order_details"]] == ["by reference"]


async def test_a_change_set_is_all_or_nothing(web: Environment) -> None:
    before = web.store.version
    answer = await post(
        web,
        change_set(
            part("POST", "accounts", '{"name": "kept?"}', "1"),
            part("PATCH", f"accounts({guid(1)})", '{"name": "changed?"}', "2"),
            part("POST", "accounts", '{"nope": 1}', "3"),
        ),
    )

    assert answer.status_code == 400
    assert statuses(answer) == [400]
    assert await web.rows("accounts?$filter=endswith(name,'?')") == []
    assert web.store.version >= before


async def test_the_first_failure_ends_a_batch_unless_it_goes_on(web: Environment) -> None:
    parts = [part("GET", "accounts?$top=1"), part("GET", "nope"), part("GET", "accounts?$top=1")]

    stopped = await post(web, *parts)
    went_on = await post(web, *parts, prefer="odata.continue-on-error")

    assert (stopped.status_code, statuses(stopped)) == (404, [200, 404])
    assert (went_on.status_code, statuses(went_on)) == (200, [200, 404, 200])


async def test_what_a_batch_cannot_hold(web: Environment) -> None:
    nested = await post(web, part("POST", "$batch"))
    reading = await post(web, change_set(part("GET", "accounts")))
    too_many = await post(web, *[part("GET", "WhoAmI")] * 1001)
    plain = await web.http.post("/api/data/v9.2/$batch", json={})

    assert statuses(nested) == [400]
    assert reading.status_code == too_many.status_code == plain.status_code == 400


async def test_a_long_get_fits_into_a_batch(web: Environment) -> None:
    keys = ",".join(f"'{guid(n)}'" for n in range(1000))
    function = "Microsoft.Dynamics.CRM.In(PropertyName='salesorderid',PropertyValues="
    url = f"salesorderdetails?$filter={function}[{keys}])"

    assert (await web.get(url)).status_code == 414
    answer = await post(web, part("GET", url))
    assert statuses(answer) == [200]
    assert (statuses(await post(web, part("GET", url + "&x=" + "y" * 33_000)))) == [414]


async def test_line_feeds_alone_are_understood(web: Environment) -> None:
    content = joined("b", part("GET", "WhoAmI")).replace("\r\n", "\n")
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    answer = await web.http.post("/api/data/v9.2/$batch", content=content, headers=headers)

    assert statuses(answer) == [200]


async def test_the_log_shows_the_parts(web: Environment) -> None:
    web.app.state.log.clear()
    await post(web, part("GET", "accounts?$top=1"), part("GET", "WhoAmI"))

    (entry,) = web.app.state.log
    assert [(each.path, each.status) for each in entry.parts] == [
        ("accounts", 200),
        ("WhoAmI", 200),
    ]
    assert len(web.app.state.log.calls()) == 2
