"""`clawtrace serve` as a user starts it: a process, a ready line, signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from tests.support.environment import clean_environment

START_SECONDS = 60
PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class RunningCollector:
    process: subprocess.Popen[bytes]
    database: Path
    grpc: str
    http: str
    log: Path

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Response:
        """Send one request and return whatever was answered; header names use `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(f"{self.http}{path}", data=body, headers=named, method=method)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
                return Response(answer.status, answer.read(), dict(answer.headers))
        except HTTPError as error:
            with error:
                return Response(error.code, error.read(), dict(error.headers))

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Return a query's rows by column name; fails the test where the query is refused."""
        answer = self.request("POST", "/api/sql", json.dumps({"query": query}).encode(), Content_Type=JSON)
        assert answer.status == 200, answer.body
        document = answer.json()
        names = [column["name"] for column in document["columns"]]
        return [dict(zip(names, row, strict=True)) for row in document["rows"]]

    def compile(self) -> dict[str, int]:
        """Drain, compile what is pending, and return the counts."""
        answer = self.request("POST", "/api/compile", b"")
        assert answer.status == 200, answer.body
        counts: dict[str, int] = answer.json()
        return counts

    def cards(self) -> dict[str, str]:
        """Return the YAML of every card by session id."""
        return {row["session_id"]: row["yaml"] for row in self.sql("SELECT session_id, yaml FROM tracecards")}

    def stop(self) -> int:
        """Ask it to stop as a service manager does and return its exit code."""
        self.process.terminate()
        return self.process.wait(START_SECONDS)

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(START_SECONDS)

    def logged(self) -> str:
        """Return what it wrote to stderr so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def running_collector(
    database: Path, *options: str, environment: Mapping[str, str] | None = None, module: str = "clawtrace_otel"
) -> Iterator[RunningCollector]:
    """Start a collector on free ports, wait for its ready line, and stop it at the end.

    `environment` is added; `module` is what runs as `clawtrace`.
    """
    log = database.with_suffix(f".{len(list(database.parent.glob('*.log')))}.log")
    ports = ["--grpc-port", "0", "--http-port", "0"]
    command = [sys.executable, "-m", module, "serve", "--db", str(database), *ports, *options]
    variables = {**clean_environment(), **(environment or {})}
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=variables) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"no ready line; stderr: {log.read_text(encoding='utf-8', errors='replace')}"
            ready = json.loads(line)
            assert ready["event"] == "ready"
            yield RunningCollector(process, database, ready["grpc"], ready["http"], log)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(START_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
