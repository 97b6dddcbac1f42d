"""
A request -> the ids that it passes on where its trace is not sampled, without a span for them.

The SDK takes 8 us to make a span that nobody gets, a twelfth of a small query. So the settings'
sampling is done here. A request that is sampled goes through the SDK, by the same id.
"""

from contextvars import ContextVar
from random import getrandbits
from typing import Final

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from gateway.config.telemetry import Sampling

LEFT_OUT: Final[ContextVar[str]] = ContextVar("left_out", default="")
"""
The `traceparent` of a request whose trace is not sampled. There are no spans below it: making
what nobody gets would cost a small query a third of its time.
"""
HALF: Final = 2**64
"""The number of values of the half of a trace's id that decides, as it does in the SDK."""


class TraceIds(RandomIdGenerator):
    """Random ids; that of the next trace can be chosen."""

    chosen = 0

    def generate_trace_id(self) -> int:
        """The id of a new trace."""
        chosen, self.chosen = self.chosen, 0
        return chosen or super().generate_trace_id()


class Unsampled(NonRecordingSpan):
    """The span of whichever request is not sampled, for spans of others: these are left out too."""

    def get_span_context(self) -> SpanContext:
        """The ids that the request which runs passes on."""
        _, trace, span, flags = LEFT_OUT.get().split("-")
        return SpanContext(int(trace, 16), int(span, 16), False, TraceFlags(int(flags, 16)))


SPAN: Final = Unsampled(INVALID_SPAN_CONTEXT)
ALONE: Final = set_span_in_context(SPAN, Context())
"""The context of a request that is not sampled, where nothing else is in one."""


class SamplingChoice:
    """The sampling of the settings."""

    def __init__(self, sampling: Sampling, ids: TraceIds) -> None:
        """`ids`: those that the SDK takes."""
        self._ids, self._heeds_callers = ids, sampling.heeds_callers
        self._bound = round(sampling.share * HALF)

    def left_out(self, above: Context | None, begun: str = "") -> str:
        """
        The `traceparent` of a request that is not sampled, below the span of `above`, or else the
        current one. Nothing for one that is: its span is made next.

        `begun`: 32 random hexadecimal digits, the id of the trace that begins where there is none.
        """
        if above is None and not get_current():  # the usual case, without the SDK
            return self._begun(begun)
        parent = get_current_span(above).get_span_context()
        if not parent.is_valid:
            return self._begun(begun)
        trace, flags = parent.trace_id, parent.trace_flags
        if flags.sampled if self._heeds_callers else trace % HALF < self._bound:
            return ""
        random = int(flags & TraceFlags.RANDOM_TRACE_ID)
        return f"00-{trace:032x}-{getrandbits(64):016x}-{random:02x}"

    def _begun(self, trace: str) -> str:
        """The same of a new trace."""
        trace = trace or f"{getrandbits(128):032x}"
        if int(trace[16:], 16) < self._bound:
            self._ids.chosen = int(trace, 16)
            return ""
        return f"00-{trace}-{trace[:16]}-02"
