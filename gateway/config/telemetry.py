"""
The variables of OpenTelemetry's SDK -> a line for each mistake in them.

The SDK reads them itself, and goes on with a default where one is wrong: spans would be lost, or
all be taken, and nobody would see why.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

ENDPOINTS: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOLS: Final = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
PROTOCOL: Final = "http/protobuf"
PATH: Final = "/v1/traces"
GRPC: Final = 4317
PAIRS: Final = (
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_RESOURCE_ATTRIBUTES",
)
"""Variables of names with values."""
NUMBERS: Final = (
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
)
NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
FILES: Final = tuple(
    f"OTEL_EXPORTER_OTLP_{of}{what}"
    for of in ("", "TRACES_")
    for what in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
)
SAMPLER: Final = "OTEL_TRACES_SAMPLER"
SHARE: Final = "OTEL_TRACES_SAMPLER_ARG"
SAMPLERS: Final[Mapping[str, float | None]] = {
    "always_on": 1.0,
    "always_off": 0.0,
    "traceidratio": None,
    "parentbased_always_on": 1.0,
    "parentbased_always_off": 0.0,
    "parentbased_traceidratio": None,
}
"""The share of the requests whose traces are sampled; None where another variable has it."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The requests whose traces are sampled."""

    share: float = 1.0
    heeds_callers: bool = True
    """True if a caller's own trace decides, where it has one."""


def sampling_of(environ: Mapping[str, str]) -> Sampling:
    """The sampling of variables without mistakes."""
    name = environ.get(SAMPLER) or "parentbased_always_on"
    share = SAMPLERS[name]
    if share is None:
        share = float(environ.get(SHARE) or 1)
    return Sampling(share, heeds_callers=name.startswith("parentbased"))


def disabled(environ: Mapping[str, str]) -> bool:
    """True if there are to be no spans, whatever else is set."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def mistakes(environ: Mapping[str, str]) -> Iterator[str]:
    """The mistakes in where spans go, how, and how many."""
    for name in ENDPOINTS:
        if problem := _of_endpoint(environ.get(name, ""), whole=name == ENDPOINTS[0]):
            yield f"{name}: {problem}"
    for name in PROTOCOLS:
        if environ.get(name, PROTOCOL) not in ("", PROTOCOL):
            yield f"{name}: must be {PROTOCOL}, which collectors take on port 4318"
    yield from _of_sampling(environ)
    yield from _of_forms(environ)


def _of_forms(environ: Mapping[str, str]) -> Iterator[str]:
    """The values that are no list of pairs, no number or no file, where one is needed."""
    for name in PAIRS:
        if not all("=" in each for each in environ.get(name, "").split(",") if each.strip()):
            yield f"{name}: must be name=value,name=value, with other signs as in addresses (%20)"
    for name in NUMBERS:
        if environ.get(name, "1").strip() and not NUMBER.fullmatch(environ.get(name, "1").strip()):
            yield f"{name}: must be a whole number above zero; delays are milliseconds"
    for name in FILES:
        if environ.get(name) and not Path(environ[name]).is_file():
            yield f"{name}: must be a file that exists"


def _of_endpoint(text: str, *, whole: bool) -> str | None:
    """The mistake in an address of spans, or else in the `whole` one, which is taken as it is."""
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if not text:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "must be an address such as http://collector:4318"
    if port == GRPC:
        return f"{GRPC} is the port of gRPC; name that of {PROTOCOL}, which is 4318"
    if whole and parts.path in ("", "/"):
        return f"is taken as it is; name its path too, as in http://collector:4318{PATH}"
    if not whole and parts.path.rstrip("/").endswith(PATH):
        return f"must be without {PATH}, which is added to it"
    return None


def _of_sampling(environ: Mapping[str, str]) -> Iterator[str]:
    sampler, share = environ.get(SAMPLER, ""), environ.get(SHARE, "")
    if sampler and sampler not in SAMPLERS:
        yield f"{SAMPLER}: must be one of {', '.join(SAMPLERS)}"
    elif share and SAMPLERS.get(sampler, 1.0) is not None:
        by_share = [name for name, fixed in SAMPLERS.items() if fixed is None]
        yield f"{SHARE}: of no use unless {SAMPLER} is {' or '.join(by_share)}"
    elif share and not _is_share(share):
        yield f"{SHARE}: must be a number from 0 to 1"


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False
