"""The configurations of the standard collector in `deploy/`: against our limits, and with a real collector."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.config import LARGEST_BODY_MIB, MEBIBYTE
from tests.conftest import StartCollector
from tests.deploy.otelcol import DEPLOY, Build, free_port, installed_build, post, running
from tests.support.collector import RunningCollector
from tests.support.spans import request

FORWARD, TEE = "otel-collector-forward.yaml", "otel-collector-tee.yaml"
_LINES = 50
_PATIENCE_S = 30


@pytest.fixture
def build() -> Build:
    """Return a real collector; the test is skipped where none is installed."""
    found = installed_build()
    if found is None:
        pytest.skip("no standard collector: put otelcol on the path, or name one in CLAWTRACE_OTELCOL")
    return found


@pytest.mark.parametrize("name", [FORWARD, TEE])
class TestFiles:
    def test_every_component_is_defined_and_used(self, name: str) -> None:
        """Pipelines name what the file defines, all three signals go everywhere, and nothing is defined in vain."""
        configuration = _read(name)
        pipelines = configuration["service"]["pipelines"]
        assert pipelines.keys() == {"traces", "logs", "metrics"}
        for kind in ("receivers", "processors", "exporters"):
            for pipeline in pipelines.values():
                assert set(pipeline[kind]) == configuration[kind].keys()

    def test_requests_fit_ours(self, name: str) -> None:
        """What the other collector takes in and puts together is never larger than what ours takes."""
        configuration = _read(name)
        protocols = configuration["receivers"]["otlp"]["protocols"]
        queue = configuration["exporters"]["otlp_http/clawtrace"]["sending_queue"]
        assert protocols["grpc"]["max_recv_msg_size_mib"] <= LARGEST_BODY_MIB
        assert protocols["http"]["max_request_body_size"] <= LARGEST_BODY_MIB * MEBIBYTE
        assert queue["sizer"] == "bytes"
        assert queue["batch"]["max_size"] < LARGEST_BODY_MIB * MEBIBYTE < queue["queue_size"]

    def test_a_collector_accepts_it(self, name: str, build: Build, tmp_path: Path) -> None:
        """`otelcol validate` finds nothing wrong."""
        file = _written(build, name, tmp_path)
        said = subprocess.run(
            [build.path, "validate", "--config", str(file)],
            env=_environment("http://127.0.0.1:9"),
            capture_output=True,
            check=False,
        )
        assert said.returncode == 0, said.stderr


def test_forwarding_acknowledges_what_is_stored(build: Build, collector: RunningCollector, tmp_path: Path) -> None:
    """What goes through the forwarding configuration is stored once it is acknowledged."""
    _sent_through(build, FORWARD, tmp_path, [collector], _environment(collector.http))


def test_both_get_everything(build: Build, start_collector: StartCollector, tmp_path: Path) -> None:
    """The tee sends everything to the backend and to ClawTrace."""
    ours, backend = (start_collector(database=tmp_path / f"{name}.duckdb") for name in ("ours", "backend"))
    _sent_through(build, TEE, tmp_path, [ours, backend], _environment(ours.http, backend.http))


def _sent_through(
    build: Build, name: str, folder: Path, receivers: list[RunningCollector], environment: dict[str, str]
) -> None:
    http_port = free_port()
    lines = folder / "lines.log"
    lines.write_text("".join(f"line {number}\n" for number in range(_LINES)), "utf-8")
    table = "spans" if build.takes_otlp else "logs"
    with running(build, _written(build, name, folder, http_port), environment):
        if build.takes_otlp:
            assert post(f"http://127.0.0.1:{http_port}/v1/traces", request(range(_LINES))) == 200
            if name == FORWARD:
                assert _count(receivers[0], table) == _LINES
        for receiver in receivers:
            _wait_for(receiver, table)


def _wait_for(receiver: RunningCollector, table: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while (count := _count(receiver, table)) != _LINES:
        assert time.monotonic() < deadline, f"{count} of {_LINES} arrived"
        time.sleep(0.1)


def _count(receiver: RunningCollector, table: str) -> int:
    return int(receiver.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"])


def _read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


def _written(build: Build, name: str, folder: Path, http_port: int = 0) -> Path:
    ports = {"grpc_port": free_port(), "http_port": http_port or free_port()}
    configuration = build.configuration(name, **ports, lines=folder / "lines.log")
    file = folder / "otelcol.yaml"
    # JSON is YAML.
    file.write_text(json.dumps(configuration), "utf-8")
    return file


def _environment(clawtrace: str, backend: str = "http://127.0.0.1:9") -> dict[str, str]:
    return {"CLAWTRACE_ENDPOINT": clawtrace, "BACKEND_ENDPOINT": backend}
