"""What is asked before Spark is, so that what is missing is said in one line and at once."""

from __future__ import annotations

import os
import re
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from clawtrace_otel.cli.errors import CliError

STANDALONE: Final = "spark://"
"""How the address of a standalone cluster's master begins."""
_NEEDED: Final = ("pyspark", "pandas", "pyarrow")
"""Pandas is what pyspark's Arrow functions need, and what pyspark alone does not bring."""
_PORT: Final = 7077
_ANSWER_S: Final = 5.0
_REASON: Final = re.compile(r"^(?:Caused by: )?([\w.$]+(?:Error|Exception)): *(.*)$", re.MULTILINE)
_LONGEST_REASON: Final = 300


def check_extra() -> None:
    """Raise CliError where the extra is not installed."""
    if any(find_spec(name) is None for name in _NEEDED):
        raise CliError("--engine spark needs its extra: pip install 'clawtrace-otel[spark]'")


def check_java() -> None:
    """Raise CliError where there is no Java."""
    home = os.environ.get("JAVA_HOME")
    if Path(home, "bin", "java").exists() if home else shutil.which("java"):
        return
    where = f"there is none in JAVA_HOME ({home})" if home else "none is on the PATH and JAVA_HOME is not set"
    raise CliError(f"Spark needs Java 17 or newer, and {where}: install it, for example openjdk-17-jre-headless")


def check_master(master: str) -> None:
    """Raise CliError where a standalone cluster has no master that answers; Spark itself would try for a minute."""
    if not master.startswith(STANDALONE):
        return
    for address in master.removeprefix(STANDALONE).split(","):
        try:
            parts = urlsplit(f"//{address}")
            socket.create_connection((parts.hostname or "", parts.port or _PORT), _ANSWER_S).close()
        except (OSError, ValueError):
            continue
        return
    raise CliError(f"no Spark master answers at {master}: start one, or check the address")


def reason_of(text: str) -> str:
    """Return, of what Spark raised, the error behind a failed job: ours in our words, else the innermost one."""
    found = _REASON.findall(text.partition("Driver stacktrace")[0]) or _REASON.findall(text)
    ours = [words for name, words in found if name.startswith(("collector.", "clawtrace_otel."))]
    told = ours[-1] if ours else f"{found[-1][0].rpartition('.')[2]}: {found[-1][1]}" if found else text
    return " ".join(told.split())[:_LONGEST_REASON]
