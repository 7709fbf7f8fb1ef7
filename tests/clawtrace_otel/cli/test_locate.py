"""Finding where to read from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.locate import (
    Source,
    beacon,
    database_path,
    locate,
    reachable_address,
    running_collector,
)
from collector.config import INSTANCE_HEADER

NAME = "the-one"


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer every question with 200, by the name of one collector."""
        self.send_response(200)
        self.send_header(INSTANCE_HEADER, NAME)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Stay quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    """Yield the address of a server that says it is healthy."""
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_running_collector_is_found_by_its_database(tmp_path: Path, address: str) -> None:
    """A beacon whose address answers leads to the collector; it is gone when the collector stops."""
    database = tmp_path / "a.duckdb"
    database.touch()
    with beacon(database, address, NAME):
        assert locate(database, None, {}) == Source(endpoint=address)
    assert locate(database, None, {}) == Source(database=database)


def test_another_collector_at_the_same_address_is_not_taken_for_its_owner(tmp_path: Path, address: str) -> None:
    """What a killed collector left behind does not lead to the one that got its port, and with it other sessions."""
    database = tmp_path / "a.duckdb"
    database.touch()
    with beacon(database, address, "one-that-was-killed"):
        assert locate(database, None, {}) == Source(database=database)


def test_a_beacon_without_a_name_is_believed(tmp_path: Path, address: str) -> None:
    """A collector of an earlier version is found while it still runs."""
    (tmp_path / "a.duckdb.endpoint").write_text(json.dumps({"http": address}), encoding="utf-8")
    assert running_collector(tmp_path / "a.duckdb") == address


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"http": 5}', '{"http": "http://127.0.0.1:9"}', "\x00"])
def test_a_stale_or_broken_beacon_is_harmless(content: str, tmp_path: Path) -> None:
    """What a killed collector left behind leads back to the file."""
    database = tmp_path / "a.duckdb"
    database.touch()
    (tmp_path / "a.duckdb.endpoint").write_text(content, encoding="utf-8")
    assert running_collector(database) is None
    assert locate(database, None, {}) == Source(database=database)


def test_what_was_typed_beats_the_environment(tmp_path: Path) -> None:
    """An option wins over both variables, and an address over a file."""
    typed, named = tmp_path / "typed.duckdb", tmp_path / "named.duckdb"
    typed.touch()
    named.touch()
    environment = {"CLAWTRACE_DB": str(named), "CLAWTRACE_ENDPOINT": "http://127.0.0.1:9/"}
    assert locate(typed, None, environment) == Source(database=typed)
    assert locate(None, "http://127.0.0.1:10", environment) == Source(endpoint="http://127.0.0.1:10")
    assert locate(None, None, environment) == Source(endpoint="http://127.0.0.1:9")
    assert locate(None, None, {"CLAWTRACE_DB": str(named)}) == Source(database=named)


def test_a_missing_file_is_an_error_unless_it_may_be_made(tmp_path: Path) -> None:
    """Reading needs a file, importing makes one."""
    missing = tmp_path / "none.duckdb"
    with pytest.raises(CliError, match="no database"):
        locate(missing, None, {})
    assert locate(missing, None, {}, must_exist=False) == Source(database=missing)


@pytest.mark.parametrize(
    ("listening", "dialled"),
    [
        ("http://0.0.0.0:4318", "http://127.0.0.1:4318"),
        ("http://[::]:4318", "http://[::1]:4318"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://box.local:1", "http://box.local:1"),
    ],
)
def test_the_beacon_names_an_address_that_can_be_dialled(listening: str, dialled: str, tmp_path: Path) -> None:
    """A collector that listens everywhere is dialled on loopback."""
    assert reachable_address(listening) == dialled
    with beacon(tmp_path / "a.duckdb", listening, NAME):
        assert json.loads((tmp_path / "a.duckdb.endpoint").read_text(encoding="utf-8"))["http"] == dialled


def test_a_home_that_does_not_exist_is_told() -> None:
    """A path in the home of nobody is a mistake of the command line, or of a container without a home."""
    with pytest.raises(CliError, match="whole path"):
        database_path(Path("~nobody-of-this-name/a.duckdb"), {})
