"""Each example as a user starts it: a process of its own, a model server over HTTP, spans over OTLP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clawtrace_otel.receiver import Receiver, receiver
from tests.model_server import ModelServer, Reply, ToolRequest, model_server
from tests.support.collector import RunningCollector
from tests.support.environment import clean_environment

ROOT = Path(__file__).parents[2]
QUESTION = "Where is order 7?"
LOOK_UP = Reply("Looking.", tools=(ToolRequest("order_status", '{"order": "7"}'),))
EXAMPLES = {
    "openai_sdk.py": ([LOOK_UP, Reply("It is on its way.")], "It is on its way."),
    "pydantic_agent.py": ([LOOK_UP, Reply("It is on its way.")], "It is on its way."),
    "own_agent.py": ([LOOK_UP, Reply("On its way."), Reply("Kindly, it is on its way.")], "Kindly, it is on its way."),
}


@pytest.fixture
def otlp() -> Iterator[Receiver]:
    """Return a running OTLP receiver."""
    with receiver() as running:
        yield running


def run_example(name: str, server: ModelServer, endpoint: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run an example against the model server, with the environment that its docstring names."""
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), QUESTION],
        env={
            **clean_environment(),
            "NO_PROXY": "*",
            "OPENAI_BASE_URL": server.openai_url,
            "OPENAI_API_KEY": "none",
            "ANTHROPIC_BASE_URL": server.anthropic_url,
            "ANTHROPIC_API_KEY": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_SERVICE_NAME": "order-desk",
            **more,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_session_with_what_its_model_really_served(name: str, collector: RunningCollector) -> None:
    """The answer is printed; the collector has one session, its calls with the served tokens and its tool call once."""
    script, said = EXAMPLES[name]
    with model_server(script) as server:
        done = run_example(name, server, collector.http)
        served = server.served
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == said
    collector.compile()
    (session,) = collector.sql("SELECT * FROM sessions")
    assert session["session_id"] == done.stderr.strip().removeprefix("clawtrace card ")
    assert (session["agent_name"], session["service_name"]) == ("order-desk", "order-desk")
    assert session["sub_agent_count"] == (1 if name == "own_agent.py" else 0)
    steps = collector.sql(
        "SELECT kind, name, error_type, input_tokens, cache_read_input_tokens, output_tokens, cost_usd FROM steps "
        "WHERE kind IN ('llm', 'tool') AND counted_by IS NULL ORDER BY started_at"
    )
    calls = [step for step in steps if step["kind"] == "llm"]
    assert [(call["input_tokens"], call["output_tokens"]) for call in calls] == [
        (call.input_tokens, call.output_tokens) for call in served
    ]
    assert all(float(call["cost_usd"]) > 0 for call in calls)
    assert [(step["name"], step["error_type"]) for step in steps if step["kind"] == "tool"] == [("order_status", None)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_keeps_content_at_home_by_default(name: str, otlp: Receiver) -> None:
    """Without the switch neither the question nor a tool's answer leaves the process."""
    with model_server(EXAMPLES[name][0]) as server:
        done = run_example(name, server, otlp.http)
    assert done.returncode == 0, done.stderr
    sent = b"".join(request.SerializeToString() for request in otlp.traces)
    assert QUESTION.encode() not in sent
    assert b"on its way" not in sent


@pytest.mark.parametrize("name", ["openai_sdk.py", "own_agent.py"])
def test_an_example_sends_content_on_request(name: str, otlp: Receiver) -> None:
    """With the standard switch the question and the tool's arguments are there."""
    with model_server(EXAMPLES[name][0]) as server:
        done = run_example(name, server, otlp.http, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY")
    assert done.returncode == 0, done.stderr
    sent = b"".join(request.SerializeToString() for request in otlp.traces)
    assert QUESTION.encode() in sent
    assert b"on its way" in sent
