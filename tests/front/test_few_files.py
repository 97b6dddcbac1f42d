"""Limits of the process that leave no room for clients are named before anything is served."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.test_doctor import serving
from tests.gateway.test_surroundings import variables
from tests.portal.test_wrong_settings import RIGHT
from tests.ports import free_port

PROGRAMS = Path(sys.executable).parent


@pytest.mark.parametrize("program", ["gateway", "portal"])
def test_a_process_that_may_open_few_files_is_told_so(program: str) -> None:
    with serving() as usual:
        given = RIGHT if program == "portal" else variables(usual)
        given = given | {f"{program.upper()}_PORT": str(free_port())}
        command = ["sh", "-c", 'ulimit -n 64 && exec "$0" serve', str(PROGRAMS / program)]

        told = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120)

    assert told.returncode == 2
    assert "open files: 64 are allowed" in told.stderr
    assert "ulimit -n, LimitNOFILE" in told.stderr
