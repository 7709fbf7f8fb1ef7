"""The client side of the collector's HTTP interface: one request, one answer, errors in words."""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import BaseHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from clawtrace_otel.cli.errors import CliError, TlsError
from collector.config import INSTANCE_HEADER

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PROBE_SECONDS: Final = 1.0
_NOT_FOUND: Final = 404
_HEADER_TEXT: Final = re.compile(r"[\x20-\x7e\x80-\xff]*")
"""What the value of an HTTP header can hold."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a collector answered."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the request succeeded."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15.3

    def header(self, name: str) -> str | None:
        """Return a header's value, however its name is capitalised."""
        return next((value for known, value in self.headers.items() if known.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class HttpClient:
    """Speaks to the collector at `endpoint`, an http(s)://HOST:PORT."""

    endpoint: str
    token: str | None = None
    timeout_s: float = 120.0

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer, whatever its status. Raises `CliError` where no answer came, `TlsError` among them."""
        sent = dict(headers or {})
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        request = Request(f"{self.endpoint}{path}", data=body, headers=sent, method=method)  # noqa: S310 - checked_endpoint
        try:
            with _opener(self.endpoint).open(request, timeout=self.timeout_s) as response:
                return Answer(response.status, response.read(), dict(response.headers))
        except HTTPError as error:
            with error:
                return Answer(error.code, error.read(), dict(error.headers))
        except TimeoutError:
            raise CliError(f"the collector at {self.endpoint} did not answer within {self.timeout_s:.0f} s") from None
        except (URLError, OSError) as error:
            reason = _reason(error)
            if isinstance(reason, ssl.SSLError):
                raise TlsError(
                    f"TLS with {self.endpoint} failed ({reason}): name its authority in OTEL_EXPORTER_OTLP_CERTIFICATE,"
                    " and a client certificate, if it asks for one, in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and"
                    " OTEL_EXPORTER_OTLP_CLIENT_KEY"
                ) from error
            raise CliError(
                f"no collector answers at {self.endpoint} ({reason}): start one with 'clawtrace serve'"
            ) from error
        except IncompleteRead as error:
            raise CliError(f"the answer from {self.endpoint} was interrupted: try again") from error
        except HTTPException as error:
            raise CliError(
                f"{self.endpoint} does not answer in HTTP: give the HTTP address that 'clawtrace serve' printed"
            ) from error

    @contextmanager
    def reading(self, path: str) -> Iterator[IO[bytes]]:
        """Yield the body of an answer while it arrives. Raises `CliError` as `call` does."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = Request(f"{self.endpoint}{path}", headers=headers)  # noqa: S310 - checked_endpoint
        try:
            with _opener(self.endpoint).open(request, timeout=self.timeout_s) as response:
                yield response
        except HTTPError as error:
            with error:
                answer = Answer(error.code, error.read(), dict(error.headers))
            raise CliError(explanation(answer, self.endpoint)) from None
        except (URLError, OSError, HTTPException) as error:
            raise CliError(f"the answer from {self.endpoint} was interrupted ({_reason(error)}): try again") from error

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the body of a success. Raises `CliError` with the collector's own words for everything else."""
        answer = self.send(method, path, body, headers)
        if answer.ok:
            return answer.body
        raise CliError(explanation(answer, self.endpoint))


def _reason(error: Exception) -> object:
    return getattr(error, "reason", None) or error


def explanation(answer: Answer, endpoint: str) -> str:
    """Say why a request was refused, in the collector's own words where it gave any."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = None
    if isinstance(said, dict) and isinstance(said.get("error"), str):
        return str(said["error"])
    if answer.status == _NOT_FOUND:
        return f"{endpoint} is not a ClawTrace collector (404): give the HTTP address that 'clawtrace serve' printed"
    return f"the collector at {endpoint} answered {answer.status}"


def answers(endpoint: str, instance: str | None = None) -> bool:
    """Whether a collector answers there within a second: where an `instance` is named, that one.

    Raises `TlsError`: one that is there, but not trusted.
    """
    try:
        answer = HttpClient(endpoint, timeout_s=_PROBE_SECONDS).send("GET", "/healthz")
    except TlsError:
        raise
    except CliError:
        return False
    return answer.ok and instance in (None, answer.header(INSTANCE_HEADER))


def token_from_environment() -> str | None:
    """Return the bearer token that the collector demands, where the environment carries one.

    A line break at its end, as a file of one line leaves it, is no part of it. Raises `CliError`, without a word of the
    token, where no HTTP header can hold it.
    """
    token = os.environ.get("CLAWTRACE_TOKEN", "").strip()
    if _HEADER_TEXT.fullmatch(token) is None:
        raise CliError("CLAWTRACE_TOKEN holds line breaks or characters that no HTTP header can: use printable ASCII")
    return token or None


def _opener(endpoint: str) -> OpenerDirector:
    """Return an opener; a proxy of the environment is for other machines, never for this one."""
    parts = urlsplit(endpoint)
    handlers: list[BaseHandler] = [ProxyHandler({})] if parts.hostname in _LOOPBACK else []
    if parts.scheme == "https":
        handlers.append(HTTPSHandler(context=tls_context()))
    return build_opener(*handlers)


def tls_context(environment: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return how a collector's certificate is checked, and which one is shown to it.

    Certificates are those of the exporters' own variables: OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE and
    _CLIENT_KEY. Raises `CliError` for files that cannot be used. Source: OpenTelemetry specification, "OTLP Exporter".
    """
    authority = environment.get("OTEL_EXPORTER_OTLP_CERTIFICATE")
    certificate = environment.get("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE")
    try:
        context = ssl.create_default_context(cafile=authority or None)
        if certificate:
            context.load_cert_chain(certificate, environment.get("OTEL_EXPORTER_OTLP_CLIENT_KEY"), password=lambda: "")
    except (OSError, ValueError) as error:
        raise CliError(f"the certificates named by OTEL_EXPORTER_OTLP_* cannot be used: {error}") from error
    return context
