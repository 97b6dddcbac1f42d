"""The refusals that faults, service protection and the dual-write plug-in answer with."""

from typing import Final, Literal

from emulator.errors import Refusal

Limit = Literal["requests", "time", "concurrency"]

WINDOW: Final = 300
CODES: Final[dict[Limit, str]] = {
    "requests": "0x80072322",
    "time": "0x80072321",
    "concurrency": "0x80072326",
}
DATAVERSE_TEXTS: Final[dict[Limit, str]] = {
    "requests": "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
    "time": "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds"
    " over time window of 300 seconds. Decrease number of concurrent requests or reduce the"
    " duration of requests and try again later.",
    "concurrency": "Number of concurrent requests exceeded the limit of 52.",
}
# Spelled as F&O spells it.
FINOPS_TEXTS: Final[dict[Limit, str]] = {
    "requests": "Number of requests exeeded the limit of 6000 over the time window of 300 seconds.",
    "time": "Combined execution time of incoming requests exceeded limit of 1200 seconds over the"
    " time window of 300 seconds. Decrease number of concurrent requests or reduce the duration of"
    " requests and try again later.",
    "concurrency": "Number of concurrent requests exceeded the limit of 52.",
}
PLUGIN: Final = "Microsoft.Dynamics.Integrator.DualWriteRuntime.Plugins.PostCommitPlugin"


class Throttled(Refusal):
    """One of the service protection limits is used up."""

    status = 429

    def __init__(self, limit: Limit, retry_after: int, *, erp: bool) -> None:
        texts = FINOPS_TEXTS if erp else DATAVERSE_TEXTS
        super().__init__(texts[limit], code=CODES[limit])
        self.headers["Retry-After"] = str(retry_after)


class Unavailable(Refusal):
    """The service fails by itself."""

    code = "0x80040216"

    def __init__(self, status: int, retry_after: int | None = None) -> None:
        super().__init__("An unexpected error occurred.", status=status)
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


class PluginFailed(Refusal):
    """Dual-write's plug-in could not carry a write to the other side, so nothing was written.

    That a Web API caller gets 400 with this code is how plug-ins fail in general; for dual-write's
    own it is unverified.
    """

    code = "0x80040265"

    def __init__(self, entity: str, reason: str) -> None:
        super().__init__(
            "An unexpected error occurred from ISV code. (ErrorType = ClientError) Unexpected"
            f" exception from plug-in (Execute): {PLUGIN}: System.Exception: failed to process"
            f" entity {entity} - ({reason})"
        )
