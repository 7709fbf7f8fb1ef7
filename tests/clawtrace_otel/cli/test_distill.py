"""How `clawtrace distill` sends its own run to the collector that the sessions came from."""

from __future__ import annotations

import subprocess
import sys

from tests.clawtrace_otel.receiver import Receiver
from tests.support.environment import clean_environment

TOKEN = "a,b=c%41;d+e/16-characters"


def test_any_token_reaches_the_collector_whole(otlp: Receiver) -> None:
    """What has a meaning of its own in OTEL_EXPORTER_OTLP_HEADERS is escaped: commas, percent signs, equals signs."""
    done = subprocess.run(
        [sys.executable, "-c", f"from clawtrace_otel.cli.distill import traced; traced(int, {otlp.http!r})"],
        env={**clean_environment(), "NO_PROXY": "*", "CLAWTRACE_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {headers["authorization"] for headers in otlp.headers} == {f"Bearer {TOKEN}"}
