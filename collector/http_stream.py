"""A response that is produced while it is sent, with a limit on how long a slow reader may block it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

STALL_LIMIT_S: Final = 60.0
"""What is sent holds a snapshot of the database; whoever does not read for this long is cut off."""


class Stream(Response):
    """Sends chunks as they come, each made in a worker thread; whatever goes wrong, their maker is closed."""

    media_type = "application/vnd.apache.arrow.stream"

    def __init__(self, first: bytes, rest: Iterator[bytes], request: Request) -> None:
        self._first = first
        self._rest = cast("Generator[bytes]", rest)
        self._request = request
        super().__init__()
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send; a failure on the way ends the connection without an end of the body, which a reader notices."""
        del scope, receive
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            chunk: bytes | None = self._first
            while chunk is not None and not await self._request.is_disconnected():
                async with asyncio.timeout(STALL_LIMIT_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await asyncio.to_thread(next, self._rest, None)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await asyncio.to_thread(self._rest.close)
