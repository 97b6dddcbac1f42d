"""The certificates that a process trusts, read once: reading them takes 20 ms each time."""

import ssl
from functools import cache

import httpx2


@cache
def trusted() -> ssl.SSLContext:
    """A context for TLS that believes whom httpx2 believes, whatever the environment says."""
    return httpx2.create_ssl_context(trust_env=False)
