"""The dashboard as its readers take it: Grafana's own types, and a real Prometheus that scrapes a real collector."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.deploy.otelcol import DEPLOY, free_port
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request

DASHBOARD = DEPLOY / "grafana" / "clawtrace-dashboard.json"
_PATIENCE_S = 60.0
_SCRAPES = 3


def read_dashboard() -> dict[str, Any]:
    """Return the file's content."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


def test_grafanas_types_know_all_of_it() -> None:
    """Read into the types that Grafana publishes and written again, the dashboard has lost nothing."""
    if find_spec("grafana_foundation_sdk") is None:
        pytest.skip("Grafana's types are not installed (make scale-test installs them)")
    sdk = "grafana_foundation_sdk"
    import_module(f"{sdk}.cog.plugins").register_default_plugins()
    read = import_module(f"{sdk}.models.dashboard").Dashboard.from_json(read_dashboard())
    written = json.loads(import_module(f"{sdk}.cog.encoder").JSONEncoder().encode(read))
    assert list(_lost(read_dashboard(), written)) == []


def test_prometheus_answers_every_panel(collector: RunningCollector, tmp_path: Path) -> None:
    """A real Prometheus evaluates every panel over a real collector, and the collector has every metric it names."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is not installed: it is a package of Debian's")
    with _prometheus(binary, collector, tmp_path) as address:
        _wait_for_scrapes(address)
        # Now, between two scrapes, things happen that rates can show.
        for number in range(_SCRAPES):
            body = request(range(number * 50, number * 50 + 50))
            assert collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200
            assert collector.request("POST", "/v1/traces", b"\xff", Content_Type=PROTOBUF).status == 400
            collector.compile()
            _wait_for_scrapes(address)
        known = set(_get(address, "/api/v1/label/__name__/values", {}))
        for panel in read_dashboard()["panels"]:
            for target in panel["targets"]:
                query = _filled(target["expr"])
                assert set(re.findall(r"clawtrace_\w+", query)) <= known | _silent(collector), panel["title"]
                answer = _get(address, "/api/v1/query", {"query": query})["result"]
                by = re.findall(r"by \((\w+)\)", query)
                assert all(name in series["metric"] for series in answer for name in by if name != "le"), query
                if panel["title"] in _MOVED:
                    assert any(float(series["value"][1]) > 0 for series in answer), panel["title"]


_MOVED = {
    "Collectors that answer",
    "Records stored",
    "Records received",
    "Commit time",
    "Requests answered with an error",
    "Sessions made into cards",
    "Database",
}
"""Panels that what is sent here must move."""


def _filled(expression: str) -> str:
    for name, value in {"$__rate_interval": "30s", "$job": "clawtrace", "$instance": ".*"}.items():
        expression = expression.replace(name, value)
    return expression


def _silent(collector: RunningCollector) -> set[str]:
    """Return metrics that the collector declares and that have no series yet: nothing of the kind has happened."""
    lines = collector.request("GET", "/metrics").body.decode().splitlines()
    return {line.split()[2] for line in lines if line.startswith("# TYPE ")}


def _lost(before: Any, after: Any, place: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _lost(value, after.get(name), f"{place}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lost(one, other, f"{place}/{number}")
    elif before != after:
        yield place


@contextmanager
def _prometheus(binary: str, collector: RunningCollector, folder: Path) -> Iterator[str]:
    settings = folder / "prometheus.yml"
    scraped = {"job_name": "clawtrace", "static_configs": [{"targets": [collector.http.removeprefix("http://")]}]}
    settings.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [scraped]}), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    options = [
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen([binary, *options], stderr=log) as process:
        try:
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _wait_for_scrapes(address: str) -> None:
    """Return when two more scrapes succeeded."""
    begun, deadline, seen = time.time(), time.monotonic() + _PATIENCE_S, set[float]()
    while len(seen) < 2:
        assert time.monotonic() < deadline, "nothing is scraped"
        time.sleep(0.2)
        try:
            series = _get(address, "/api/v1/query", {"query": "timestamp(up == 1)"})["result"]
        except URLError:
            continue
        seen |= {float(one["value"][1]) for one in series if float(one["value"][1]) > begun}


def _get(address: str, path: str, parameters: dict[str, str]) -> Any:
    with build_opener(ProxyHandler({})).open(f"{address}{path}?{urlencode(parameters)}", timeout=30) as answer:
        said = json.load(answer)
    assert said["status"] == "success"
    return said["data"]
