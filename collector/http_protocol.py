"""HTTP connections that cannot be held open forever: limits on a request's head, its time and size, and on connections.

uvicorn bounds what a request's body may hold in memory and how long an idle connection is kept after an answer. What it
leaves open is here: a client that connects and says nothing, sends a head without end, keeps sending a body that nobody
reads any more, or does not take its answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 100
_LINGER_S: Final = 10.0
"""How long a sender whose request is answered already may go on sending it, so that it gets to read the answer."""
_TOO_LARGE: Final = (b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Seconds for a head to arrive and for an answer to be taken, and the number of connections."""

    head_s: float
    answer_s: float
    connections: int


class GuardedProtocol(HttpToolsProtocol):
    """One connection; the limits are set on a subclass made by `guarded`, since uvicorn makes the instances."""

    limits: ConnectionLimits

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        """Take the connection, or close it at once where there are far too many."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self.limits.connections:
            transport.abort()
            return
        self._expire_in(self.limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines with the connection."""
        self._expire_in(None)
        if self._writing is not None:
            self._writing.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that goes on past the limit ends the connection."""
        if self._in_head and self._deadline is None:
            self._expire_in(self.limits.head_s)
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, within the limits of one head."""
        super().on_header(name, value)
        size = sum(len(name) + len(value) for name, value in self.headers)
        if len(self.headers) > MAX_HEADERS or size + len(self.url) > MAX_HEAD_BYTES:
            self._refuse_head()
            raise ValueError("the head of the request is too large")

    def on_headers_complete(self) -> None:
        """Serve the request; its body has limits of its own."""
        self._in_head, self._head_bytes = False, 0
        self._expire_in(None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the head of another request."""
        self._in_head = True
        self._expire_in(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Let the sender finish what it is sending, for a while."""
        super().on_response_complete()
        if not self._in_head:
            self._expire_in(_LINGER_S)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless the connection has its answer."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def pause_writing(self) -> None:
        """Wait for the client to take its answer, for a while."""
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(self.limits.answer_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has taken some of its answer."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    def _refuse_head(self) -> None:
        self.transport.writelines(_TOO_LARGE)
        self.transport.close()

    def _expire_in(self, seconds: float | None) -> None:
        """Close the connection after so many seconds unless this is called again before."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


def guarded(limits: ConnectionLimits) -> type[GuardedProtocol]:
    """Return the protocol with its limits, as uvicorn wants it: a class."""
    return type("LimitedProtocol", (GuardedProtocol,), {"limits": limits})
