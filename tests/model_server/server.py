"""The HTTP side: one thread per connection, one script for all of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tests.model_server.answers import Answer, Response, openai_prompt, whole
from tests.model_server.anthropic_messages import messages, prompt_blocks
from tests.model_server.openai_chat import chat, embeddings
from tests.model_server.openai_responses import responses
from tests.model_server.script import Failure, Hang, ModelRequest, Outcome, Raw, Reply, Script
from tests.model_server.tokens import PrefixCache, Prompt

RENDERERS: Final[Mapping[str, Callable[[Answer], Response]]] = {
    "/v1/chat/completions": chat,
    "/v1/responses": responses,
    "/v1/embeddings": embeddings,
    "/v1/messages": messages,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What one request really cost; `input_tokens` includes cached ones, `output_tokens` includes reasoning."""

    model: str
    path: str
    status: int
    input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_output_tokens: int = 0
    usage_sent: bool = False


@dataclass(slots=True)
class ModelServer:
    """A running server: its address, what it was asked and what it served, in order."""

    script: Script
    url: str = ""
    requests: list[ModelRequest] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    _cache: PrefixCache = field(default_factory=PrefixCache)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def openai_url(self) -> str:
        """What `OPENAI_BASE_URL` takes."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """What `ANTHROPIC_BASE_URL` takes."""
        return self.url

    def answer(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Response | Hang:
        """Take the script's next outcome and count it; None of this depends on time or chance."""
        with self._lock:
            request = ModelRequest(path, headers, body, len(self.requests) + 1)
            self.requests.append(request)
            # A vector needs no script: what it costs is all in the prompt.
            outcome = Reply() if path == "/v1/embeddings" else self._next(request)
            if isinstance(outcome, Reply):
                return self._reply(Answer(request, outcome, self._prompt(request)))
            if isinstance(outcome, Hang):
                return outcome
            response = _failure(outcome, path) if isinstance(outcome, Failure) else _raw(outcome)
            self.served.append(Served(model=request.model, path=path, status=response.status))
            return response

    def _next(self, request: ModelRequest) -> Outcome:
        if callable(self.script):
            return self.script(request)
        place = sum(r.path != "/v1/embeddings" for r in self.requests) - 1
        if place < len(self.script):
            return self.script[place]
        return Failure(500, f"the script has {len(self.script)} outcomes and this is request {place + 1}")

    def _prompt(self, request: ModelRequest) -> Prompt:
        if request.path == "/v1/messages":
            return self._cache.explicit(request.model, prompt_blocks(request))
        return openai_prompt(self._cache, request, "instructions", "messages", "input")

    def _reply(self, answer: Answer) -> Response:
        response = RENDERERS[answer.request.path](answer)
        self.served.append(
            Served(
                model=answer.request.model,
                path=answer.request.path,
                status=response.status,
                input_tokens=answer.prompt.input_tokens,
                cache_read_input_tokens=answer.prompt.cache_read,
                cache_write_input_tokens=answer.prompt.cache_write,
                output_tokens=answer.output_tokens,
                reasoning_output_tokens=answer.reply.reasoning_tokens,
                usage_sent=response.usage_sent,
            )
        )
        return response


@contextmanager
def model_server(script: Script) -> Iterator[ModelServer]:
    """Run a server on a free port of this machine for as long as the block lasts."""
    model = ModelServer(script)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(model))
    http.daemon_threads = True
    model.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


def _failure(failure: Failure, path: str) -> Response:
    if path == "/v1/messages":
        kind = {429: "rate_limit_error", 400: "invalid_request_error"}.get(failure.status, "api_error")
        response = whole({"type": "error", "error": {"type": kind, "message": failure.message}}, failure.status)
    else:
        kind = {429: "rate_limit_exceeded", 400: "invalid_request_error"}.get(failure.status, "server_error")
        error = {"message": failure.message, "type": kind, "code": kind, "param": None}
        response = whole({"error": error}, failure.status)
    retry = (("Retry-After", f"{failure.retry_after:g}"),) if failure.retry_after is not None else ()
    return Response(response.status, response.body, headers=retry)


def _raw(raw: Raw) -> Response:
    return Response(200, raw.body, content_type=raw.content_type)


def _handler(model: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Answer one request."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path not in RENDERERS:
                self._send(whole({"error": {"message": f"no such path: {self.path}"}}, 404))
                return
            try:
                parsed = json.loads(body)
            except ValueError:
                self._send(whole({"error": {"message": "the body is no JSON"}}, 400))
                return
            response = model.answer(self.path, dict(self.headers.items()), parsed)
            if isinstance(response, Hang):
                model.stopping.wait()
                self.close_connection = True
            else:
                self._send(response)

        def _send(self, response: Response) -> None:
            self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            for name, value in response.headers:
                self.send_header(name, value)
            if response.stream:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            for piece in response.stream:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n" if response.stream else response.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class names it so
            """Keep test output quiet."""

    return Handler
