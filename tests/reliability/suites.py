"""Tests of other rooms that belong into the report: run, counted, and said in a sentence."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import parse

from tests.reliability.check import FAULT, INPUT, Check

TESTS = Path(__file__).parent.parent


def passed(paths: tuple[str, ...], said: str, folder: Path) -> tuple[str, str]:
    """Run some test files; every test must pass."""
    report = folder / "report.xml"
    files = [str(TESTS / path) for path in paths]
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", f"--junitxml={report}", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1_000:]
    (suite,) = parse(report).getroot()
    return f"{suite.get('tests')} tests, {suite.get('skipped')} skipped: {said}", "nothing"


def _suite(name: str, section: str, title: str, paths: tuple[str, ...], said: str) -> Check:
    return Check(name, section, title, partial(passed, paths, said), 400)


SUITES = (
    _suite(
        "files",
        FAULT,
        "files that are foreign, read-only or truncated",
        ("e2e/test_database_files.py", "e2e/test_disk.py"),
        "empty, text, noise, SQLite, other people's tables, a newer version, half a file, wrong bytes in header and"
        " log, read-only file and directory, a truncated log: one plain line, exit code 1, every byte unchanged",
    ),
    _suite(
        "retention",
        FAULT,
        "deletion",
        ("e2e/test_delete.py", "e2e/test_retention.py"),
        "sessions deleted by id are searched for in the file's bytes; the oldest go first, and space is returned",
    ),
    _suite(
        "access",
        INPUT,
        "access control",
        ("e2e/test_security.py", "collector/test_access.py"),
        "tokens and scopes, TLS and client certificates, addresses beyond loopback, no secret in a log or an answer",
    ),
    _suite(
        "clients",
        INPUT,
        "hostile clients",
        ("collector/test_hostile_clients.py",),
        "bombs, endless and slow heads and bodies, nesting, too many attributes, too many connections",
    ),
    _suite(
        "privacy",
        INPUT,
        "secrets in telemetry",
        ("e2e/test_privacy.py", "collector/redaction"),
        "keys, tokens, passwords and personal data, also in JSON inside strings, redacted before they are stored",
    ),
    _suite(
        "attacks",
        INPUT,
        "hostile SQL",
        ("e2e/test_sql_attacks.py", "collector/query"),
        "files, extensions, settings, writes, endless growth, long queries: refused or stopped, ingest goes on",
    ),
)
