"""An S3 server over HTTP that can be told to be unavailable for a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

BUCKET = "telemetry"


@dataclass(frozen=True)
class S3:
    port: int
    unavailable: threading.Event = field(default_factory=threading.Event)

    @property
    def environment(self) -> dict[str, str]:
        """What AWS's own tools would be told."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def running_s3() -> Iterator[S3]:
    """Run an S3 server with one bucket, in threads of this process."""
    # Not installed in every environment: whoever calls has looked.
    boto3, moto, serving = (import_module(name) for name in ("boto3", "moto.server", "werkzeug.serving"))
    # It says a line for each request.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    unavailable = threading.Event()
    application = moto.DomainDispatcherApplication(moto.create_backend_app)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if unavailable.is_set():
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code></Error>"]
        said: Iterable[bytes] = application(environ, start)
        return said

    server = serving.make_server("127.0.0.1", 0, answer, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    s3 = S3(server.server_port, unavailable)
    try:
        client = boto3.client(
            "s3",
            endpoint_url=s3.environment["AWS_ENDPOINT_URL_S3"],
            aws_access_key_id="tests",
            aws_secret_access_key="tests",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield s3
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
