"""The key of the hashes that stand for redacted values: beside the database, for its owner's eyes only."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

from collector.errors import RedactionFileError

_log: Final = logging.getLogger(__name__)
_SUFFIX: Final = ".redaction-key"
_BYTES: Final = 32
_MOST_BYTES: Final = 4096


def redaction_key(database: Path, given: Path | None = None) -> bytes:
    """Return the key: the content of the file that was given, or of the one beside the database, made when missing.

    Raises RedactionFileError for a file that cannot be read or is too short to be a key.
    """
    path = given if given is not None else database.with_name(f"{database.name}{_SUFFIX}")
    if given is None and not path.exists():  # A disk without a free byte still has the key of before.
        with contextlib.suppress(FileExistsError):
            _create(path)
    try:
        key = path.read_bytes().strip()
        mode = path.stat().st_mode
    except OSError as error:
        raise RedactionFileError(f"{path}: the redaction key cannot be read: {error.strerror}") from error
    if not _BYTES <= len(key) <= _MOST_BYTES:
        raise RedactionFileError(
            f"{path}: a redaction key has {_BYTES} bytes or more, this one {len(key)}: "
            "make one with 'openssl rand -hex 32'"
        )
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        _log.warning("%s is readable by others: run 'chmod 600' on it, or redacted values can be guessed", path)
    return key


def _create(path: Path) -> None:
    """Make the file whole or not at all, so that two processes that start together agree."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Readable by its owner only, under a name that nothing left behind can have.
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    except OSError as error:
        raise RedactionFileError(f"{path}: the redaction key cannot be created: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise RedactionFileError(f"{path}: the redaction key cannot be created: {error.strerror}") from error
    finally:
        os.unlink(name)  # noqa: PTH108 - as `mkstemp` names it
