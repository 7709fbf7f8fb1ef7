"""Options that several commands share, so that they are spelled and explained the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DatabaseOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--db",
        metavar="FILE",
        help="The database file (environment: CLAWTRACE_DB). Default: clawtrace.duckdb in the user's data directory.",
        show_default=False,
    ),
]
EndpointOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        help="The HTTP address of a running collector (environment: CLAWTRACE_ENDPOINT). Default: a collector that "
        "runs on this machine, if any.",
        show_default=False,
    ),
]
StoreOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="ducklake:CATALOG",
        help="A lake that several collectors share: ducklake:postgres:DSN; or ducklake:FILE for one process "
        "(docs/scale.md; environment: CLAWTRACE_STORE).",
        show_default=False,
    ),
]
DataOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="PLACE",
        help="Where its Parquet files are: a directory, or s3://BUCKET/PREFIX (environment: CLAWTRACE_DATA).",
        show_default=False,
    ),
]


class EngineName(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    SPARK = "spark"


EngineOption: TypeAlias = Annotated[
    EngineName,
    typer.Option("--engine", help="Where to do the work: on this machine, or on Spark (docs/scale.md)."),
]
MasterOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--master",
        metavar="URL",
        help="For --engine spark: the cluster, such as spark://HOST:7077 or yarn. Default: this machine, local[*].",
        show_default=False,
    ),
]
SparkConfOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--conf", metavar="spark.KEY=VALUE", help="For --engine spark: a setting, as for spark-submit; can be repeated."
    ),
]
ExportOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DIR",
        help="For --engine spark: read an export ('clawtrace export parquet DIR') instead of a lake.",
        show_default=False,
    ),
]
SessionArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="SESSION", help="A session id, an unambiguous prefix of one, or 'latest'.")
]


TokensOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="CLAWTRACE_TOKENS",
        exists=True,
        dir_okay=False,
        help="Named tokens with scopes (docs/security.md).",
    ),
]
TlsCertificateOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="CLAWTRACE_TLS_CERT", help="Serve TLS with this certificate chain (PEM)."),
]
TlsKeyOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", envvar="CLAWTRACE_TLS_KEY", help="The certificate's private key (PEM).")
]
TlsClientAuthorityOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="CLAWTRACE_TLS_CLIENT_CA",
        help="Accept only clients with a certificate from this CA (PEM).",
    ),
]

PublishedOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST",
        envvar="CLAWTRACE_PUBLISHED",
        help="In a container: the address at which the ports are published. It decides whether a token is required.",
    ),
]


class ContentAction(StrEnum):
    """What is stored of what was said to and by models and tools."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


RedactOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="CLAWTRACE_REDACT",
        exists=True,
        dir_okay=False,
        help="Rules for what to redact besides secrets (docs/privacy.md).",
    ),
]
RedactKeyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="CLAWTRACE_REDACT_KEY",
        help="The key for the hashes that replace redacted values. Default: created beside the database.",
    ),
]
ContentOption: TypeAlias = Annotated[
    ContentAction | None,
    typer.Option(
        envvar="CLAWTRACE_CONTENT",
        help="What to store of prompts, answers, tool arguments and results: all of it, keyed hashes, or nothing.",
        show_default=False,
    ),
]


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


LogFormatOption: TypeAlias = Annotated[
    LogFormat,
    typer.Option(
        "--log-format", envvar="CLAWTRACE_LOG_FORMAT", help="Log lines on stderr: text, or one JSON object per line."
    ),
]


class CardFormat(StrEnum):
    """How a TraceCard is written."""

    YAML = "yaml"
    JSON = "json"


class RowsFormat(StrEnum):
    """How the rows of a query are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    ARROW = "arrow"
