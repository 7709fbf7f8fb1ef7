"""`clawtrace serve`: the collector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clawtrace_otel.cli.options import (
    ContentOption,
    DatabaseOption,
    DataOption,
    LogFormat,
    LogFormatOption,
    PublishedOption,
    RedactKeyOption,
    RedactOption,
    StoreOption,
    TlsCertificateOption,
    TlsClientAuthorityOption,
    TlsKeyOption,
    TokensOption,
)


def serve(
    db: DatabaseOption = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to listen on.")] = "127.0.0.1",
    grpc_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port for OTLP over gRPC; 0 picks a free one.")
    ] = 4317,
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port for OTLP over HTTP, SQL and metrics; 0 picks a free one.")
    ] = 4318,
    idle_seconds: Annotated[
        float, typer.Option(min=0, help="Compile a session after this many seconds without new telemetry.")
    ] = 10.0,
    queue_mb: Annotated[
        int,
        typer.Option(min=1, help="MiB of telemetry that may wait to be stored; beyond it, senders must retry."),
    ] = 256,
    prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="CLAWTRACE_PRICES",
            exists=True,
            dir_okay=False,
            help="Your own prices (docs/prices.md).",
        ),
    ] = None,
    budgets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="CLAWTRACE_BUDGETS",
            exists=True,
            dir_okay=False,
            help="Limits on cost and waste (docs/budgets.md).",
        ),
    ] = None,
    keep_days: Annotated[
        float | None, typer.Option(min=0, help="Delete sessions that received no telemetry for this many days.")
    ] = None,
    keep_bodies_days: Annotated[
        float | None, typer.Option(min=0, help="Like --keep-days, but cards, costs and verdicts stay.")
    ] = None,
    max_gb: Annotated[
        float | None, typer.Option(min=0.01, help="Delete the oldest sessions once the database exceeds this many GB.")
    ] = None,
    published: PublishedOption = None,
    redact: RedactOption = None,
    redact_key: RedactKeyOption = None,
    content: ContentOption = None,
    tokens: TokensOption = None,
    tls_cert: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    tls_client_ca: TlsClientAuthorityOption = None,
    store: StoreOption = None,
    data: DataOption = None,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Receive OTLP over gRPC and HTTP, store it in DuckDB, and compile quiet sessions into TraceCards.

    Prints one line of JSON when ready. SIGTERM stores what was received and exits 0.

    CLAWTRACE_TOKEN sets the token that clients must send; --tokens, several.
    Without one, only this machine can be served (docs/security.md).
    """
    from clawtrace_otel.cli.compiler import CompileSettings
    from clawtrace_otel.cli.http import token_from_environment
    from clawtrace_otel.cli.lake import chosen_lake
    from clawtrace_otel.cli.locate import database_path
    from clawtrace_otel.cli.redacting import RedactionChoice
    from clawtrace_otel.cli.retention import Keep
    from clawtrace_otel.cli.service import run, tls_files
    from collector.access import read_tokens
    from collector.config import LAKE_COMMIT_INTERVAL_S, LARGEST_BODY_MIB, MEBIBYTE, CollectorConfig, IngestConfig
    from processors.normalise.session_keys import CORRELATION_KEYS

    lake = chosen_lake(store, data, elsewhere=db is not None)
    config = CollectorConfig(
        host=host,
        published=published,
        grpc_port=grpc_port,
        http_port=http_port,
        token=token_from_environment(),
        tokens=() if tokens is None else read_tokens(tokens),
        tls=tls_files(tls_cert, tls_key, tls_client_ca),
        ingest=IngestConfig(
            correlation_attributes=frozenset(CORRELATION_KEYS),
            queue_bytes=queue_mb * MEBIBYTE,
            max_body_bytes=min(queue_mb, LARGEST_BODY_MIB) * MEBIBYTE,
            commit_interval_s=LAKE_COMMIT_INTERVAL_S if lake else 0.0,
        ),
    )
    settings = CompileSettings(prices=prices, budgets=budgets, idle_s=idle_seconds)
    place = lake or database_path(db)
    keep = Keep(days=keep_days, bodies_days=keep_bodies_days, gigabytes=max_gb)
    run(config, place, settings, RedactionChoice(redact, redact_key, content), keep, log_format)
