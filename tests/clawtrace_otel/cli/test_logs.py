"""Log lines for people and for machines."""

from __future__ import annotations

import json
import logging
from datetime import datetime

from clawtrace_otel.cli.options import LogFormat
from clawtrace_otel.cli.redacting import log_handler

SECRET = "sk-ant-api03-" + "Ab1" * 31 + "AA"


def record(message: str, *arguments: object, error: Exception | None = None) -> logging.LogRecord:
    """Return a log record."""
    held = None if error is None else (type(error), error, None)
    return logging.LogRecord("collector.ingest", logging.WARNING, "x.py", 1, message, arguments, held)


def test_a_json_line_is_one_object() -> None:
    """Whatever a message holds, its line is one JSON object with time, level, logger and message."""
    line = log_handler(LogFormat.JSON).format(record('a "quoted" %s\nline', "é"))
    assert "\n" not in line
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("warning", "collector.ingest", 'a "quoted" é\nline')
    assert datetime.fromisoformat(said["time"]).utcoffset() is not None


def test_an_exception_is_in_the_object() -> None:
    """A traceback is a member of its line's object, without secrets, as is the message."""
    line = log_handler(LogFormat.JSON).format(record("lost key %s", SECRET, error=ValueError(f"bad key {SECRET}")))
    said = json.loads(line)
    assert "ValueError" in said["exception"]
    assert SECRET not in line


def test_a_text_line_is_as_it_was() -> None:
    """Without a choice lines are for people: time, level, logger and message."""
    assert log_handler(LogFormat.TEXT).format(record("done")).endswith("WARNING collector.ingest: done")
