"""Set-up from the standard variables, in programs of their own that send to a real receiver."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clawtrace_otel.receiver import Receiver, attributes
from tests.support.environment import clean_environment

AGENT = """
import clawtrace_otel
clawtrace_otel.configure()
with clawtrace_otel.agent_session("clerk", session_id="s-1"):
    with clawtrace_otel.model_call("gpt-5") as call:
        call.set_usage(input_tokens=3, output_tokens=1)
"""
NAMES = {"invoke_agent clerk", "chat gpt-5"}


def _run(program: str, environment: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program that knows of telemetry only what the variables say."""
    return subprocess.run(
        [*(command or (sys.executable,)), "-c", program],
        env={**clean_environment(), "NO_PROXY": "*", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _names(otlp: Receiver) -> set[str]:
    return {span.name for span in otlp.spans}


@pytest.mark.parametrize(
    ("transport", "environment"),
    [
        ("http", {}),
        ("http", {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}),
        ("grpc", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}),
        ("grpc", {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc", "OTEL_LOGS_EXPORTER": "none"}),
    ],
)
def test_spans_arrive_when_the_interpreter_exits(otlp: Receiver, transport: str, environment: dict[str, str]) -> None:
    """Without a flush of its own, a short program's spans go out by the transport, name and headers asked for."""
    endpoint = otlp.http if transport == "http" else otlp.grpc
    given = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SERVICE_NAME": "desk",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20TOKEN",
        **environment,
    }
    done = _run(AGENT, given)
    assert (done.returncode, done.stderr) == (0, "")
    assert _names(otlp) == NAMES
    assert otlp.service_names == {"desk"}
    assert set(otlp.transports) == {"http /v1/traces" if transport == "http" else "grpc"}
    assert {headers["authorization"] for headers in otlp.headers} == {"Bearer TOKEN"}


def test_the_signals_own_endpoint_wins(otlp: Receiver) -> None:
    """`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is taken as the full address, over the common one."""
    given = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{otlp.http}/v1/traces",
    }
    assert _run(AGENT, given).returncode == 0
    assert _names(otlp) == NAMES


@pytest.mark.parametrize("given", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_switched_off_is_off(otlp: Receiver, given: dict[str, str]) -> None:
    """The standard switches leave an agent that runs as before and sends nothing."""
    done = _run(AGENT, {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http, **given})
    assert (done.returncode, done.stderr) == (0, "")
    assert otlp.spans == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"}, "must be one of grpc, http/protobuf, http/json"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "pip install opentelemetry-exporter-otlp-json-http"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "must start with http:// or https://"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:port"}, "is not a URL"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "use otlp, console or none"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(given: dict[str, str], words: str) -> None:
    """A wrong variable is one clear error at set-up, not silence for as long as the agent runs."""
    done = _run(AGENT, given)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("clawtrace_otel.errors.ConfigurationError: OTEL_")
    assert words in last


def test_what_is_refused_leaves_nothing_running() -> None:
    """Where one signal's exporter is refused no thread of the other's is left behind."""
    program = """
import threading, clawtrace_otel
try:
    clawtrace_otel.configure()
except clawtrace_otel.ConfigurationError:
    print(threading.active_count())
"""
    done = _run(program, {"OTEL_LOGS_EXPORTER": "zipkin"})
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_ports_tell_the_protocol() -> None:
    """Where no protocol is given the registered gRPC port means gRPC, and grpc is not spoken on the HTTP port."""
    program = """
import sys
from clawtrace_otel.exporter import create_otlp_exporter
print(type(create_otlp_exporter("traces")).__module__)
"""
    for endpoint, protocol, expected in (
        ("http://localhost:4317", "", "grpc"),
        ("http://localhost:4318", "", "http"),
        ("http://localhost:4318", "grpc", "http"),
        ("http://localhost:4317", "http/protobuf", "http"),
        ("", "", "http"),
    ):
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        assert f".{expected}." in _run(program, given).stdout, (endpoint, protocol)


def test_configuring_twice_sends_once(otlp: Receiver) -> None:
    """The second call gives the first set-up, and each span goes out once."""
    program = "import clawtrace_otel\nassert clawtrace_otel.configure() is clawtrace_otel.configure()\n" + AGENT
    assert _run(program, {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http}).returncode == 0
    assert sorted(span.name for span in otlp.spans) == sorted(NAMES)


def test_a_provider_that_is_there_stays(otlp: Receiver) -> None:
    """The user's own provider keeps its resource and exporter and is given ours besides."""
    program = """
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
provider = TracerProvider(resource=Resource({"service.name": "theirs"}))
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
"""
    done = _run(
        program + AGENT + "assert trace.get_tracer_provider() is provider",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http},
    )
    assert done.returncode == 0, done.stderr
    assert "chat gpt-5" in done.stdout
    assert (_names(otlp), otlp.service_names) == (NAMES, {"theirs"})


def test_after_shutdown_it_can_be_set_up_again(otlp: Receiver) -> None:
    """A handle that was shut down is done with; configuring anew sends the spans that follow, each once."""
    program = AGENT + "clawtrace_otel.configure().shutdown()\n" + AGENT
    done = _run(program, {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http})
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(span.name for span in otlp.spans) == sorted([*NAMES, *NAMES])


def test_open_hook_sessions_are_sent_at_exit(otlp: Receiver) -> None:
    """A runtime that dies without `session_end` still shows its session, marked, even if its hooks came first."""
    program = """
import clawtrace_otel
hooks = clawtrace_otel.SessionHooks()
clawtrace_otel.configure()
hooks.session_start("s-1", agent_name="clerk")
hooks.llm_input("s-1", "l1", "gpt-5")
"""
    assert _run(program, {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http}).returncode == 0
    assert {span.name: attributes(span)["clawtrace.hook.gap"] for span in otlp.spans} == dict.fromkeys(
        NAMES, "missing_end"
    )


def test_log_records_are_sent_too(otlp: Receiver) -> None:
    """Frameworks that put their messages into log events reach the collector with them."""
    program = """
import clawtrace_otel
from opentelemetry._logs import LogRecord, get_logger
clawtrace_otel.configure()
get_logger("framework").emit(LogRecord(event_name="gen_ai.client.inference.operation.details"))
"""
    assert _run(program, {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http}).returncode == 0
    (request,) = otlp.logs
    (record,) = request.resource_logs[0].scope_logs[0].log_records
    assert record.event_name == "gen_ai.client.inference.operation.details"


def test_no_collector_does_not_stop_the_agent() -> None:
    """With nobody listening the agent still ends by itself and well."""
    done = _run(AGENT, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"})
    assert done.returncode == 0


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_auto_instrumentation_finds_the_exporter(otlp: Receiver, protocol: str) -> None:
    """`OTEL_TRACES_EXPORTER=clawtrace opentelemetry-instrument ...` sends a program's spans without a line of code."""
    program = """
from opentelemetry import trace
with trace.get_tracer("app").start_as_current_span("work"):
    pass
"""
    given = {
        "OTEL_TRACES_EXPORTER": "clawtrace",
        "OTEL_LOGS_EXPORTER": "clawtrace" if protocol == "http/protobuf" else "none",
        "OTEL_METRICS_EXPORTER": "clawtrace" if protocol == "http/protobuf" else "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.grpc if protocol == "grpc" else otlp.http,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_SERVICE_NAME": "auto",
    }
    instrument = str(Path(sys.executable).parent / "opentelemetry-instrument")
    done = _run(program, given, instrument, sys.executable)
    assert done.returncode == 0, done.stderr
    assert (_names(otlp), otlp.service_names) == ({"work"}, {"auto"})
