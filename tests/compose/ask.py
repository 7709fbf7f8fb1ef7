"""Ask a collector over HTTP: print the rows of a statement as JSON, or, without one, wait until it is ready.

A token is taken from CLAWTRACE_TOKEN.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import urllib.request
from urllib.error import URLError

PATIENCE_S = 60.0


def rows(address: str, query: str) -> str:
    """Return the rows of a SELECT statement, one line of JSON."""
    body = json.dumps({"query": query}).encode()
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("CLAWTRACE_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{address}/api/sql", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.dumps(json.load(answer)["rows"])


def wait_until_ready(address: str) -> None:
    """Return once `/readyz` answers with success; give up after a minute."""
    limit = time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).close()
        except (URLError, ConnectionError, TimeoutError):
            if time.monotonic() > limit:
                raise
            time.sleep(0.2)
        else:
            return


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", metavar="URL")
    parser.add_argument("query", nargs="?")
    arguments = parser.parse_args()
    if arguments.query is None:
        wait_until_ready(arguments.address)
    else:
        print(rows(arguments.address, arguments.query))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
