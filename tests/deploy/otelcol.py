"""A standard OpenTelemetry collector as a process, and our configurations as the build at hand can run them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import yaml

from tests.support.collector import PROTOBUF

DEPLOY = Path(__file__).parents[2] / "deploy"
_EXPORTER, _OLDER_NAME = "otlp_http", "otlphttp"
_START_SECONDS = 30


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def post(url: str, body: bytes) -> int:
    """Send an OTLP request in protobuf and return the status of the answer."""
    sent = Request(url, data=body, headers={"Content-Type": PROTOBUF})
    with build_opener(ProxyHandler({})).open(sent, timeout=60) as answer:
        return int(answer.status)


@dataclass(frozen=True)
class Build:
    """One build of the collector; they differ in the components that they carry."""

    path: str

    @cached_property
    def components(self) -> Mapping[str, set[str]]:
        """Names of the components by kind."""
        said = yaml.safe_load(subprocess.run([self.path, "components"], check=True, capture_output=True).stdout)
        kinds = ("receivers", "processors", "exporters")
        return {kind: {part["name"] for part in said.get(kind) or ()} for kind in kinds}

    @property
    def takes_otlp(self) -> bool:
        """Whether it has the receiver that our configurations name."""
        return "otlp" in self.components["receivers"]

    def configuration(self, name: str, *, grpc_port: int, http_port: int, lines: Path) -> dict[str, Any]:
        """Return a file of `deploy/` on other ports; what this build calls or has otherwise is put in its place.

        Where there is no OTLP receiver, log records are read from a file of lines.
        """
        text = (DEPLOY / name).read_text("utf-8").replace(":4317", f":{grpc_port}").replace(":4318", f":{http_port}")
        if _EXPORTER not in self.components["exporters"]:
            text = text.replace(f"{_EXPORTER}/", f"{_OLDER_NAME}/")
        configuration: dict[str, Any] = yaml.safe_load(text)
        if not self.takes_otlp:
            configuration["receivers"] = {"filelog": {"include": [str(lines)], "start_at": "beginning"}}
            pipeline = {**configuration["service"]["pipelines"]["logs"], "receivers": ["filelog"]}
            configuration["service"]["pipelines"] = {"logs": pipeline}
        configuration["service"]["telemetry"] = {"metrics": {"level": "none"}}
        return configuration


def installed_build() -> Build | None:
    """Return the build that CLAWTRACE_OTELCOL names or that is on the path, None where there is none."""
    named = os.environ.get("CLAWTRACE_OTELCOL") or shutil.which("otelcol") or shutil.which("otelcol-contrib")
    return Build(named) if named else None


@contextmanager
def running(build: Build, file: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Run a build on a configuration; yields its log."""
    log = file.with_suffix(".log")
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [build.path, "--config", str(file)], stderr=errors, stdout=errors, env={**os.environ, **environment}
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _START_SECONDS
            while "Everything is ready" not in log.read_text("utf-8", "replace"):
                assert process.poll() is None, log.read_text("utf-8", "replace")
                assert time.monotonic() < deadline, log.read_text("utf-8", "replace")
                time.sleep(0.05)
            yield log
        finally:
            process.terminate()
            process.wait(_START_SECONDS)
