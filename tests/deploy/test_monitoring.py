"""Alerts, dashboard and manifests: they speak of what the collector really has, and their tools take them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector import errors
from collector.metrics import Metrics
from collector.store.lake_engine import CommitConflictError
from tests.deploy.otelcol import DEPLOY

RULES = DEPLOY / "prometheus" / "clawtrace-rules.yaml"
DASHBOARD = DEPLOY / "grafana" / "clawtrace-dashboard.json"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
_METRIC = re.compile(r"clawtrace_\w+")
_PORTS = {4317, 4318}


def exposed() -> set[str]:
    """Return the names of all series of the collector, as Prometheus stores them."""
    names: set[str] = set()
    for line in Metrics().exposition().decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return {name for name in names if not name.endswith("_created")}


def alerts() -> list[dict[str, Any]]:
    """Return every alert."""
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    """Return every expression of the dashboard with its variables filled in, as Grafana does."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    values = {"$__rate_interval": "5m", "$job": "clawtrace", "$instance": ".*"}
    for name, value in values.items():
        found = [expression.replace(name, value) for expression in found]
    return found


@pytest.fixture
def promtool() -> str:
    """Return Prometheus' own checker; the test is skipped where it is not installed."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: it comes with Debian's package prometheus")
    return found


class TestNames:
    def test_alerts_speak_of_series_that_exist(self) -> None:
        """Every series in an alert is one that the collector exposes."""
        assert {name for alert in alerts() for name in _METRIC.findall(alert["expr"])} <= exposed()

    def test_the_dashboard_shows_every_metric(self) -> None:
        """Every series on the dashboard exists, and of every metric there is a panel."""
        shown = {name for expression in expressions() for name in _METRIC.findall(expression)}
        assert shown <= exposed()
        assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()} == {
            re.sub(r"_bucket$", "", name) for name in shown
        }

    def test_alerts_name_errors_that_exist(self) -> None:
        """A reason in an alert is the name of an error that requests are answered with."""
        named = {
            reason
            for alert in alerts()
            for reasons in re.findall(r'reason=~?"([^"]+)"', alert["expr"])
            for reason in reasons.split("|")
        }
        assert named <= {name for name in dir(errors) if name.endswith("Error")} | {CommitConflictError.__name__}


class TestPrometheus:
    def test_promtool_takes_the_rules(self, promtool: str) -> None:
        """The alerts parse, and fire in the cases beside them and only there."""
        subprocess.run([promtool, "check", "rules", str(RULES)], check=True, capture_output=True)
        cases = RULES.with_name("clawtrace-rules-test.yaml")
        said = subprocess.run([promtool, "test", "rules", str(cases)], check=False, capture_output=True)
        assert said.returncode == 0, said.stderr

    def test_promtool_takes_the_dashboards_expressions(self, promtool: str, tmp_path: Path) -> None:
        """Every expression of the dashboard parses."""
        rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions())]
        file = tmp_path / "rules.yaml"
        file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
        said = subprocess.run([promtool, "check", "rules", str(file)], check=False, capture_output=True)
        assert said.returncode == 0, said.stdout


def test_panels_do_not_lie_on_each_other() -> None:
    """Every panel has an id and a place of its own within Grafana's 24 columns."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    places: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not places & cells, panel["title"]
        places |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.name)
class TestKubernetes:
    def test_ports_and_probes_are_the_collectors(self, manifest: Path) -> None:
        """Services point at named ports of containers, and probes at paths that need no token."""
        documents = list(yaml.safe_load_all(manifest.read_text("utf-8")))
        for document in documents:
            if document["kind"] in {"StatefulSet", "Deployment"}:
                (container,) = document["spec"]["template"]["spec"]["containers"]
                assert {port["containerPort"] for port in container["ports"]} == _PORTS
                assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
                assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
            if document["kind"] == "Service":
                assert {port["port"] for port in document["spec"]["ports"]} == _PORTS

    def test_containers_may_do_nothing_but_what_they_need(self, manifest: Path) -> None:
        """No container is root, gains privileges, has capabilities or writes its image; no pod talks to the cluster."""
        for document in yaml.safe_load_all(manifest.read_text("utf-8")):
            spec = document["spec"].get("jobTemplate", document)["spec"]
            if "template" not in spec:
                continue
            pod = spec["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["automountServiceAccountToken"] is False
            for container in pod["containers"]:
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }

    def test_the_schema_takes_it(self, manifest: Path) -> None:
        """Kubernetes' published schema accepts every resource, with no property that it does not know."""
        if find_spec("kubernetes_validate") is None:
            pytest.skip("the schemas are large: pip install kubernetes-validate (make scale-test does)")
        said = subprocess.run(
            [sys.executable, "-m", "kubernetes_validate", "--strict", str(manifest)], check=False, capture_output=True
        )
        assert said.returncode == 0, said.stdout + said.stderr
