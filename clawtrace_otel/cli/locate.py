"""Where telemetry is read from: a running collector when there is one, else the database file.

A collector leaves a *beacon* beside the file that it owns, so that every other command finds it without being told:
DuckDB lets no second process open a file that one writes.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from clawtrace_otel.cli.errors import CliError, UsageError
from clawtrace_otel.cli.http import answers

_log: Final = logging.getLogger(__name__)

DEFAULT_ENDPOINT: Final = "http://127.0.0.1:4318"
DATABASE_NAME: Final = "clawtrace.duckdb"
_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, never bound to


@dataclass(frozen=True, slots=True)
class Source:
    """Exactly one of the two is set."""

    endpoint: str | None = None
    database: Path | None = None


def default_database() -> Path:
    """Return `clawtrace.duckdb` under the platform's user data directory. Raises `CliError` where there is no home."""
    from platformdirs import user_data_path

    return _absolute(user_data_path("clawtrace", appauthor=False) / DATABASE_NAME)


def database_path(chosen: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the database that the option, the environment or the default names, in this order; absolute.

    Raises `CliError` where it lies in a home directory that does not exist.
    """
    named = environment.get("CLAWTRACE_DB")
    if chosen is None and not named:
        return default_database()
    return _absolute(chosen or Path(named or ""))


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise CliError(
            f"{path} is in a home directory that does not exist: name the database by its whole path with --db or in"
            " CLAWTRACE_DB"
        ) from error


def locate(
    database: Path | None,
    endpoint: str | None,
    environment: Mapping[str, str] = os.environ,
    *,
    must_exist: bool = True,
) -> Source:
    """Say where to read from.

    What was typed beats the environment, an address beats a file, and a file whose collector runs is read through that
    collector. Where nothing at all was said, a collector on the default port is taken. Raises `CliError` for an
    address that is not one and for a file that must exist and does not.
    """
    if database is not None and endpoint is not None:
        raise UsageError("--db and --endpoint exclude each other: give one of them")
    if endpoint is None and database is None:
        endpoint = environment.get("CLAWTRACE_ENDPOINT") or None
    if endpoint is not None:
        return Source(endpoint=checked_endpoint(endpoint))
    path = database_path(database, environment)
    running = running_collector(path)
    if running is not None:
        return Source(endpoint=running)
    nothing_said = database is None and not environment.get("CLAWTRACE_DB")
    if nothing_said and answers(DEFAULT_ENDPOINT):
        return Source(endpoint=DEFAULT_ENDPOINT)
    if must_exist and not path.exists():
        raise CliError(f"no database at {path}: start 'clawtrace serve', or name one with --db or --endpoint")
    return Source(database=path)


def checked_endpoint(endpoint: str) -> str:
    """Return an address without its trailing slash. Raises `CliError` unless it is http(s)://HOST[:PORT]."""
    if "@" in endpoint:
        raise CliError("an address must not contain a user or password: write http://HOST:PORT and set CLAWTRACE_TOKEN")
    if not _is_address(endpoint):
        raise CliError(f"{endpoint!r} is not an address: write it as http://HOST:PORT")
    return endpoint.rstrip("/")


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and host != b"" and port != 0 and not any(map(str.isspace, endpoint))


def running_collector(database: Path) -> str | None:
    """Return the address of the collector that owns a database, or None where it does not answer. Raises `TlsError`.

    Another one may listen there since: a collector that was killed leaves its beacon behind.
    """
    try:
        beacon = json.loads(_beacon(database).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    address, instance = (beacon.get("http"), beacon.get("instance")) if isinstance(beacon, dict) else (None, None)
    return address if isinstance(address, str) and answers(address, instance) else None


@contextmanager
def beacon(database: Path, http_address: str, instance: str) -> Iterator[None]:
    """Leave a collector's address and name beside its database for as long as the collector runs.

    A disk without room for it costs no telemetry: whoever reads then says --endpoint.
    """
    path = _beacon(database)
    content = json.dumps({"http": reachable_address(http_address), "pid": os.getpid(), "instance": instance})
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        partial.write_text(content + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        _log.warning("%s cannot be written (%s): other commands need --endpoint", path, error.strerror)
        partial.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def reachable_address(http_address: str) -> str:
    """Return the address to dial: a collector that listens on every interface is dialled on loopback."""
    parts = urlsplit(http_address)
    host = _EVERY_ADDRESS.get(parts.hostname or "", parts.hostname or "")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{parts.port}"


def _beacon(database: Path) -> Path:
    return database.with_name(f"{database.name}.endpoint")
