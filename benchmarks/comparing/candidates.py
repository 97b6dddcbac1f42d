"""The candidates that are compared: how each is started, where it is asked, and with what."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.comparing import mesh
from benchmarks.comparing.works import WORKS, Work
from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.tokens import AUDIENCE, TENANT

HERE = Path(__file__).parent
PEERS = HERE / "peers"
SCRIPTS = Path(sys.executable).parent

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The surroundings of a candidate: the stub, a credential for it, its customer, its port."""

    stub: str
    service_token: str
    account: str
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            "STUB": self.stub,
            "SERVICE_TOKEN": self.service_token,
            "ACCOUNT": self.account,
            "PORT": str(self.port),
            "NODE_ENV": "production",
        }


@dataclass(frozen=True, slots=True)
class Candidate:
    """One server. `role` is its column in the figures: ours, naive, mesh, node or limit."""

    name: str
    role: str
    command: tuple[str, ...]
    works: tuple[str, ...] = ("L", "S")
    environment: Callable[[Surroundings], Environment] = lambda around: around.environment
    queries: Mapping[str, str] = field(default_factory=dict)
    """The queries that it is asked instead of a work's own."""
    translate: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
    """Its answer in the words of the others."""

    def query(self, work: Work) -> str:
        return self.queries.get(work.name, work.query)

    def path(self, work: Work) -> str:
        return f"/{work.name}" if self.role == "limit" else "/graphql"


def _gateway(around: Surroundings) -> Environment:
    """The gateway as an operator would configure it; the issuer too is behind the stub."""
    return {
        "GATEWAY_DATAVERSE_URL": around.stub,
        "GATEWAY_FINOPS_URL": around.stub,
        "GATEWAY_TOKEN_URL": f"{around.stub}/{TENANT}/oauth2/v2.0/token",
        "GATEWAY_CLIENT_ID": SERVICE_CLIENT_ID,
        "GATEWAY_CLIENT_SECRET": SERVICE_SECRET,
        "GATEWAY_ISSUER": f"{around.stub}/issuer",
        "GATEWAY_AUDIENCE": AUDIENCE,
        "GATEWAY_PORT": str(around.port),
        "GATEWAY_LOG_LEVEL": "warning",
        # Many ask for just the same here, and each of them is to be measured.
        "GATEWAY_SHARE_READS": "off",
    }


def _python(module: str) -> tuple[str, ...]:
    return sys.executable, "-m", f"benchmarks.comparing.{module}"


def _node(name: str, *arguments: str) -> tuple[str, ...]:
    return "node", str(PEERS / f"{name}.mjs"), *arguments


OURS = Candidate(
    "ours", "ours", (str(SCRIPTS / "gateway"), "serve"), tuple(WORKS), environment=_gateway
)
LIMIT = Candidate("limit", "limit", _python("limit"))
CANDIDATES = (
    OURS,
    Candidate("naive", "naive", _python("naive")),
    Candidate(
        "mesh",
        "mesh",
        _node("mesh"),
        queries={"L": mesh.LARGE, "S": mesh.SMALL},
        translate=mesh.translated,
    ),
    Candidate("yoga", "node", _node("yoga")),
    Candidate("yoga-jit", "node", _node("yoga", "jit")),
    Candidate("mercurius-jit", "node", _node("mercurius")),
    LIMIT,
)
