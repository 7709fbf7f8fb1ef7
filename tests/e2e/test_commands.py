"""The commands of the documentation, as a user types them, through a running collector and on a file alone."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.conftest import StartCollector
from tests.support.collector import RunningCollector
from tests.support.environment import clean_environment
from tests.support.recordings import CAPTURES, otlp_json, requests_of, send_protobuf, truth

DOCS = Path(__file__).parent.parent.parent / "docs"
RECORDING = CAPTURES / "pydantic-ai"


def clawtrace(*arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command line in a process of its own."""
    command = [sys.executable, "-m", "clawtrace_otel", *arguments]
    return subprocess.run(
        command, input=given.encode(), capture_output=True, check=False, env=clean_environment() | environment
    )


def said(*arguments: str, given: str = "") -> str:
    """Run a command that must succeed and return what it printed."""
    done = clawtrace(*arguments, given=given)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file into which a recording was imported without any collector."""
    path = tmp_path_factory.mktemp("imported") / "imported.duckdb"
    assert "1 session compiled" in said("import", "otlp", str(RECORDING), "--db", str(path))
    return path


@pytest.fixture
def database(imported: Path, tmp_path: Path) -> Path:
    """Return a copy of that file, to do with as a test likes."""
    return Path(shutil.copy(imported, tmp_path / imported.name))


def test_a_file_and_its_collector_say_the_same(database: Path, start_collector: StartCollector) -> None:
    """Every reading command prints the same through a collector that owns the file as from the file alone."""
    commands = [
        ["sessions", "--format", "csv"],
        ["card", "latest"],
        ["card", "latest", "--format", "json"],
        ["cards"],
        ["card", "latest", "--tree"],
        ["top", "models"],
        ["coverage", "latest"],
        ["coverage", "latest", "--format", "json"],
        ["sql", "SELECT * EXCLUDE received_at FROM spans ORDER BY span_id", "--format", "json"],
    ]
    alone = [said(*command, "--db", str(database)) for command in commands]
    collector = start_collector(database=database)
    assert said(*commands[0], "--db", str(database)) == alone[0]
    assert [said(*command, "--endpoint", collector.http) for command in commands] == alone


def test_formats_hold_the_same_rows(database: Path) -> None:
    """Table, CSV, JSON and Arrow carry the same figures; money is exact in each."""
    query = "SELECT session_id, cost_usd, input_tokens FROM sessions"
    answers = {
        form: clawtrace("sql", query, "--format", form, "--db", str(database)) for form in ("csv", "json", "arrow")
    }
    served = truth("pydantic-ai")
    document = json.loads(answers["json"].stdout)
    (row,) = document["rows"]
    assert [column["name"] for column in document["columns"]] == ["session_id", "cost_usd", "input_tokens"]
    assert document["truncated"] is False
    assert row[2] == served["input_tokens"]
    assert float(row[1]) == pytest.approx(served["expected_cost_usd"], abs=1e-9)
    assert answers["csv"].stdout.decode() == f"session_id,cost_usd,input_tokens\n{row[0]},{row[1]},{row[2]}\n"
    table = pa.ipc.open_stream(io.BytesIO(answers["arrow"].stdout)).read_all()
    assert str(table.column("cost_usd")[0].as_py()) == row[1]
    assert row[0] in said("sql", query, "--db", str(database))


def test_a_statement_comes_from_standard_input(database: Path) -> None:
    """`-` reads the statement."""
    assert said("sql", "-", "--format", "csv", "--db", str(database), given="SELECT 6 * 7 AS answer") == "answer\n42\n"


def test_importing_again_changes_nothing(database: Path) -> None:
    """The same files, sent again, are known."""
    before = said("cards", "--db", str(database))
    said("import", "otlp", str(RECORDING), "--db", str(database))
    assert said("cards", "--db", str(database)) == before
    assert said("sql", "SELECT count(*) AS n FROM spans", "--format", "csv", "--db", str(database)) == (
        f"n\n{truth('pydantic-ai')['observed']['spans']}\n"
    )


def test_json_bodies_are_imported_as_protobuf_ones(database: Path, tmp_path: Path) -> None:
    """JSON files give the same cards."""
    folder = tmp_path / "json"
    folder.mkdir()
    for number, request in enumerate(requests_of("pydantic-ai")):
        (folder / f"{number}.json").write_bytes(otlp_json(request))
    said("import", "otlp", str(folder), "--db", str(tmp_path / "other.duckdb"))
    assert said("cards", "--db", str(tmp_path / "other.duckdb")) == said("cards", "--db", str(database))


def test_cards_are_written_one_per_session(database: Path, tmp_path: Path) -> None:
    """`cards --out` writes what `card` prints."""
    said("cards", "--out", str(tmp_path / "cards"), "--db", str(database))
    (file,) = (tmp_path / "cards").iterdir()
    assert file.read_text(encoding="utf-8") == said("card", "latest", "--db", str(database))


def test_an_outcome_reaches_session_and_card(collector: RunningCollector, tmp_path: Path) -> None:
    """A verdict given right after the run, before the session went quiet, stands in the view and in the card."""
    for request in requests_of("pydantic-ai"):
        send_protobuf(collector, request)
    collector.compile()
    checks = tmp_path / "checks.json"
    checks.write_text('[{"name": "total", "passed": false, "expected": "42", "got": "41"}]', encoding="utf-8")
    options = ["--failed", "--score", "0.25", "--task", "t-1", "--condition", "base", "--checks", str(checks)]
    said("outcome", "latest", *options, "--endpoint", collector.http)
    said("compile", "--endpoint", collector.http)
    (session,) = collector.sql("SELECT outcome_passed, outcome_score, task_id, condition FROM sessions")
    assert session == {"outcome_passed": False, "outcome_score": 0.25, "task_id": "t-1", "condition": "base"}
    card = json.loads(said("card", "latest", "--format", "json", "--endpoint", collector.http))
    assert card["outcome"]["passed"] is False
    assert card["task_id"] == "t-1"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["outcome", "latest"], 2),
        (["outcome", "nobody", "--passed"], 1),
        (["card", "nobody"], 1),
        (["sql", "DROP TABLE x"], 1),
        (["flame", "latest", "--out", "x.pdf"], 2),
        (["import", "otlp", "/no/such/file"], 1),
    ],
)
def test_mistakes_are_one_line(database: Path, arguments: list[str], code: int) -> None:
    """A mistake is one plain line on stderr, nothing on stdout, and the exit code of the contract."""
    done = clawtrace(*arguments, "--db", str(database))
    assert done.returncode == code
    assert done.stdout == b""
    assert re.fullmatch(rb"clawtrace: [^\n]+\n", done.stderr)


@pytest.mark.parametrize("command", [["sql", "SELECT '\udcff'"], ["card", "\udcff"], ["sql", "-"]])
def test_what_is_no_text_is_refused_in_one_line(database: Path, command: list[str]) -> None:
    """Bytes that are no UTF-8, as an argument or as input, are a mistake and no bug."""
    line = [sys.executable, "-m", "clawtrace_otel", *command, "--db", str(database)]
    utf8 = os.environ | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(line, input=b"SELECT '\xff'", capture_output=True, check=False, env=utf8)
    assert (done.returncode, done.stdout) == (1, b"")
    assert re.fullmatch(rb"clawtrace: [^\n]+ is not valid [Uu][Tt][Ff]-8 text[^\n]*\n", done.stderr)


def test_a_closed_stream_is_no_bug(database: Path) -> None:
    """A command whose streams were closed by its caller does its work and writes nothing."""
    for command in ("sessions", "card latest", "card latest --tree", "sql - --format csv"):
        closed = f"{shlex.quote(sys.executable)} -m clawtrace_otel {command} --db {shlex.quote(str(database))} <&- >&-"
        done = subprocess.run(closed, shell=True, stderr=subprocess.PIPE, check=False)
        assert b"bug" not in done.stderr, done.stderr
        assert done.returncode == (1 if command.startswith("sql") else 0)


def test_what_the_terminal_cannot_show_is_escaped(database: Path) -> None:
    """Text that does not fit the encoding of a terminal is written with escapes."""
    done = clawtrace(
        "sql", "SELECT 'h\u00e9' AS word", "--format", "csv", "--db", str(database), PYTHONIOENCODING="ascii"
    )
    assert (done.returncode, done.stdout) == (0, b"word\nh\\xe9\n")


def test_a_locked_file_names_the_way_out(database: Path, start_collector: StartCollector) -> None:
    """Where a collector owns the file and cannot be asked, one line says so and names the option to use."""
    start_collector(database=database)
    (database.parent / f"{database.name}.endpoint").unlink()
    done = clawtrace("sessions", "--db", str(database))
    assert done.returncode == 1
    assert b"--endpoint" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_flame_graphs_are_written(database: Path, tmp_path: Path) -> None:
    """All three formats are written and weigh the session's cost."""
    for suffix in ("json", "svg", "html"):
        said("flame", "latest", "--out", str(tmp_path / f"flame.{suffix}"), "--db", str(database))
    weights = json.loads((tmp_path / "flame.json").read_text(encoding="utf-8"))["profiles"][0]["weights"]
    assert sum(weights) == pytest.approx(truth("pydantic-ai")["expected_cost_usd"] * 1e6, abs=1e-3)


def test_two_sessions_are_compared(database: Path) -> None:
    """What moved between two sessions sums up to the difference of their costs."""
    said("import", "otlp", str(CAPTURES / "vercel-ai7-chat"), "--db", str(database))
    query = "SELECT session_id, cost_usd FROM sessions ORDER BY session_id"
    (a, cost_a), (b, cost_b) = json.loads(said("sql", query, "--format", "json", "--db", str(database)))["rows"]
    moved = json.loads(said("diff", a, b, "--format", "json", "--db", str(database)))
    position = [column["name"] for column in moved["columns"]].index("usd_moved")
    assert sum(float(row[position]) for row in moved["rows"]) == pytest.approx(float(cost_b) - float(cost_a), abs=1e-9)


def documented_queries() -> list[str]:
    """Return every SQL statement of docs/sql.md, from the shell lines and the SQL block."""
    text = (DOCS / "sql.md").read_text(encoding="utf-8")
    typed = [shlex.split(line)[2] for line in text.splitlines() if line.startswith('clawtrace sql "')]
    blocks = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    return typed + [statement for block in blocks for statement in block.split(";") if statement.strip()]


def test_documented_queries_work(database: Path) -> None:
    """Every query that the documentation shows can be asked."""
    queries = documented_queries()
    assert len(queries) >= 4
    for query in queries:
        said("sql", "-", "--db", str(database), given=query)


def test_the_schema_is_that_of_the_cards(database: Path) -> None:
    """The printed JSON Schema names every key of a real card."""
    schema = json.loads(said("schema", "tracecard"))
    card = json.loads(said("card", "latest", "--format", "json", "--db", str(database)))
    assert set(card) <= set(schema["properties"])


def test_the_demo_shows_a_card_and_the_next_command(tmp_path: Path) -> None:
    """It runs without a network or keys, shows a priced card, improves a skill, and ends with what to type next."""
    done = clawtrace("demo", http_proxy="http://127.0.0.1:9", HOME=str(tmp_path))
    shown = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "total_cost_usd: 0.0044" in shown
    assert "Skip `list_shipments`" in shown
    assert "distilled against base: better" in shown
    assert "clawtrace serve" in shown.splitlines()[-4]
    assert "clawtrace distill" in shown.splitlines()[-1]


def test_a_killed_collectors_database_is_not_read_from_its_ports_next_owner(
    database: Path, tmp_path: Path, start_collector: StartCollector
) -> None:
    """After kill -9, and another collector on the same port, a database still leads to its own sessions."""
    alone = said("sessions", "--format", "csv", "--db", str(database))
    killed = start_collector(database=database)
    port = killed.http.rpartition(":")[2]
    killed.kill()
    start_collector("--http-port", port, database=tmp_path / "other.duckdb")
    assert said("sessions", "--format", "csv", "--db", str(database)) == alone
