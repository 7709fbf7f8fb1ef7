"""The base install runs inside other people's agents: it may need OpenTelemetry and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]

BLOCKED = """
import sys

class OnlyTelemetry:
    allowed = {allowed!r}

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in self.allowed:
            return None
        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, OnlyTelemetry())
"""
BASE = (
    "clawtrace_otel",
    "opentelemetry",
    # What the two base packages themselves install.
    "google",
    "grpc",
    "requests",
    "urllib3",
    "certifi",
    "idna",
    "charset_normalizer",
    "typing_extensions",
    "zstandard",
    "brotli",
    "brotlicffi",
    "chardet",
    "simplejson",
    "socks",
    "cryptography",
    "OpenSSL",
)


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(allowed=BASE) + program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )


def test_the_package_works_with_opentelemetry_alone() -> None:
    """Every part an agent uses imports and runs where nothing but the SDK and its exporters can be imported."""
    done = _run(
        "import clawtrace_otel\n"
        "from clawtrace_otel.exporter import create_otlp_exporter\n"
        "create_otlp_exporter('traces')\n"
        "clawtrace_otel.SessionHooks().session_start('s')\n"
        "with clawtrace_otel.agent_session('a'), clawtrace_otel.tool_call('t'):\n"
        "    pass\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_line_names_the_missing_extra() -> None:
    """Without the server extra `clawtrace` is one plain line that says what to install, and exit code 2."""
    done = _run("import sys\nfrom clawtrace_otel.__main__ import main\nsys.exit(main())\n")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "pip install 'clawtrace-otel[server]'" in done.stderr


def test_the_base_install_declares_opentelemetry_only() -> None:
    """The distribution's own dependencies are the SDK and the OTLP exporter."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {dependency.partition(">")[0] for dependency in project["dependencies"]}
    assert names == {"opentelemetry-sdk", "opentelemetry-exporter-otlp"}
