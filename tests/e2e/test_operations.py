"""What docs/operations.md tells the operator of a collector on a file to do, done as it says."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import pytest

from tests.conftest import StartCollector
from tests.support.certificates import Certificates, Pair, make_certificates
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request

_COUNT = "SELECT count(*) AS n, count(DISTINCT span_id) AS ids FROM spans"
_OLD, _NEW = "the-old-token-of-agents", "the-new-token-of-agents"


def test_a_file_is_backed_up_and_restored(start_collector: StartCollector, tmp_path: Path) -> None:
    """The one file, copied while the collector is stopped, has everything, and put back it is as it was."""
    database, copy = tmp_path / "collector.duckdb", tmp_path / "copy.duckdb"
    collector = start_collector(database=database)
    _send(collector, 0)
    assert collector.stop() == 0
    shutil.copyfile(database, copy)
    collector = start_collector(database=database)
    _send(collector, 1)
    assert collector.sql(_COUNT) == [{"n": 40, "ids": 40}]
    assert collector.stop() == 0
    shutil.copyfile(copy, database)
    collector = start_collector(database=database)
    assert collector.sql(_COUNT) == [{"n": 20, "ids": 20}]
    _send(collector, 1)
    assert collector.sql(_COUNT) == [{"n": 40, "ids": 40}]


def test_tokens_and_certificates_are_replaced(start_collector: StartCollector, tmp_path: Path) -> None:
    """The old token is good until it leaves the file; a start serves the certificate that is there."""
    tokens, place = tmp_path / "tokens.yaml", Pair(tmp_path / "server.pem", tmp_path / "server.key")
    options = ["--tokens", str(tokens), "--tls-cert", str(place.certificate), "--tls-key", str(place.key)]
    before, after = _certificates(tmp_path / "before"), _certificates(tmp_path / "after")

    _put(tokens, place, (_OLD, _NEW), before)
    collector = start_collector(*options)
    assert [_sent(collector, token, before.authority) for token in (_OLD, _NEW)] == [200, 200]
    assert collector.stop() == 0

    _put(tokens, place, (_NEW,), after)
    collector = start_collector(*options)
    assert [_sent(collector, token, after.authority) for token in (_OLD, _NEW)] == [401, 200]
    with pytest.raises(URLError, match="certificate verify failed"):
        _sent(collector, _NEW, before.authority)


def _certificates(folder: Path) -> Certificates:
    folder.mkdir()
    return make_certificates(folder)


def _put(tokens: Path, place: Pair, known: tuple[str, ...], certificates: Certificates) -> None:
    entries = (f"- {{name: agents-{number}, scopes: [ingest], token: {token}}}" for number, token in enumerate(known))
    tokens.write_text("\n".join(["tokens:", *entries, ""]), "utf-8")
    shutil.copyfile(certificates.server.certificate, place.certificate)
    shutil.copyfile(certificates.server.key, place.key)


def _send(collector: RunningCollector, part: int) -> None:
    body = request(range(part * 20, part * 20 + 20))
    assert collector.request("POST", "/v1/traces", body, Content_Type=PROTOBUF).status == 200


def _sent(collector: RunningCollector, token: str, authority: Path) -> int:
    headers = {"Content-Type": PROTOBUF, "Authorization": f"Bearer {token}"}
    sent = Request(f"{collector.http}/v1/traces", request(range(5)), headers)
    client = build_opener(ProxyHandler({}), HTTPSHandler(context=ssl.create_default_context(cafile=str(authority))))
    try:
        with client.open(sent, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code
