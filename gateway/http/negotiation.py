"""The `Accept` and `Content-Type` headers, read by the rules of GraphQL over HTTP for JSON."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

JSON: Final = "application/json"
RESPONSE: Final = "application/graphql-response+json"
EVENTS: Final = "text/event-stream"
LINES: Final = "application/jsonl"


REMEMBERED: Final = 256
"""Headers whose meaning is remembered: the same few clients send the same few over and over."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """One media type or range with its parameters; `*/*` is less specific than `application/*`."""

    name: str
    charset: str
    quality: float

    @property
    def readable(self) -> bool:
        return self.charset in {"utf-8", "utf8"}

    @property
    def specificity(self) -> int:
        return 2 - self.name.count("*")

    def covers(self, name: str) -> bool:
        return self.name in {name, "application/*", "*/*"}


@lru_cache(REMEMBERED)
def content_type(header: str | None) -> MediaType | None:
    return _media_type(header) if header else None


@lru_cache(REMEMBERED)
def negotiate(accept: str | None) -> str | None:
    """
    The media type of the answer, or None where the caller takes neither of the two, or rather a
    stream.

    Without the header the draft asks for `application/graphql-response+json`. A bare wildcard says
    nothing about knowing that type, so it gets `application/json`, as the audit suite demands.
    """
    if accept is None or not accept.strip():
        return RESPONSE
    ranges = [_media_type(each) for each in accept.split(",") if each.strip()]
    ranked = [rank for name in (RESPONSE, JSON) if (rank := _rank(name, ranges))]
    if not ranked or max(ranked)[0] < max(_quality_of(LINES, accept), _quality_of(EVENTS, accept)):
        return None
    return max(ranked)[-1]


@lru_cache(REMEMBERED)
def stream_of(accept: str | None) -> str | None:
    """The media type of the stream that the caller names and wants most; None without one."""
    wanted = max((LINES, EVENTS), key=lambda name: _quality_of(name, accept))
    return wanted if _quality_of(wanted, accept) else None


@lru_cache(REMEMBERED)
def takes_events(accept: str | None) -> bool:
    """True if the caller names the media type of streams; a wildcard does not ask for one."""
    return _quality_of(EVENTS, accept) > 0


def _quality_of(stream: str, accept: str | None) -> float:
    """The quality of the media type of a stream; 0 where the caller does not name it."""
    ranges = [_media_type(each) for each in (accept or "").split(",")]
    return max(
        (each.quality for each in ranges if each.name == stream and each.readable), default=0
    )


def _rank(name: str, ranges: list[MediaType]) -> tuple[float, int, bool, str] | None:
    matches = [each for each in ranges if each.readable and each.covers(name)]
    best = max(matches, key=lambda each: each.specificity, default=None)
    if best is None or best.quality == 0:
        return None
    preferred = RESPONSE if best.name == name else JSON
    return (best.quality, best.specificity, name == preferred, name)


def _media_type(text: str) -> MediaType:
    name, *rest = text.lower().split(";")
    parameters = dict(_parameter(each) for each in rest)
    return MediaType(name.strip(), parameters.get("charset", "utf-8"), _quality(parameters))


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')


def _quality(parameters: dict[str, str]) -> float:
    try:
        return min(max(float(parameters.get("q", "1")), 0.0), 1.0)
    except ValueError:
        return 0.0
