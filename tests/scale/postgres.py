"""A real PostgreSQL on a free port, that can be taken away and brought back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.deploy.otelcol import free_port

_USER = "postgres"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest where there are several, None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@dataclass(frozen=True)
class Postgres:
    programs: Path
    folder: Path
    port: int

    @property
    def pid(self) -> int:
        """The process that all its others are children of."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def dsn(self, database: str = _USER) -> str:
        """Return how libpq finds a database."""
        return f"host=127.0.0.1 port={self.port} dbname={database} user={_USER}"

    def make(self, database: str) -> str:
        """Make a database and return how libpq finds it."""
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", _USER, database)
        return self.dsn(database)

    def start(self) -> None:
        """Start, and return when it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        """End it as a crash does: connections break off, and the next start recovers."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def run(self, program: str, *arguments: str) -> None:
        """Run one of its programs, as a user that is not root: PostgreSQL refuses that one."""
        before = ["runuser", "-u", _USER, "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*before, str(self.programs / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/"
        )


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a new PostgreSQL, in a folder that its user can reach."""
    found = programs()
    assert found is not None
    with TemporaryDirectory(prefix="clawtrace-postgres-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        server = Postgres(found, Path(folder), free_port())
        server.run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", _USER, "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()
