"""`make audit` against a service that knows of no vulnerability, then of one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

_ROOT = Path(__file__).parent.parent.parent
_VULNERABLE = "pyyaml"
_ID = "OSV-2026-1"


class _Service(ThreadingHTTPServer):
    """Answers as OSV's API does."""

    def __init__(self, vulnerable: str | None) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.vulnerable = vulnerable
        self.asked: set[str] = set()


class _Answer(BaseHTTPRequestHandler):
    server: _Service

    def do_POST(self) -> None:
        """Answer what is known of one package."""
        name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        self.server.asked.add(name)
        known = {"vulns": [_vulnerability(name)]} if name == self.server.vulnerable else {}
        body = json.dumps(known).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def audited(_folder: Path) -> tuple[str, str]:
    """Fails where a planted vulnerability is not named, or the audit does not pass without one."""
    with _service(None) as service:
        passed = _audit(service)
        assert passed.returncode == 0, passed.stderr[-1_000:]
        asked = len(service.asked)
    with _service(_VULNERABLE) as service:
        failed = _audit(service)
        assert failed.returncode, "a known vulnerability passed"
        assert _VULNERABLE in failed.stdout.lower(), failed.stdout
        assert _ID in failed.stdout, failed.stdout
    return (
        f"`make audit` asked a stand-in for OSV about {asked} installed packages: it passes where none has a known"
        " vulnerability, and fails with the name of one that was planted"
    ), "nothing; what is known of the packages only the real service says"


@contextmanager
def _service(vulnerable: str | None) -> Iterator[_Service]:
    with _Service(vulnerable) as service:
        thread = Thread(target=service.serve_forever)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


def _audit(service: _Service) -> subprocess.CompletedProcess[str]:
    options = f"-s osv --osv-url http://127.0.0.1:{service.server_port}/v1/query"
    command = ["make", "--no-print-directory", "audit", f"AUDIT_OPTIONS={options}"]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)


def _vulnerability(name: str) -> dict[str, object]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"id": _ID, "summary": "planted", "published": "2026-01-01T00:00:00Z", "affected": affected}
