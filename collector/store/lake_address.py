"""Where a lake is: its catalog, its data, and what DuckDB needs to reach both.

    ducklake:postgres:DSN    a catalog in PostgreSQL (a libpq connection string), for any number of processes
    ducklake:FILE            a catalog in a DuckDB file, for one process at a time

The data is a directory, or `s3://BUCKET/PREFIX` on anything that speaks S3. Credentials come from the environment
variables of AWS's own tools, and a password for PostgreSQL from libpq's.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from collector.errors import StoreError

SCHEME: Final = "ducklake:"
_POSTGRES: Final = "postgres:"
_S3: Final = "s3://"
_NAME: Final = "lake"
_KEY, _SECRET, _SESSION = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"


@dataclass(frozen=True, slots=True)
class LakeAddress:
    """A catalog, as DuckLake names it behind `ducklake:`, and the place of the data."""

    catalog: str
    data: str

    @classmethod
    def of(cls, store: str, data: str | None) -> LakeAddress:
        """Return what `--store` and `--data` say. Raises StoreError with what to write instead."""
        catalog = store.removeprefix(SCHEME)
        if not store.startswith(SCHEME) or not catalog.removeprefix(_POSTGRES):
            raise StoreError("--store is ducklake:postgres:DSN or ducklake:FILE", retryable=False)
        if not data:
            raise StoreError("a lake needs --data: a directory, or s3://BUCKET/PREFIX", retryable=False)
        if "://" in data and not data.startswith(_S3):
            raise StoreError(f"the data cannot be at {data}: name a directory, or s3://BUCKET/PREFIX", retryable=False)
        if not catalog.startswith(_POSTGRES):
            catalog = str(Path(catalog).expanduser().absolute())
        place = data if data.startswith(_S3) else str(Path(data).expanduser().absolute())
        return cls(catalog, place.rstrip("/") + "/")

    @property
    def is_shared(self) -> bool:
        """Whether several processes may have the lake open at once."""
        return self.catalog.startswith(_POSTGRES)

    @property
    def name(self) -> str:
        """What the lake is called in messages, which never show a connection string."""
        return "the lake in PostgreSQL" if self.is_shared else f"the lake {self.catalog}"

    def extensions(self) -> Iterator[Path]:
        """Yield the files of DuckDB's extensions that the lake needs. Raises StoreError where one is missing."""
        yield _extension("ducklake")
        if self.is_shared:
            yield _extension("postgres_scanner")
        if self.data.startswith(_S3):
            yield _extension("httpfs")

    def make_directory(self) -> None:
        """Make the directory of the data, where it is one. Raises StoreError where the system refuses."""
        if self.data.startswith(_S3):
            return
        try:
            Path(self.data).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.data} cannot be created: {error.strerror}", retryable=False) from error

    def directories(self) -> list[str]:
        """Return all that the instance may read and write by name."""
        return [self.data] if self.is_shared else [self.data, f"{Path(self.catalog).parent}/"]

    def secrets(self, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
        """Yield the SQL that opens the place of the data. Raises StoreError where credentials are missing."""
        if self.data.startswith(_S3):
            yield _s3_secret(environment)

    def attachment(self, *, read_only: bool) -> str:
        """Return the SQL that opens the lake."""
        options = [f"DATA_PATH {quoted(self.data)}", *(["READ_ONLY"] if read_only else [])]
        return f"ATTACH {quoted(SCHEME + self.catalog)} AS {_NAME} ({', '.join(options)})"


def quoted(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _extension(name: str) -> Path:
    package = f"duckdb_extension_{name}"
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or ()) if found else ():
        for file in sorted(Path(folder).rglob(f"{name}.duckdb_extension")):
            return file
    raise StoreError(f"DuckDB's extension {name} is not installed: pip install 'clawtrace-otel[lake]'", retryable=False)


def _s3_secret(environment: Mapping[str, str]) -> str:
    """Return SQL that hands over the credentials. Raises StoreError where the environment has none."""
    if not environment.get(_KEY) or not environment.get(_SECRET):
        raise StoreError(f"data on S3 needs {_KEY} and {_SECRET} in the environment", retryable=False)
    said = {"KEY_ID": environment[_KEY], "SECRET": environment[_SECRET]}
    said["REGION"] = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    if environment.get(_SESSION):
        said["SESSION_TOKEN"] = environment[_SESSION]
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    options = [f"{name} {quoted(value)}" for name, value in said.items()]
    if endpoint:
        parts = urlsplit(endpoint)
        options += [f"ENDPOINT {quoted(parts.netloc)}", "URL_STYLE 'path'"]
        options += [f"USE_SSL {str(parts.scheme == 'https').lower()}"]
    return f"CREATE SECRET storage (TYPE s3, {', '.join(options)})"
