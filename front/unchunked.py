"""
Answers of unknown length for clients of HTTP/1.0, which know no chunks: the end of the connection
is the end of the answer.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class UnchunkedCycle(RequestResponseCycle):
    """One request and its answer, which is in chunks for those alone who can read them."""

    _has_length = True

    async def send(self, message: Any) -> None:
        if self.scope.get("http_version") == "1.0":
            self._do_without_chunks(message)
        await super().send(message)

    def _do_without_chunks(self, message: Any) -> None:
        if not self.response_started:
            names = {name.lower() for name, _ in message.get("headers", ())}
            if names.isdisjoint({b"content-length", b"transfer-encoding"}):
                self.chunked_encoding = self._has_length = False
        elif not self._has_length:
            # uvicorn counts what is left of a length that was told.
            self.expected_content_length = len(message.get("body", b""))
