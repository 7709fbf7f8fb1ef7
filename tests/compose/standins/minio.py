#!/opt/moto/bin/python
"""`minio server DIR`, as far as deploy/compose.scale.yml needs it: S3 on port 9000 with a bucket for each folder."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

_PORT = 9000
_HEALTH = "/minio/health/live"


def main() -> None:
    """Serve until the process is ended."""
    boto3, moto, serving = (import_module(name) for name in ("boto3", "moto.server", "werkzeug.serving"))
    application = moto.DomainDispatcherApplication(moto.create_backend_app)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == _HEALTH:
            start("200 OK", [])
            return []
        said: Iterable[bytes] = application(environ, start)
        return said

    server = serving.make_server("0.0.0.0", _PORT, answer, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{_PORT}",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        region_name="us-east-1",
    )
    for folder in Path(sys.argv[2]).iterdir():
        client.create_bucket(Bucket=folder.name)
    thread.join()


if __name__ == "__main__":
    main()
