"""The files of `deploy/`: what they name is there, and what they promise they hold."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from starlette.applications import Starlette

from emulator.entra import SERVICE_SECRET
from gateway.config import environment
from gateway.config.settings import VARIABLES
from portal import settings
from tests.stack import running

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
RULES = (DEPLOY / "rules.yml").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
DEPLOYMENT = (DEPLOY / "chart" / "templates" / "deployment.yaml").read_text()
UNIT = (DEPLOY / "gateway.service").read_text()
UNPACKED = ROOT / ".cache" / "caddy" / "usr" / "bin" / "caddy"
CADDY = shutil.which("caddy") or (str(UNPACKED) if UNPACKED.exists() else None)
"""Debian's, which `scripts/install --browser` unpacks where there is none."""
INSTALLED = ROOT / ".cache" / "promtool" / "usr" / "bin" / "promtool"
"""The one that `scripts/install --browser` takes from Debian's package."""
PROMTOOL = str(INSTALLED) if INSTALLED.exists() else shutil.which("promtool")

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_in_the_runbook_and_leads_there(alert: str) -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)

    assert alert in headings
    assert f"docs/runbook.md#{alert.lower()}" in RULES
    assert len(headings) == len(ALERTS)


@pytest.mark.parametrize("name", ["rules.yml", "board.json"])
async def test_rules_and_board_read_what_the_gateway_measures(
    name: str, small_world: Starlette
) -> None:
    async with running(small_world, metrics=True) as stack:
        await stack.ask("{ orders(first: 1) { nodes { number } } }")
        shown = (await stack.gateway.get("/metrics")).text
    told = set(re.findall(r"^# TYPE (\w+)", shown, re.MULTILINE))

    used = set(re.findall(r"\b(?:gateway|process)_[a-z_]+\b", (DEPLOY / name).read_text()))
    bases = {re.sub(r"_(count|bucket|sum)$", "", each) for each in used}

    assert bases
    assert bases - told == set()


def test_the_board_is_json_with_a_query_in_each_panel() -> None:
    board = json.loads((DEPLOY / "board.json").read_text())

    assert board["panels"]
    assert all(each["targets"] for each in board["panels"])


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_rules_fire_on_made_up_outages() -> None:
    assert PROMTOOL is not None
    command = [PROMTOOL, "test", "rules", "rules_test.yml"]

    tried = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True)

    assert tried.returncode == 0, tried.stdout


@pytest.mark.skipif(
    not (ROOT / ".cache" / "deploy" / "tools").exists(), reason="deploy/check was never run"
)
def test_helm_kubernetes_and_hadolint_find_nothing_wrong() -> None:
    tried = subprocess.run([DEPLOY / "check"], capture_output=True, text=True)

    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_the_settings_that_are_shipped_are_settings() -> None:
    known = {entry.name.removeprefix("GATEWAY_").lower() for entry in VARIABLES}
    shipped = tomllib.loads((DEPLOY / "gateway.toml").read_text())
    texts = "\n".join(
        file.read_text() for file in DEPLOY.rglob("*") if file.is_file() and file.suffix != ".md"
    )
    named = {
        each.removesuffix("_FILE").removeprefix("GATEWAY_").lower()
        for each in re.findall(r"\bGATEWAY_[A-Z_]*[A-Z]\b", texts)
    }

    assert set(shipped) <= known
    assert named <= known


TRIAL = (DEPLOY / "trial.yaml").read_text()


def trial(program: str) -> dict[str, str]:
    """The variables of a program in the trial."""
    found = re.findall(rf"^      ({program.upper()}_[A-Z_]+): (.+)$", TRIAL, re.MULTILINE)
    return {name: value.strip('"') for name, value in found}


@pytest.mark.parametrize("program", ["gateway", "portal"])
def test_the_settings_of_the_trial_can_be_used(program: str) -> None:
    secrets = {"gateway": SERVICE_SECRET, "portal": "portal-demo-secret"}
    variables = trial(program)
    gateway = program == "gateway"

    found = environment.load(environ=variables) if gateway else settings.load(variables)

    assert found.client_secret == secrets[program]


def test_the_trial_has_every_part_and_an_image_for_each_of_ours() -> None:
    services = re.findall(
        r"^  (\w+):$", TRIAL.split("services:")[1].split("volumes:\n  redis")[0], re.MULTILINE
    )
    images = set(re.findall(r"image: dynamics-(\w+):trial", TRIAL))

    ours = {"emulator", "one", "two", "portal", "another"}
    assert set(services) == {*ours, "place", "proxy", "redis", "collector"}
    assert images == {"emulator", "gateway", "portal"}
    assert all(f"FROM base AS {each}\n" in CONTAINERFILE for each in images)
    assert "for target in gateway portal emulator" in (DEPLOY / "build").read_text()


def test_the_portal_of_the_image_listens_where_all_look_for_it() -> None:
    image = CONTAINERFILE.split("FROM base AS portal\n")[1]
    port = re.search(r"PORTAL_PORT=(\d+)", image)

    assert port
    assert f"EXPOSE {port[1]}\n" in image
    assert f"PORTALS: 127.0.0.1:{port[1]} 127.0.0.1:8101" in TRIAL


def test_visitors_find_the_portals_behind_the_proxy_and_these_the_gateways() -> None:
    proxy = (DEPLOY / "trial.Caddyfile").read_text()
    found = trial("portal")
    public, inside = found["PORTAL_PUBLIC_URL"], found["PORTAL_GATEWAY_URL"]

    assert f"\n{public.removeprefix('https://')} {{" in proxy
    assert f"\n{inside} {{" in proxy
    assert f'"127.0.0.1:{public[-4:]}:{public[-4:]}"' in TRIAL


@pytest.mark.skipif(CADDY is None, reason="caddy is not installed")
@pytest.mark.parametrize("name", ["Caddyfile", "trial.Caddyfile"])
def test_caddy_takes_the_files_for_it(name: str) -> None:
    assert CADDY is not None
    command = [CADDY, "adapt", "--config", name, "--adapter", "caddyfile"]
    variables = {"PATH": os.environ["PATH"], "PORTALS": "127.0.0.1:8100 127.0.0.1:8101"}
    variables |= {"GATEWAYS": "127.0.0.1:8000 127.0.0.1:8002"} if "trial" in name else {}

    tried = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, env=variables)

    assert tried.returncode == 0, tried.stderr
    assert "not formatted" not in tried.stderr
    assert tried.stdout.count('"uri":"/readyz"') == tried.stdout.count('"upstreams"')


def test_images_are_made_of_the_lock_and_run_as_nobody() -> None:
    final = CONTAINERFILE.split("AS base")[1]

    assert "--require-hashes --requirement requirements.production.lock" in CONTAINERFILE
    assert "USER 65532:65532" in final
    assert "bom.cdx.json" in final
    assert "*-packages/pip*" in final


def test_supervisors_wait_longer_than_a_process_takes_to_end() -> None:
    within = next(entry.default for entry in VARIABLES if entry.field == "stop_within")
    values = (DEPLOY / "chart" / "values.yaml").read_text()
    compose = (DEPLOY / "compose.yaml").read_text()
    waits = {
        "chart": re.search(r"terminationGracePeriodSeconds: (\d+)", values),
        "compose": re.search(r"stop_grace_period: (\d+)s", compose),
        "systemd": re.search(r"TimeoutStopSec=(\d+)", UNIT),
    }

    assert all(found and int(found[1]) > within for found in waits.values())
    assert "preStop" not in DEPLOYMENT


def test_pods_that_come_and_go_share_the_calls_that_one_user_may_have() -> None:
    chart = DEPLOY / "chart" / "templates"

    assert "{{- if not .Values.autoscaling.enabled }}\n  replicas:" in DEPLOYMENT
    assert "ternary .Values.autoscaling.most" in (chart / "settings.yaml").read_text()


def test_pods_have_no_rights_and_both_probes() -> None:
    for wanted in (
        "readOnlyRootFilesystem: true",
        "runAsNonRoot: true",
        "drop: [ALL]",
        "allowPrivilegeEscalation: false",
        "automountServiceAccountToken: false",
        "enableServiceLinks: false",
        "path: /readyz",
        "path: /livez",
    ):
        assert wanted in DEPLOYMENT
    assert "/health" not in DEPLOYMENT
