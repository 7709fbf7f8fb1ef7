"""The one module that knows Spark: a session on a cluster, and pure functions run over it with mapInArrow.

What runs on the cluster takes Arrow batches and yields Arrow batches (`Task`); it is pickled, so it is a function or a
frozen dataclass of an installed module. A task's results come to this process only once the whole task is done, so
that a task that is done again, because its machine died, counts once.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from clawtrace_otel.cli.errors import CliError, UsageError
from clawtrace_otel.cli.spark_checks import STANDALONE, check_extra, check_java, check_master, reason_of
from clawtrace_otel.cli.spread_codec import RESULT
from clawtrace_otel.cli.spread_rows import GROUP, LOG, LOG_COLUMNS, SIGNAL, SPAN, SPAN_COLUMNS, VALUE, Members
from collector.columns import CORRELATIONS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Task: TypeAlias = "Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]"

DEFAULT_MASTER: Final = "local[*]"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_PYTHON: Final = "spark.pyspark.python"
_WORKER_S: Final = 60.0
"""How long a standalone cluster may have no worker for the job."""
_GLANCE_S: Final = 0.2
_TASKS_PER_CORE: Final = 4
"""Tasks of one job, of which two are under way: the next one fills the cores that the last tasks of the first leave."""
_RESULTS: Final = f"{RESULT} binary"
_EDGE: Final = ", ".join(f"{name} string" for name in CORRELATIONS.names)
_SETTINGS: Final = {
    "spark.app.name": "clawtrace",
    # Rows of telemetry are large: ten thousand at a time, as is usual, would not fit beside each other.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
    "spark.sql.session.timeZone": "UTC",
    # Partitions are counted beforehand and run in jobs of a few.
    "spark.sql.adaptive.enabled": "false",
    # Jobs are kept small instead.
    "spark.driver.maxResultSize": "0",
    # It would listen on every interface of this machine.
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class SparkFailedError(CliError):
    """Spark did not do what was asked; what it said of that is in its log."""


@dataclass(frozen=True, slots=True)
class Spark:
    """A running application."""

    session: SparkSession
    log: Path
    """What Spark itself says."""

    @property
    def cores(self) -> int:
        """How many tasks run at once."""
        with self._errors():
            return max(1, int(self.session.sparkContext.defaultParallelism))

    @property
    def executors(self) -> int:
        """How many processes run tasks, where they are not this one."""
        with self._errors():
            known = self.session.sparkContext._jsc.sc().getExecutorMemoryStatus()  # noqa: SLF001 - Python has no other way
            return int(known.size()) - 1

    def run(self, parts: Sequence[bytes], task: Task) -> Generator[bytes, None, None]:
        """Yield what a task yields for each part, in the order of the parts; each part is a task of its own.

        Raises SparkFailedError where a task failed for good.
        """
        if not parts:
            return
        with self._errors():
            rows = self.session.sparkContext.parallelize([(part,) for part in parts], len(parts))
            frame = self.session.createDataFrame(rows, "part binary")
        yield from self.results(frame.mapInArrow(task, _RESULTS))

    def table(self, place: str) -> pa.Table:
        """Return all that lies in a directory of Parquet files."""
        with self._errors():
            return self.session.read.parquet(place).toArrow()

    def edges(self, export: str, of_spans: Task, of_logs: Task) -> pa.Table:
        """Return the distinct edges of an export, which say what in it belongs together."""
        with self._errors():
            self.session.conf.set("spark.sql.shuffle.partitions", _TASKS_PER_CORE * self.cores)
            spans, logs = self._telemetry(export)
            found = spans.mapInArrow(of_spans, _EDGE).union(logs.mapInArrow(of_logs, _EDGE))
            return found.distinct().toArrow()

    def over_groups(
        self, export: str, members: Members, correlated: Task, task: Task, tasks: int
    ) -> Generator[bytes, None, None]:
        """Yield what a task yields for the telemetry of an export, brought together by group and sorted by it.

        `correlated` adds the column by which log records outside any trace are found. All of a group comes to one task.
        """
        with self._errors():
            spans, logs = self._telemetry(export)
            traces, values = (self.session.createDataFrame(table) for table in (members.traces, members.values))
            schema = f"{_columns(logs)}, {VALUE} string"
            outside = logs.where("trace_id IS NULL").mapInArrow(correlated, schema).join(values, VALUE).drop(VALUE)
            rows = spans.join(traces, "trace_id").selectExpr("*", f"'{SPAN}' AS {SIGNAL}")
            for more in (logs.join(traces, "trace_id"), outside):
                rows = rows.unionByName(more.selectExpr("*", f"'{LOG}' AS {SIGNAL}"), allowMissingColumns=True)
            sorted_rows = rows.repartition(tasks, GROUP).sortWithinPartitions(GROUP)
            made = sorted_rows.mapInArrow(task, _RESULTS)
        yield from self.results(made)

    def _telemetry(self, export: str) -> tuple[DataFrame, DataFrame]:
        read = self.session.read.parquet
        return read(f"{export}/spans").select(*SPAN_COLUMNS), read(f"{export}/logs").select(*LOG_COLUMNS)

    def results(self, frame: DataFrame) -> Generator[bytes, None, None]:
        """Yield the one column of a frame, some partitions at a time, so that this process never holds all of it."""
        with self._errors():
            rdd = frame.rdd
            count = rdd.getNumPartitions()
        context = self.session.sparkContext
        under_way: deque[Future[list[Any]]] = deque()
        with ThreadPoolExecutor(2) as threads:
            try:
                begun = 0
                while begun < count:
                    some = range(begun, min(count, begun + _TASKS_PER_CORE * self.cores))
                    begun = some.stop
                    under_way.append(threads.submit(context.runJob, rdd, list, some))
                    if len(under_way) > 1:
                        yield from self._finished(under_way.popleft())
                while under_way:
                    yield from self._finished(under_way.popleft())
            finally:
                if under_way:
                    context.cancelAllJobs()

    def _finished(self, job: Future[list[Any]]) -> Iterator[bytes]:
        with self._errors():
            rows = job.result()
        return (bytes(row[0]) for row in rows)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with _in_words(self.log):
            yield


@contextmanager
def running_spark(master: str, conf: Mapping[str, str]) -> Iterator[Spark]:
    """Yield an application on a cluster, or in processes of this machine where the master is `local[N]`.

    `conf` goes before our own settings. Raises CliError where the extra or Java is missing, or nobody answers.
    """
    check_extra()
    check_java()
    check_master(master)
    descriptor, name = tempfile.mkstemp(prefix="clawtrace-spark-", suffix=".log")
    log = Path(name)
    with os.fdopen(descriptor, "wb") as file, _in_words(log):
        session = _session({**_settings(master), **conf, "spark.master": master}, file)
    spark, lost = Spark(session, log), Event()
    try:
        if master.startswith(STANDALONE):
            _await_worker(spark, master)
            with _watched(spark, lost):
                yield spark
        else:
            yield spark
    except SparkFailedError as error:
        if lost.is_set():
            raise SparkFailedError(f"{master} has no workers left: start workers and try again") from error
        raise
    except BaseException:
        log.unlink(missing_ok=True)
        raise
    else:
        log.unlink(missing_ok=True)
    finally:
        with _in_words(log):
            session.stop()


def settings_of(given: Sequence[str]) -> dict[str, str]:
    """Return what `--conf KEY=VALUE` said. Raises CliError for what is no such pair."""
    pairs = [text.partition("=") for text in given]
    for key, equals, _ in pairs:
        if not equals or not key.startswith("spark."):
            raise UsageError(f"--conf {key!r}: write it as spark.KEY=VALUE, as for spark-submit")
    return {key: value for key, _, value in pairs}


def _settings(master: str) -> dict[str, str]:
    if not master.startswith("local") and urlsplit(master).hostname not in _LOOPBACK:
        return _SETTINGS
    return {**_SETTINGS, "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def _session(settings: Mapping[str, str], log: IO[bytes]) -> SparkSession:
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    # Without a word from the user the cluster is taken to have the same Python in the same place, as one machine has.
    os.environ["PYSPARK_PYTHON"] = settings.get(_PYTHON) or os.environ.get("PYSPARK_PYTHON") or sys.executable
    conf = SparkConf().setAll(list(settings.items()))
    gateway = launch_gateway(conf, {"stdout": log, "stderr": log})
    return SparkSession(SparkContext(conf=conf, gateway=gateway))


def _await_worker(spark: Spark, master: str) -> None:
    """Return once a standalone cluster gave an executor: without one a job would wait forever and say nothing."""
    deadline = time.monotonic() + _WORKER_S
    while not spark.executors:
        if time.monotonic() > deadline:
            raise CliError(f"no worker of {master} took the job within {_WORKER_S:g} s: start workers, or free cores")
        time.sleep(_GLANCE_S)


@contextmanager
def _watched(spark: Spark, lost: Event) -> Iterator[None]:
    """Give jobs up, and say so by `lost`, once a standalone cluster had no executor for too long."""
    ended = Event()

    def watch() -> None:
        seen = time.monotonic()
        while not ended.wait(_GLANCE_S):
            if spark.executors:
                seen = time.monotonic()
            elif time.monotonic() > seen + _WORKER_S:
                lost.set()
                spark.session.sparkContext.cancelAllJobs()
                return

    def watch_while_it_runs() -> None:
        with suppress(SparkFailedError):  # The application ended, which whoever waits for a job is told.
            watch()

    thread = Thread(target=watch_while_it_runs, name="watch-spark", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _columns(frame: DataFrame) -> str:
    """Return a frame's columns as the text of a schema."""
    return ", ".join(f"{name} {kind}" for name, kind in frame.dtypes)


@contextmanager
def _in_words(log: Path) -> Iterator[None]:
    """Turn what Spark raises into one line: the innermost reason, and where the rest stands."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException, ConnectionError) as error:
        raise SparkFailedError(f"Spark failed: {reason_of(str(error))} (full output: {log})") from error
