"""The address that a process is to listen on -> why it cannot, and what to do, before it starts."""

import errno
import resource
import socket
from contextlib import closing
from typing import Any, Final

REASONS: Final = {
    errno.EADDRINUSE: ("PORT", "is taken: end the process that listens there, or name another"),
    errno.EACCES: ("PORT", "is for root alone, as those below 1024 are: name another"),
    errno.EADDRNOTAVAIL: ("HOST", "is no address of this machine; 0.0.0.0 is all of them"),
}

LEAST_FILES: Final = 512
"""Open files that a process must be allowed: half of them are for other things than clients."""


def mistake(prefix: str, host: str, port: int) -> str | None:
    """
    The variable that is wrong, and the remedy; None where the port can be had now. The names of
    variables begin with `prefix`.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < LEAST_FILES:
        return (
            f"open files: {files} are allowed, which leaves few or no connections; allow 1024 or "
            "more (ulimit -n, LimitNOFILE)"
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            _try(socket.socket(family, kind, protocol), address)
    except socket.gaierror:
        return f"{prefix}HOST: {host} is unknown here; name an address of this machine"
    except OSError as error:
        variable, why = REASONS.get(error.errno or 0, ("PORT", f"cannot be had: {error.strerror}"))
        return f"{prefix}{variable}: {port if variable == 'PORT' else host} {why}"
    return None


def _try(listening: socket.socket, address: Any) -> None:
    """OSError where nobody can listen there. A server that takes over sets the same option."""
    with closing(listening):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listening.family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
