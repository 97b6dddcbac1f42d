"""Faults strike as scripted, the same way every time, and leave behind what real ones do."""

import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn

from emulator.dualwrite.sync import integrate
from emulator.faults.actions import (
    AnyAction,
    Cut,
    ErpDown,
    ErpRefuses,
    Expired,
    Fail,
    ForeignLink,
    Latency,
    Malformed,
    Slow,
    Throttle,
)
from emulator.faults.connections import InProcess, over_sockets
from emulator.faults.protection import Limits
from emulator.faults.rules import Faults
from tests.emulator.environment import HOST, NOW, TOKEN, Environment, environment, guid, shop

pytestmark = pytest.mark.anyio
ACCOUNTS = "accounts?$select=name"


@pytest.fixture
async def web() -> AsyncIterator[Environment]:
    async with environment(shop) as ready:
        ready.app.state.clock.stand_still(NOW)
        headers = {"Authorization": TOKEN}
        async with httpx2.AsyncClient(
            transport=InProcess(ready.app), base_url=HOST, headers=headers, timeout=5
        ) as http:
            ready.http = http
            yield ready


class Listening(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = anyio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def faults(web: Environment) -> Faults:
    found: Faults = web.app.state.faults
    return found


async def statuses(web: Environment, count: int, path: str = ACCOUNTS) -> list[int]:
    return [(await web.get(path)).status_code for _ in range(count)]


async def test_only_what_fits_is_struck(web: Environment) -> None:
    faults(web).add(Fail(), service="dataverse", method="GET", set="accounts")

    assert await statuses(web, 1) == [503]
    assert await statuses(web, 1, f"accounts({guid(1)})") == [503]
    assert await statuses(web, 1, "salesorders") == [200]
    assert (await web.send("POST", "accounts", {"name": "New"})).status_code == 204
    assert await statuses(web, 1, "/data/CustomersV3") == [200]


async def test_a_path_may_have_wildcards(web: Environment) -> None:
    faults(web).add(Fail(status=500), path="salesorders(*)/order_details")

    assert await statuses(web, 1, f"salesorders({guid(101)})/order_details") == [500]
    assert await statuses(web, 1, f"salesorders({guid(101)})") == [200]


async def test_rules_count_the_requests_that_fit(web: Environment) -> None:
    faults(web).add(Fail(status=500), nth=2)
    faults(web).add(Fail(status=502), set="salesorders", times=1)

    assert await statuses(web, 3) == [200, 500, 200]
    assert await statuses(web, 2, "salesorders") == [502, 200]


async def test_a_batch_is_struck_for_what_it_holds(web: Environment) -> None:
    faults(web).add(Fail(), method="POST", set="salesorders")
    body = (
        "--b\r\nContent-Type: application/http\r\n\r\n"
        "{} /api/data/v9.2/salesorders HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n--b--\r\n"
    )

    async def batch(method: str) -> int:
        answer = await web.http.post(
            "/api/data/v9.2/$batch",
            content=body.format(method),
            headers={"Content-Type": "multipart/mixed; boundary=b"},
        )
        return answer.status_code

    assert [await batch("GET"), await batch("POST")] == [200, 503]


@pytest.mark.parametrize(
    ("limit", "code"),
    [("requests", "0x80072322"), ("time", "0x80072321"), ("concurrency", "0x80072326")],
)
async def test_throttling_says_which_limit_and_when_to_come_back(
    web: Environment, limit: Any, code: str
) -> None:
    faults(web).add(Throttle(limit, 17))

    ours, erp = await web.get(ACCOUNTS), await web.get("/data/CustomersV3")

    assert [ours.status_code, erp.status_code] == [429, 429]
    assert ours.headers["Retry-After"] == erp.headers["Retry-After"] == "17"
    assert ours.json()["error"]["code"] == code
    assert "300 seconds" in erp.json()["error"]["message"] or limit == "concurrency"


async def test_an_expired_token_is_challenged(web: Environment) -> None:
    faults(web).add(Expired(), times=1)

    answer = await web.get(ACCOUNTS)

    assert answer.status_code == 401
    assert "authorization_uri" in answer.headers["WWW-Authenticate"]
    assert await statuses(web, 1) == [200]


@pytest.mark.parametrize("after_commit", [False, True])
async def test_a_cut_leaves_all_or_nothing_behind(web: Environment, after_commit: bool) -> None:
    faults(web).add(Cut(after_commit=after_commit), method="POST", times=1)

    with pytest.raises(httpx2.ReadError):
        await web.send("POST", "accounts", {"name": "Cut off"})

    found = await web.rows("accounts?$filter=name eq 'Cut off'")
    assert len(found) == int(after_commit)
    assert web.app.state.log[0].status == (204 if after_commit else 0)


async def test_a_virtual_wait_costs_time_and_patience(web: Environment) -> None:
    faults(web).add(Latency(4.0), times=1)
    faults(web).add(Latency(6.0), nth=2)

    assert (await web.get(ACCOUNTS)).status_code == 200
    with pytest.raises(httpx2.ReadTimeout):
        await web.get(ACCOUNTS)
    assert web.app.state.clock.now() == NOW + timedelta(seconds=10)


async def test_a_slow_body_arrives_whole(web: Environment) -> None:
    usual = (await web.get(ACCOUNTS)).json()
    faults(web).add(Slow(chunks=7, seconds=1.0))

    assert (await web.get(ACCOUNTS)).json() == usual
    assert web.app.state.clock.now() == NOW + timedelta(seconds=6)


async def test_bodies_that_lie(web: Environment) -> None:
    faults(web).add(Malformed(), times=1)
    faults(web).add(ForeignLink("https://elsewhere.example/x"), nth=2)

    broken, foreign = await web.get(ACCOUNTS), await web.get(ACCOUNTS)

    with pytest.raises(ValueError, match="Unterminated string"):
        broken.json()
    assert foreign.json()["@odata.nextLink"] == "https://elsewhere.example/x"


@pytest.mark.parametrize("action", [ErpDown(), ErpRefuses("No such site.")])
async def test_what_the_erp_does_not_take_dataverse_does_not_keep(
    web: Environment, action: AnyAction
) -> None:
    integrate(web.store)
    faults(web).add(action, set="accounts", times=1)
    faults(web).add(action, set="CustomersV3")
    body = {"customertypecode": 3, "telephone1": "555"}

    answer = await web.send("PATCH", f"accounts({guid(1)})", body)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "0x80040265"
    assert (
        "PostCommitPlugin: System.Exception: failed to process entity account" in error["message"]
    )
    assert (await web.get(f"accounts({guid(1)})")).json()["telephone1"] is None
    assert await statuses(web, 1, "/data/CustomersV3") == [503 if action == ErpDown() else 200]


async def test_the_same_script_leaves_the_same_trace(web: Environment) -> None:
    traces = []
    for seed in (7, 7, 8):
        faults(web).clear()
        faults(web).add(Fail(), probability=0.5, seed=seed)
        seen = await statuses(web, 30)
        traces.append((seen, faults(web).trace_hash))

    assert traces[0] == traces[1] != traces[2]
    assert set(traces[0][0]) == {200, 503}


async def test_requests_run_out_and_come_back_with_time(web: Environment) -> None:
    faults(web).protect(Limits(requests=3))

    assert await statuses(web, 4) == [200, 200, 200, 429]
    answer = await web.get(ACCOUNTS)
    assert answer.json()["error"]["code"] == "0x80072322"
    assert answer.headers["Retry-After"] == "300"
    assert answer.headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "0"
    web.app.state.clock.advance(seconds=300)
    assert await statuses(web, 1) == [200]


async def test_execution_time_runs_out(web: Environment) -> None:
    faults(web).protect(Limits(seconds=10))
    faults(web).add(Latency(4.5), times=3)

    assert await statuses(web, 4) == [200, 200, 200, 429]
    assert (await web.get(ACCOUNTS)).json()["error"]["code"] == "0x80072321"


async def test_only_so_many_at_once() -> None:
    async with environment(shop) as web:
        faults(web).protect(Limits(concurrent=2))
        faults(web).add(Latency(0.05))
        seen: list[int] = []

        async def ask() -> None:
            seen.append((await web.get(ACCOUNTS)).status_code)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask)

    assert sorted(seen) == [200, 200, 429]


async def test_users_do_not_use_up_each_others_limits(web: Environment) -> None:
    faults(web).protect(Limits(requests=1))
    me = (await web.get("WhoAmI")).json()["UserId"]

    assert await statuses(web, 1) == [429]
    assert (await web.get(ACCOUNTS, MSCRMCallerID=me)).status_code == 200
    assert await statuses(web, 1, "/data/CustomersV3") == [200]


async def test_a_running_emulator_is_told_its_faults(web: Environment) -> None:
    rule = {"action": {"type": "fail", "status": 500}, "set": "accounts", "times": 1}
    answer = await web.http.post("/emulator/faults", json={"rules": [rule], "protection": True})

    assert answer.json()["protection"]["requests"] == 6000
    assert await statuses(web, 2) == [500, 200]
    listed = (await web.http.get("/emulator/faults")).json()
    assert [(each["seen"], each["fired"]) for each in listed["rules"]] == [(2, 1)]
    assert (await web.http.delete("/emulator/faults")).json()["rules"] == []
    wrong = await web.http.post("/emulator/faults", json={"rules": [{"action": {"type": "x"}}]})
    assert wrong.status_code == 400


async def test_strangers_steer_nothing(web: Environment) -> None:
    bare = {"Authorization": ""}
    local = "http://127.0.0.1/emulator/faults"

    assert (await web.http.get("/emulator/faults", headers=bare)).status_code == 401
    assert (await web.http.get(local, headers=bare)).status_code == 200
    page = bare | {"Origin": "https://elsewhere.example"}
    assert (await web.http.get(local, headers=page)).status_code == 401


async def test_over_sockets_a_cut_closes_the_connection(web: Environment) -> None:
    faults(web).add(Cut(), times=1)
    server = Listening(uvicorn.Config(over_sockets(web.app), port=0, log_level="error"))
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve)
        await server.ready.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx2.AsyncClient(headers={"Authorization": TOKEN}) as http:
            url = f"http://127.0.0.1:{port}/api/data/v9.2/{ACCOUNTS}"
            with pytest.raises(httpx2.TransportError):
                await http.get(url)
            answer = await http.get(url)
        server.should_exit = True

    assert answer.status_code == 200
