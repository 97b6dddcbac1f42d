"""The clock of a machine steps beneath a running gateway: nothing needs an operator."""

from pathlib import Path

import pytest

from tests.gateway.proofs.test_misfortunes import asked, client, well_again
from tests.replicas import site

pytestmark = pytest.mark.anyio

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
"""The one of Debian's package `faketime`, which `scripts/install --browser` installs."""
SMALL = ("+40s", "-40s")
"""Within the leeway of tokens."""
LARGE = ("+2h", "-2h", "+30d", "-30d")


@pytest.mark.skipif(LIBRARY is None, reason="faketime is not installed")
async def test_a_clock_that_steps_refuses_tokens_at_most_and_nothing_stays_wrong(
    tmp_path: Path,
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0s")
    variables = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    async with site() as found, client() as http:
        replica, jane = await found.start(**variables), await found.token("jane")
        met = {}
        for step in (*SMALL, *LARGE):
            clock.write_text(step)
            tokens = [jane, await found.token("sam")]
            met[step] = {await asked(http, replica.url, each) for each in tokens}
            ready = await http.get(f"{replica.url}/readyz")
            assert ready.status_code == 200
        clock.write_text("+0s")
        again = await well_again(http, replica.url, jane)

    assert all(met[step] == {"ok"} for step in SMALL)
    assert all(met[step] <= {"ok", "UNAUTHENTICATED"} for step in LARGE)
    assert set(again) == {"ok"}
