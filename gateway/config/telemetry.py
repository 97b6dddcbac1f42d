"""
The variables of OpenTelemetry's SDK -> a line for each mistake in them.

The SDK reads them itself, and goes on with a default where one is wrong: spans would be lost, or
all be taken, and nobody would see why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

ENDPOINTS: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOLS: Final = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
PROTOCOL: Final = "http/protobuf"
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
        parts = urlsplit(environ.get(name, ""))
        if environ.get(name) and (parts.scheme not in ("http", "https") or not parts.hostname):
            yield f"{name}: must be an address such as http://collector:4318"
    for name in PROTOCOLS:
        if environ.get(name, PROTOCOL) not in ("", PROTOCOL):
            yield f"{name}: must be {PROTOCOL}, which collectors take on port 4318"
    sampler = environ.get(SAMPLER, "")
    if sampler and sampler not in SAMPLERS:
        yield f"{SAMPLER}: must be one of {', '.join(SAMPLERS)}"
    share = environ.get(SHARE, "")
    if sampler.endswith("traceidratio") and share and not _is_share(share):
        yield f"{SHARE}: must be a number from 0 to 1"


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False
