"""Who gets in, how the way is encrypted, what never gets out: a real collector and the exporters that agents use."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from isal import isal_zlib
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from clawtrace_otel.cli.app import main
from tests.conftest import StartCollector
from tests.support.certificates import Certificates, Pair, make_certificates
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request

AGENTS, PEOPLE, OPERATOR = "agents-0123456789", "people-0123456789", "operator-0123456789"


def a_span(name: str) -> ReadableSpan:
    """Return one finished span."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.get_tracer("tests").start_span(name).end()
    return memory.get_finished_spans()[0]


def delivered(exporter: SpanExporter, name: str) -> bool:
    """Whether a span was acknowledged."""
    result = exporter.export([a_span(name)])
    exporter.shutdown()
    return result is SpanExportResult.SUCCESS


def exporters(collector: RunningCollector, token: str) -> list[SpanExporter]:
    """Return an exporter for either transport that shows a token."""
    header = {"authorization": f"Bearer {token}"}
    return [
        HttpExporter(f"{collector.http}/v1/traces", headers=header, timeout=30),
        GrpcExporter(collector.grpc, insecure=True, headers=header, timeout=30),
    ]


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """Return a file with a token for each scope."""
    path = tmp_path / "tokens.yaml"
    entries = (("agents", "ingest", AGENTS), ("people", "read", PEOPLE), ("operator", "admin", OPERATOR))
    lines = (f"- name: {name}\n  scopes: [{scope}]\n  token: {token}\n" for name, scope, token in entries)
    path.write_text("tokens:\n" + "".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_beyond_loopback_a_token_is_demanded(tmp_path: Path, host: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Without one it does not start, says what to set, and leaves no port open."""
    arguments = ["serve", "--db", str(tmp_path / "a.duckdb"), "--grpc-port", "0", "--http-port", "0", "--host", host]
    assert main(arguments) == 1
    said = capfd.readouterr().err.strip().splitlines()[-1]
    assert "CLAWTRACE_TOKEN" in said
    assert "--tokens" in said


def test_named_tokens_are_good_for_their_scopes(start_collector: StartCollector, tokens: Path) -> None:
    """On every address, over both transports: senders send, readers read, neither does what the other may."""
    collector = start_collector("--host", "0.0.0.0", "--tokens", str(tokens))
    for token, may_send in ((AGENTS, True), (PEOPLE, False), (OPERATOR, True), ("guess", False)):
        assert [delivered(exporter, token) for exporter in exporters(collector, token)] == [may_send, may_send]
    body = b'{"query": "SELECT name FROM spans ORDER BY name"}'
    statuses = {}
    for token in (AGENTS, PEOPLE, OPERATOR, "guess"):
        answers = [
            collector.request("POST", "/api/sql", body, Authorization=f"Bearer {token}"),
            collector.request("POST", "/api/compile", b"", Authorization=f"Bearer {token}"),
        ]
        statuses[token] = [answer.status for answer in answers]
    assert statuses == {AGENTS: [403, 403], PEOPLE: [200, 403], OPERATOR: [200, 200], "guess": [401, 401]}
    assert collector.request("POST", "/api/sql", body, Authorization=f"Bearer {PEOPLE}").json()["rows"] == [
        [AGENTS],
        [AGENTS],
        [OPERATOR],
        [OPERATOR],
    ]


def test_the_environment_variable_opens_everything(start_collector: StartCollector) -> None:
    """CLAWTRACE_TOKEN alone is enough, beyond loopback too."""
    collector = start_collector("--host", "0.0.0.0", environment={"CLAWTRACE_TOKEN": OPERATOR})
    assert [delivered(exporter, "sent") for exporter in exporters(collector, OPERATOR)] == [True, True]
    assert collector.request("POST", "/api/compile", b"", Authorization=f"Bearer {OPERATOR}").status == 200
    assert collector.request("POST", "/api/compile", b"").status == 401


def test_no_token_is_logged_or_repeated(start_collector: StartCollector, tokens: Path) -> None:
    """Whatever goes wrong with a request that carries one: not in an answer, not in the log."""
    collector = start_collector("--tokens", str(tokens))
    said = []
    for token in (AGENTS, f"{OPERATOR}-mistyped"):
        header = f"Bearer {token}"
        for path, body in (("/v1/traces", b"\xff\xff"), ("/v1/logs", b"{"), ("/api/sql", b"{"), ("/nowhere", b"")):
            answer = collector.request("POST", path, body, Content_Type=PROTOBUF, Authorization=header)
            assert answer.status >= 400
            said.append(answer.body.decode(errors="replace"))
        channel = grpc.insecure_channel(collector.grpc, options=[("grpc.enable_http_proxy", 0)])
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with channel, pytest.raises(grpc.RpcError) as refused:
            call(b"\xff\xff", metadata=[("authorization", header)])
        said.append(str(refused.value.details()))
    assert collector.stop() == 0
    for secret in (AGENTS, PEOPLE, OPERATOR):
        assert secret not in collector.logged()
        assert not [text for text in said if secret in text]


def test_an_address_with_a_password_is_refused_unseen(capfd: pytest.CaptureFixture[str]) -> None:
    """The command says where the token belongs, and does not repeat the address."""
    assert main(["sessions", "--endpoint", "http://me:hunter2@127.0.0.1:4318"]) == 1
    said = capfd.readouterr()
    assert "CLAWTRACE_TOKEN" in said.err
    assert "hunter2" not in said.err + said.out


@pytest.fixture(autouse=True)
def no_other_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the machine's own: with them set, `requests` does not look at those that an exporter is given."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return an authority and what it signed."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def over_tls(
    collector: RunningCollector, authority: Path, client: Pair | None, *, timeout_s: float = 30
) -> list[SpanExporter]:
    """Return an exporter for either transport that checks the collector and shows the client's certificate."""
    certificate, key = (None, None) if client is None else (client.certificate, client.key)
    credentials = grpc.ssl_channel_credentials(
        authority.read_bytes(),
        None if key is None else key.read_bytes(),
        None if certificate is None else certificate.read_bytes(),
    )
    return [
        HttpExporter(
            f"{collector.http}/v1/traces",
            certificate_file=str(authority),
            client_certificate_file=None if certificate is None else str(certificate),
            client_key_file=None if key is None else str(key),
            timeout=timeout_s,
        ),
        GrpcExporter(f"https://{collector.grpc}", credentials=credentials, timeout=timeout_s),
    ]


def test_tls_is_served_on_both_transports(
    start_collector: StartCollector,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Exporters and commands that know the authority get in; one that speaks plainly or checks another does not."""
    server = certificates.server
    collector = start_collector("--tls-cert", str(server.certificate), "--tls-key", str(server.key))
    assert collector.http.startswith("https://")
    assert all(delivered(exporter, "tls") for exporter in over_tls(collector, certificates.authority, None))
    ask = ["sql", "--endpoint", collector.http, "--format", "csv", "SELECT count(*) AS n FROM spans"]
    assert main(ask) == 1
    assert "CERTIFICATE_VERIFY_FAILED" in capfd.readouterr().err
    assert main(["sessions", "--db", str(collector.database)]) == 1
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in capfd.readouterr().err
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificates.authority))
    assert main(ask) == 0
    assert capfd.readouterr().out.split() == ["n", "2"]
    plain = HttpExporter(collector.http.replace("https", "http") + "/v1/traces", timeout=1)
    assert not delivered(plain, "plain")


def test_only_clients_of_the_authority_get_in(
    start_collector: StartCollector, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an authority for clients, both transports and the commands need a certificate that it signed."""
    server, client, authority = certificates.server, certificates.client, certificates.authority
    options = ["--tls-cert", str(server.certificate), "--tls-key", str(server.key), "--tls-client-ca", str(authority)]
    collector = start_collector(*options)
    assert [delivered(exporter, "ours") for exporter in over_tls(collector, authority, client)] == [True, True]
    for wrong in (None, certificates.stranger):
        assert not any(delivered(exporter, "wrong") for exporter in over_tls(collector, authority, wrong, timeout_s=2))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(authority))
    ask = ["sql", "--endpoint", collector.http, "SELECT 1"]
    assert main(ask) == 1
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(client.certificate))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(client.key))
    assert main(ask) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tls-cert", "{server}"], "--tls-key"),
        (["--tls-client-ca", "{authority}"], "--tls-cert"),
        (["--tls-cert", "{server}", "--tls-key", "{other}"], "fits the certificate"),
        (["--tls-cert", "{server}", "--tls-key", "{missing}"], "missing"),
    ],
)
def test_certificates_that_do_not_fit_stop_it(
    options: list[str], said: str, certificates: Certificates, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The one line names what is missing or wrong."""
    files = {
        "server": certificates.server.certificate,
        "other": certificates.client.key,
        "authority": certificates.authority,
        "missing": tmp_path / "missing.key",
    }
    ports = ["--grpc-port", "0", "--http-port", "0"]
    chosen = [option.format(**files) for option in options]
    assert main(["serve", "--db", str(tmp_path / "a.duckdb"), *ports, *chosen]) == 1
    assert said in capfd.readouterr().err.strip().splitlines()[-1]


def test_in_a_container_the_published_address_decides(start_collector: StartCollector, tmp_path: Path) -> None:
    """Published on loopback, a collector on every address needs no token; published wider, it does."""
    inside = start_collector("--host", "0.0.0.0", "--published", "127.0.0.1")
    assert inside.http.startswith("http://0.0.0.0:")
    ports = ["--grpc-port", "0", "--http-port", "0", "--db", str(tmp_path / "wide.duckdb")]
    assert main(["serve", "--host", "127.0.0.1", "--published", "0.0.0.0", *ports]) == 1


def test_ipv6_loopback_is_loopback(start_collector: StartCollector) -> None:
    """Addresses are printed so that they can be used, and no token is demanded."""
    collector = start_collector("--host", "::1")
    assert collector.http.startswith("http://[::1]:")
    assert delivered(HttpExporter(f"{collector.http}/v1/traces", timeout=30), "six")
    assert delivered(GrpcExporter(collector.grpc, insecure=True, timeout=30), "six")


def test_a_bomb_costs_little_memory(collector: RunningCollector) -> None:
    """A few megabytes that unpack to half a gigabyte is refused with no more than the limit of 64 MiB unpacked."""

    def peak_kilobytes() -> int:
        status = Path(f"/proc/{collector.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0])

    collector.request("POST", "/v1/traces", request(range(16)), Content_Type=PROTOBUF)
    before = peak_kilobytes()
    packer = isal_zlib.compressobj(1, wbits=31)
    bomb = b"".join([*(packer.compress(bytes(2**20)) for _ in range(512)), packer.flush()])
    for _ in range(3):
        answer = collector.request("POST", "/v1/traces", bomb, Content_Type=PROTOBUF, Content_Encoding="gzip")
        assert answer.status == 413
    assert peak_kilobytes() - before < 400_000
