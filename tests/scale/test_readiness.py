"""A collector says that it is ready only while what it takes in can be stored."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.scale.conftest import Lake, StartOnLake
from tests.scale.postgres import Postgres
from tests.scale.s3 import S3
from tests.support.collector import PROTOBUF, RunningCollector
from tests.support.spans import request

_READY, _LOST = 200, 503


def wait_until(collector: RunningCollector, status: int, health: int) -> bytes:
    """Return the answer of `/readyz` once it has a status and the gRPC health service says the same."""
    deadline = time.monotonic() + 60
    while True:
        answer = collector.request("GET", "/readyz")
        if (answer.status, said_by_grpc(collector)) == (status, health):
            return answer.body
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)


def said_by_grpc(collector: RunningCollector) -> int:
    """Return what the standard health service says."""
    with grpc.insecure_channel(collector.grpc) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    return int(answer.status)


def wait_until_lost(collector: RunningCollector) -> bytes:
    """Return what `/readyz` says once it refuses."""
    return wait_until(collector, _LOST, health_pb2.HealthCheckResponse.NOT_SERVING)


def wait_until_ready(collector: RunningCollector) -> None:
    """Return once both say that it serves."""
    wait_until(collector, _READY, health_pb2.HealthCheckResponse.SERVING)


def test_a_bucket_that_is_not_there(lake_on_s3: Lake, start_on: StartOnLake) -> None:
    """A missing bucket ends the start with what to do, and the catalog does not note it: the right one starts then."""
    wrong = replace(lake_on_s3, data="s3://nobodys-bucket/lake")
    command = [sys.executable, "-m", "clawtrace_otel", "serve", *wrong.options, "--http-port", "0", "--grpc-port", "0"]
    said = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **wrong.environment})
    assert said.returncode != 0
    assert not said.stdout
    assert b"nothing can be written to s3://nobodys-bucket/lake/" in said.stderr
    assert b"NoSuchBucket" in said.stderr
    assert b"make the bucket" in said.stderr
    assert b"Traceback" not in said.stderr
    wait_until_ready(start_on(lake_on_s3))


def test_storage_goes_away_while_nothing_is_sent(s3: S3, lake_on_s3: Lake, start_on: StartOnLake) -> None:
    """An idle collector whose storage answers 503 says so within seconds, and takes telemetry again afterwards."""
    collector = start_on(lake_on_s3)
    wait_until_ready(collector)
    s3.unavailable.set()
    assert b"nothing can be written to s3://" in wait_until_lost(collector)
    assert collector.request("GET", "/healthz").status == 200
    s3.unavailable.clear()
    wait_until_ready(collector)
    assert collector.request("POST", "/v1/traces", request(range(320)), Content_Type=PROTOBUF).status == 200


def test_the_catalog_goes_away(postgres: Postgres, lake: Lake, start_on: StartOnLake) -> None:
    """The same of PostgreSQL; a commit that fails is heard of at once."""
    collector = start_on(lake)
    wait_until_ready(collector)
    postgres.stop()
    try:
        assert collector.request("POST", "/v1/traces", request(range(320)), Content_Type=PROTOBUF).status == _LOST
        assert collector.request("GET", "/readyz").status == _LOST
        assert b"PostgreSQL" in wait_until_lost(collector)
    finally:
        postgres.start()
    wait_until_ready(collector)
    assert collector.request("POST", "/v1/traces", request(range(320)), Content_Type=PROTOBUF).status == 200
