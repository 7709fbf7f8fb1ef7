"""A webhook over real HTTP that answers as it is told to and remembers what it was sent."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """`answers` are the statuses of the next requests, 200 after the last; None never answers."""

    answers: list[int | None] = field(default_factory=list)
    port: int = 0
    received: queue.Queue[tuple[Mapping[str, str], dict[str, Any]]] = field(default_factory=queue.Queue)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://user:SECRET-PASSWORD@127.0.0.1:{self.port}/SECRET-PATH?key=SECRET-KEY"

    def next(self) -> dict[str, Any]:
        """Return the next message; fails the test where none comes."""
        return self.received.get(timeout=60)[1]

    def all(self) -> list[dict[str, Any]]:
        """Return every message received and not yet taken."""
        return [self.received.get_nowait()[1] for _ in range(self.received.qsize())]


@contextmanager
def receiving(*answers: int | None, port: int = 0) -> Iterator[Receiver]:
    """Yield a webhook that listens on this machine."""
    receiver = Receiver(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answers.pop(0) if receiver.answers else 200
            receiver.received.put((dict(self.headers), json.loads(body)))
            if status is None:
                receiver.closing.wait()
                return
            self.send_response(status)
            if status in {301, 302, 307}:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.closing.set()
            server.shutdown()
            thread.join()
