"""What `--engine spark` lacks is said in one line, before Spark is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from clawtrace_otel.cli import spark_checks
from clawtrace_otel.cli.app import main
from clawtrace_otel.cli.errors import CliError
from clawtrace_otel.cli.spark_checks import check_extra, check_java, check_master, reason_of
from tests.deploy.otelcol import free_port

FAILED_JOB = """An error occurred while calling z:org.apache.spark.api.python.PythonRDD.runJob.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most recent
failure: Lost task 0.3 in stage 1.0 (TID 7) (127.0.0.1 executor 1): org.apache.spark.api.python.PythonException:
Traceback (most recent call last):
  File "worker.py", line 1, in main
{error}
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:1)
Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:1)
Caused by: java.lang.IllegalStateException: closed
"""


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """Return the one line with which a command fails."""
    assert main(list(arguments)) == code
    said = capsys.readouterr().err
    assert said.startswith("clawtrace: ")
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--engine", "spark"], 2, "--store ducklake:postgres:DSN"),
        (["--engine", "spark", "--db", "x.duckdb"], 2, "export parquet"),
        (["--engine", "spark", "--store", "ducklake:x.ducklake", "--data", "x"], 1, "for one process"),
        (["--engine", "spark", "--from", "x"], 2, "--out DIR"),
        (["--engine", "spark", "--from", "/nowhere", "--out", "x"], 1, "is not an export"),
        (["--master", "local[2]"], 2, "--engine spark"),
        (["--from", "x"], 2, "--engine spark"),
    ],
)
def test_wrong_combinations(
    options: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be compiled on a cluster is refused with what can."""
    monkeypatch.delenv("CLAWTRACE_STORE", raising=False)
    assert words in refused(capsys, "compile", *options, code=code)


def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the line says how to install it."""
    monkeypatch.setattr(spark_checks, "find_spec", lambda _: None)
    with pytest.raises(CliError, match=r"clawtrace-otel\[spark\]"):
        check_extra()


def test_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Java the line says what to install, and where it was looked for."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CliError, match=r"Java 17 or newer.*on the PATH"):
        check_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(CliError, match=f"JAVA_HOME .{tmp_path}"):
        check_java()


def test_a_master_that_nobody_is() -> None:
    """An address where nobody listens is named at once; other kinds of masters are Spark's own business."""
    address = f"spark://127.0.0.1:{free_port()}"
    with pytest.raises(CliError, match=address):
        check_master(address)
    with pytest.raises(CliError, match="spark://"):
        check_master("spark://:notaport")
    check_master("local[2]")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            "collector.errors.StoreError: the lake in PostgreSQL cannot be reached",
            "the lake in PostgreSQL cannot be reached",
        ),
        (
            "ModuleNotFoundError: No module named 'clawtrace_otel'",
            "ModuleNotFoundError: No module named 'clawtrace_otel'",
        ),
    ],
)
def test_the_reason_of_a_failed_job(error: str, words: str) -> None:
    """Of what Spark says of a failed job, the error of the task is told; ours in our own words."""
    assert reason_of(FAILED_JOB.format(error=error)) == words
