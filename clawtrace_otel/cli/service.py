"""The running program: one process that owns the database, takes telemetry in, answers and compiles."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.actions import StoreActions
from clawtrace_otel.cli.budgets import read_budgets, watching
from clawtrace_otel.cli.compile_session import compile_session
from clawtrace_otel.cli.compiler import Compiler, CompileSettings
from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.locate import beacon
from clawtrace_otel.cli.making import together_in
from clawtrace_otel.cli.open_files import allow_open_files
from clawtrace_otel.cli.options import LogFormat
from clawtrace_otel.cli.redacting import RedactionChoice, log_handler, redactor
from clawtrace_otel.cli.retention import KEEP_EVERYTHING, Keep, Retention
from clawtrace_otel.cli.stores import key_place, open_store, reach_of
from collector.query import DuckQueries
from collector.server import Collector
from collector.tls import TlsFiles

if TYPE_CHECKING:
    from collector.config import CollectorConfig
    from collector.store.lake_address import LakeAddress

_TRANSPORTS: Final = 2
_SWITCH_S: Final = 0.001
"""How long a thread that decodes may keep the interpreter from the one that commits. At Python's 5 ms a commit, which
asks for it some ten times, waits longer than it works."""


def run(
    config: CollectorConfig,
    place: Path | LakeAddress,
    settings: CompileSettings,
    redaction: RedactionChoice,
    keep: Keep = KEEP_EVERYTHING,
    log_format: LogFormat = LogFormat.TEXT,
) -> None:
    """Serve until SIGTERM or Ctrl-C; then store what was taken in and release the database.

    Raises StartError for an address that is taken, StoreError for a database that cannot be opened, PriceFileError
    for prices, BudgetFileError for budgets and RedactionFileError for redaction that cannot be read.
    """
    logging.basicConfig(level=logging.INFO, handlers=[log_handler(log_format)])
    sys.setswitchinterval(_SWITCH_S)
    if settings.prices is not None:
        check_prices(settings.prices)
    budgets = None if settings.budgets is None else read_budgets(settings.budgets)
    if not keep.everything and not isinstance(place, Path):
        raise CliError("a lake has no retention: leave out --keep-days, --keep-bodies-days and --max-gb")
    allow_open_files(_TRANSPORTS * config.max_connections)
    with _asked_to_stop() as asked, closing(open_store(place)) as store:
        store.database.when_broken = asked.set
        queries = DuckQueries(store.database)
        compiler = Compiler(store, compile_session, replace(settings, together=together_in(place)))
        actions = StoreActions(store, queries, compiler)
        reach = reach_of(store)
        check = None if reach is None else reach.raise_if_lost
        collector = Collector(config, store, queries, actions, redactor(key_place(place), redaction), check)
        compiler.count = collector.metrics.count_compiled
        if isinstance(place, Path):
            collector.metrics.database_bytes.set_function(store.database.file_bytes)
        addresses = collector.start()
        try:
            judged = watching(store, budgets, compiler, collector.metrics)
            kept = Retention(store, compiler, collector.metrics, keep).in_background()
            watched = nullcontext() if reach is None else reach.watched()
            with _findable(place, addresses.http, config), judged, compiler.in_background(), kept, watched:
                ready = {
                    "event": "ready",
                    "grpc": addresses.grpc,
                    "http": addresses.http,
                    "db": str(store.database.path),
                }
                print(json.dumps(ready, separators=(",", ":")), flush=True)  # noqa: T201 - the contract's ready line
                asked.wait()
        finally:
            collector.stop()


def _findable(place: Path | LakeAddress, http_address: str, config: CollectorConfig) -> AbstractContextManager[None]:
    """Leave the collector's address beside its file; a lake is read without a collector."""
    return beacon(place, http_address, config.instance) if isinstance(place, Path) else nullcontext()


def tls_files(certificate: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles | None:
    """Return what TLS is served with, None for no TLS. Raises CliError where one of the options lacks another."""
    if certificate is not None and key is not None:
        return TlsFiles(certificate, key, client_ca)
    if certificate is None and key is None and client_ca is None:
        return None
    raise CliError("TLS needs --tls-cert and --tls-key; --tls-client-ca goes with them")


def check_prices(prices: Path) -> None:
    """Raise PriceFileError, with file and line, for prices that cannot be used."""
    from processors.pricing import price_book

    price_book(prices)


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and Ctrl-C set; asking again changes nothing."""
    asked = threading.Event()
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
