"""What is redacted before it is stored or logged, as the options and the environment say."""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.options import ContentAction, LogFormat
from collector.redaction import BatchRedactor, ContentNames, Redaction, read_redaction, redaction_key
from collector.redaction.marks import Marks
from collector.redaction.patterns import SECRETS
from collector.redaction.texts import Counts, Texts
from processors import content_names
from processors.normalise.session_keys import CORRELATION_KEYS

_LINE: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_NAMES: Final = ContentNames(
    content=content_names.CONTENT,
    descriptions=content_names.DESCRIPTIONS,
    messages=content_names.MESSAGES,
    structure=content_names.STRUCTURE,
)


@dataclass(frozen=True, slots=True)
class RedactionChoice:
    """A file of rules, a file with the key, and what happens to content where that differs from the file."""

    rules: Path | None = None
    key: Path | None = None
    content: ContentAction | None = None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> RedactionChoice:
        """Return what the variables of `clawtrace serve` say. Raises `CliError` for a value that is none."""
        rules, key, content = (environment.get(f"CLAWTRACE_{name}") for name in ("REDACT", "REDACT_KEY", "CONTENT"))
        if content and content not in list(ContentAction):
            raise CliError(f"CLAWTRACE_CONTENT must be one of {', '.join(ContentAction)}")
        return cls(
            Path(rules) if rules else None, Path(key) if key else None, ContentAction(content) if content else None
        )


def redactor(database: Path, choice: RedactionChoice) -> BatchRedactor | None:
    """Return what redacts batches for a database, None where nothing is to be. Raises RedactionFileError."""
    redaction = Redaction() if choice.rules is None else read_redaction(choice.rules)
    if choice.content is not None:
        redaction = replace(redaction, content=choice.content.value)
    if redaction == Redaction(secrets=False):
        return None
    key = redaction_key(database, choice.key)
    return BatchRedactor(redaction, key, names=_NAMES, correlation_attributes=frozenset(CORRELATION_KEYS))


class _RedactedLines(logging.Formatter):
    """Keeps secrets out of the log, in whatever message or traceback they come."""

    def __init__(self, line_format: str) -> None:
        super().__init__(line_format)
        self._texts = Texts(SECRETS, Marks(secrets.token_bytes()), names=False)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line with marks in the place of secrets."""
        return self._texts.plain(super().format(record), Counts())


class _RedactedJson(logging.Formatter):
    """One JSON object a line: `time` in UTC, `level`, `logger`, `message`, and `exception` with its traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._texts = Texts(SECRETS, Marks(secrets.token_bytes()), names=False)

    def format(self, record: logging.LogRecord) -> str:
        """Return the object with marks in the place of secrets."""
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._texts.plain(record.getMessage(), Counts()),
        }
        if record.exc_info:
            said["exception"] = self._texts.plain(self.formatException(record.exc_info), Counts())
        return json.dumps(said, ensure_ascii=False)


def log_handler(form: LogFormat) -> logging.Handler:
    """Return what writes log lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactedJson() if form is LogFormat.JSON else _RedactedLines(_LINE))
    return handler
