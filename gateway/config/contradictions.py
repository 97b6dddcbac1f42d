"""Settings that stand in each other's way, each by its variable and what to do about it."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Final

from front.stopping import too_short
from gateway.config.settings import PREFIX, Settings
from variables.web_addresses import is_loopback, is_own, split

BELOW: Final = (
    ("connect_timeout", "deadline", "nothing could be asked in time"),
    ("read_timeout", "deadline", "what answers that late would be of no use"),
    ("write_timeout", "mutation_deadline", "no write would be sent again in time"),
    ("mutation_deadline", "write_limit", "a write would be given up before its caller is answered"),
    ("slow", "mutation_deadline", "no request lasts that long"),
)
"""Times of which the first must be below the second, or else."""


def contradicting_numbers(parsed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The variables whose numbers contradict others, and the remedy."""
    for shorter, longer, otherwise in BELOW:
        short, long = parsed.get(shorter), parsed.get(longer)
        if short is not None and long is not None and short >= long:
            yield (
                _name(shorter),
                f"must be below {_name(longer)} ({parsed[longer]:g}): {otherwise}",
            )
    if _exceeds(parsed, "deadline", parsed.get("mutation_deadline")):
        least = f"must be {_name('deadline')} ({parsed['deadline']:g}) at least"
        yield _name("mutation_deadline"), f"{least}: reads before a write have that long"
    if wrong := too_short(parsed.get("linger"), parsed.get("stop_within"), _name("linger")):
        yield _name("stop_within"), wrong
    if _exceeds(parsed, "workers", parsed.get("upstream_concurrency")):
        most = f"must be {_name('upstream_concurrency')} ({parsed['upstream_concurrency']})"
        yield _name("workers"), f"{most} at most: they share these calls"
    if _exceeds(parsed, "live_streams_of_caller", parsed.get("live_streams")):
        most = f"must be {_name('live_streams')} ({parsed['live_streams']})"
        yield (
            _name("live_streams_of_caller"),
            f"{most} at most: all callers share these",
        )


def same_addresses(parsed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The variables that have the address of another one, and the remedy; loopback may be both."""
    hosts = {
        each: split(parsed[each]).hostname
        for each in ("dataverse_url", "finops_url", "issuer")
        if parsed.get(each) and not is_loopback(split(parsed[each]).hostname)
    }
    for one, other in combinations(hosts, 2):
        if hosts[one] == hosts[other]:
            yield (
                _name(other),
                f"is on the host of {_name(one)}: they are two; name each by its own",
            )


def own_address(settings: Settings, port: int) -> str | None:
    """The variable whose address is that of the gateway, on this port, and the remedy."""
    for field in ("dataverse_url", "finops_url", "token_url", "issuer"):
        if is_own(getattr(settings, field) or "", port):
            remedy = "give one of them another port"
            return f"{_name(field)}: is the gateway itself ({_name('port')} {port}); {remedy}"
    return None


def _exceeds(parsed: Mapping[str, Any], field: str, most: Any) -> bool:
    """True if both are known, and the first is above the second."""
    return field in parsed and most is not None and parsed[field] > most


def _name(field: str) -> str:
    return PREFIX + field.upper()
