"""
Builds sdist and wheel, installs the wheel into an empty environment, and tries it as an adopter.

`python -m tests.wheel [VERSION...]` from the root of the repository; `scripts/wheel` does it, with
`all` for every Python of `SUPPORTED` that the machine has. The commands run in an empty folder,
with a home of their own, and must leave the installation as it was. Exit 1 where something failed.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from click import echo

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
LOCK = ROOT / "requirements.lock"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
SUPPORTED = ("3.11", "3.12", "3.13")
SECONDS = 240
"""Of patience with a machine that does other things too."""
PORTAL = {
    "PORTAL_GATEWAY_URL": "http://127.0.0.1:9",
    "PORTAL_ISSUER": "http://127.0.0.1:9/issuer",
    "PORTAL_CLIENT_ID": "portal",
    "PORTAL_CLIENT_SECRET": "hush-hush",
    "PORTAL_PUBLIC_URL": "http://127.0.0.1:8",
}
ASSETS = ("/", "/assets/htmx.js", "/assets/portal.css", "/assets/inter-latin.woff2")


@dataclass(frozen=True, slots=True)
class Adopter:
    """A folder with the wheel in `venv`, an empty folder to work in, and a home elsewhere."""

    folder: Path
    home: Path
    """The demo keeps its world there: another Python need not generate it again."""

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def site(self) -> Path:
        (found,) = self.folder.glob("venv/lib/python3.*/site-packages")
        return found

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{self.folder / 'venv' / 'bin'}:/usr/bin:/bin"
        return {"PATH": path, "HOME": str(self.home), **more}

    def run(self, command: str, *arguments: str) -> str:
        """The output of a command; AssertionError with its words where it fails."""
        done = subprocess.run(
            [self.folder / "venv" / "bin" / command, *arguments],
            cwd=self.work,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, address: str, command: str, *arguments: str, **env: str) -> Iterator[None]:
        """A server, once `address` answers; it must end with exit code 0 on Ctrl-C."""
        program: list[str | Path] = [self.folder / "venv" / "bin" / command, *arguments]
        log = self.folder / f"{command}.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                program, cwd=self.work, env=self.environment(**env), stdout=output, stderr=output
            )
            try:
                wait_for(address, server, log)
                yield
                server.send_signal(signal.SIGINT)
                assert server.wait(SECONDS) == 0, log.read_text()
            finally:
                server.kill()
                server.wait()


def wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up = time.monotonic() + SECONDS
    while server.poll() is None and time.monotonic() < give_up:
        try:
            httpx2.get(address, trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def schema_is_that_of_the_wheel(adopter: Adopter) -> None:
    adopter.run("gateway", "schema", "--check")


def schema_of_an_extension_is_printed_and_checked(adopter: Adopter) -> None:
    printed = adopter.run("gateway", "schema", "--extension", "acme")
    (adopter.work / "acme.graphql").write_text(printed)

    assert "type Machine" in printed
    adopter.run("gateway", "schema", "--extension", "acme", "--check", "acme.graphql")


def extension_passes_mypy_strict(adopter: Adopter) -> None:
    adopter.run("mypy", "--strict", "--no-incremental", "--cache-dir", os.devnull, "acme.py")


def demo_serves_graphql_graphiql_and_portal(adopter: Adopter) -> None:
    port = free_port(1)
    base = f"http://127.0.0.1:{port}"
    with adopter.running(f"{base}/livez", "gateway", "demo", "--port", str(port)):
        token = adopter.run("gateway", "token", "jane", "--port", str(port)).strip()
        asked = httpx2.post(
            f"{base}/graphql",
            json={"query": "{ orders(first: 1) { nodes { number } } }"},
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert asked.json()["data"]["orders"]["nodes"], asked.text
        for path in ("/graphiql", "/graphiql/graphiql.js", *ASSETS):
            found = httpx2.get(base + path, trust_env=False, follow_redirects=False)
            assert found.status_code in (200, 303), f"{path}: {found.status_code}"


def portal_serves_its_assets(adopter: Adopter) -> None:
    port = free_port(1)
    base = f"http://127.0.0.1:{port}"
    with adopter.running(base, "portal", "serve", PORTAL_PORT=str(port), **PORTAL):
        for path in ASSETS[1:]:
            assert httpx2.get(base + path, trust_env=False).status_code == 200, path


CHECKS: tuple[Callable[[Adopter], None], ...] = (
    schema_is_that_of_the_wheel,
    schema_of_an_extension_is_printed_and_checked,
    extension_passes_mypy_strict,
    demo_serves_graphql_graphiql_and_portal,
    portal_serves_its_assets,
)


def build(folder: Path) -> Path:
    """The wheel, made of the sdist, which must hold all that the wheel needs."""
    tools = ["--python", sys.executable, "--no-build-isolation", "--quiet"]
    subprocess.run([UV, "build", *tools, "--out-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def refuses_without_assets(folder: Path) -> bool:
    """True if a build of the sdist fails, by a sentence, once an asset is missing."""
    (packed,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(packed, folder, filter="data")
    (tree,) = folder.glob("dynamics_gateway-*/")
    (tree / "portal" / "web" / "dist" / "htmx.js").unlink()
    tools = ["--python", sys.executable, "--no-build-isolation", "--wheel"]
    tried = subprocess.run([UV, "build", *tools, tree], capture_output=True, text=True)
    return tried.returncode != 0 and "portal/web/dist/htmx.js not built" in tried.stderr


def install(wheel: Path, python: Path, folder: Path) -> Adopter:
    """An environment of this Python with the wheel, its dependencies as they are locked, mypy."""
    venv, home = folder / "venv", wheel.parent / "home"
    subprocess.run([python, "-m", "venv", "--without-pip", venv], check=True)
    wanted = [f"{wheel}[demo]", "mypy"]
    into: list[str | Path] = ["--quiet", "--python", venv / "bin" / "python", "--constraint", LOCK]
    subprocess.run([UV, "pip", "install", *into, *wanted], check=True)
    adopter = Adopter(folder, home)
    adopter.work.mkdir()
    home.mkdir(exist_ok=True)
    shutil.copy(ROOT / "examples" / "acme.py", adopter.work)
    return adopter


def interpreters(versions: list[str]) -> dict[str, Path]:
    """Pythons by their versions; SystemExit for one that was asked for and is not there."""
    wanted = SUPPORTED if versions == ["all"] else versions or [HERE]
    found = {version: next(pythons(version), None) for version in wanted}
    missing = [version for version, python in found.items() if python is None]
    if missing and versions != ["all"]:
        sys.exit(f"Python {', '.join(missing)} is not on this machine")
    for version in missing:
        echo(f"{version}: not tried, as it is not on this machine")
    return {version: python for version, python in found.items() if python is not None}


def pythons(version: str) -> Iterator[Path]:
    """Interpreters of this version: our own, those on the path, those that pyenv keeps."""
    if version == HERE:
        yield Path(sys.executable)
    candidates = [shutil.which(f"python{version}")]
    root = os.environ.get("PYENV_ROOT")
    candidates += map(str, Path(root).glob(f"versions/{version}.*/bin/python")) if root else []
    for candidate in filter(None, candidates):
        if not subprocess.run([candidate, "-c", ""], capture_output=True).returncode:
            yield Path(candidate)


def listing(folder: Path) -> set[Path]:
    """Files and folders, but for the bytecode that Python itself leaves."""
    found = (path.relative_to(folder) for path in folder.rglob("*"))
    return {path for path in found if "__pycache__" not in path.parts}


def tried(wheel: Path, version: str, python: Path) -> Iterator[bool]:
    """For each check, whether it passed."""
    with tempfile.TemporaryDirectory() as folder:
        adopter = install(wheel, python, Path(folder))
        before = listing(adopter.site)
        for check in (*CHECKS, None):
            begun, name = time.monotonic(), check.__name__ if check else "nothing_is_left_behind"
            try:
                if check:
                    check(adopter)
                else:
                    assert listing(adopter.site) == before
                    assert {str(each) for each in listing(adopter.work)} <= LEFT
            except (AssertionError, httpx2.HTTPError, subprocess.SubprocessError) as error:
                echo(f"{version} {name}: FAILED\n{error}")
                yield False
            else:
                echo(f"{version} {name}: {time.monotonic() - begun:.1f} s")
                yield True


LEFT = {"acme.py", "acme.graphql"}
"""The files that the checks themselves put into the empty folder."""


def main(versions: list[str]) -> int:
    found = interpreters(versions)
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        echo(f"{wheel.name}: {wheel.stat().st_size:,} bytes")
        outcomes = [refuses_without_assets(Path(folder))]
        echo(f"a build without assets: {'refused' if outcomes[0] else 'FAILED'}")
        outcomes += [each for python in found.items() for each in tried(wheel, *python)]
    echo(f"{sum(outcomes)} passed, {len(outcomes) - sum(outcomes)} failed")
    return int(not all(outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
