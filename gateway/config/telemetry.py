"""
The variables of OpenTelemetry's SDK -> a line for each mistake in them.

The SDK reads them itself, and goes on with a default where one is wrong: spans would be lost, or
all be taken, and nobody would see why.
"""

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

ENDPOINTS: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOLS: Final = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
PROTOCOL: Final = "http/protobuf"
SAMPLER: Final = "OTEL_TRACES_SAMPLER"
SAMPLERS: Final = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)


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
    share = environ.get(f"{SAMPLER}_ARG", "")
    if sampler.endswith("traceidratio") and share and not _is_share(share):
        yield f"{SAMPLER}_ARG: must be a number from 0 to 1"


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False
