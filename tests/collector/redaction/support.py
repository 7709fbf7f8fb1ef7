"""Records as they leave redaction, and secrets made up for it: none stands whole in this repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.redaction import BatchRedactor, Counts, Redaction
from collector.store import Batch
from tests.collector.otlp import batch_of, decode, one_span

KEY = b"a key for tests, thirty-two bytes"
RANDOM = "Zq3xV9bN2mK7pL5sT8wY1cR4dF6gH0jA"
"""As random as a secret looks."""

SECRETS: Mapping[str, str] = {
    "aws_access_key": "AKIA" + "Q3XV9BN2MK7PL5ST",
    "github_token": "ghp_" + RANDOM + "Ab12",
    "github_token fine-grained": "github_pat_" + RANDOM + "_" + RANDOM,
    "gitlab_token": "glpat-" + RANDOM[:20],
    "api_key OpenAI": "sk-" + "proj-" + RANDOM,
    "api_key Anthropic": "sk-" + "ant-api03-" + RANDOM + "-" + RANDOM,
    "api_key Hugging Face": "hf_" + RANDOM,
    "api_key Groq": "gsk_" + RANDOM,
    "api_key SendGrid": "SG." + RANDOM[:22] + "." + RANDOM,
    "api_key npm": "npm_" + RANDOM,
    "stripe_key": "sk_" + "live_" + RANDOM,
    "google_key": "AIza" + "Sy" + RANDOM + "x",
    "slack_token": "xoxb-" + "123456789012-" + RANDOM[:24],
    "telegram_token": "123456789:AA" + RANDOM + "x",
    "jwt": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0." + RANDOM,
    "private_key": "-----BEGIN RSA " + f"PRIVATE KEY-----\nMIIE{RANDOM}+/\n{RANDOM}==\n-----END RSA PRIVATE KEY-----",
}
"""By kind: what is recognised wherever it stands."""


def span_with(attributes: Mapping[str, Any], **fields: Any) -> ExportTraceServiceRequest:
    """Return a request with one span that has these text attributes."""
    request: ExportTraceServiceRequest = one_span(**fields)
    for name, text in attributes.items():
        request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key=name).value.string_value = text
    return request


def redacted_batch(request: ExportTraceServiceRequest, redaction: Redaction | None = None) -> tuple[Batch, Counts]:
    """Return what is stored of a request."""
    redactor = BatchRedactor(redaction or Redaction(), KEY, correlation_attributes=frozenset({"session.id"}))
    return redactor.redact(batch_of(decode(request.SerializeToString())))


def stored(attributes: Mapping[str, Any], redaction: Redaction | None = None) -> dict[str, Any]:
    """Return what is stored of a span's attributes, without the note of what was redacted."""
    batch, _ = redacted_batch(span_with(attributes), redaction)
    found: dict[str, Any] = json.loads(batch.spans.column("attributes")[0].as_py())
    found.pop("clawtrace.redacted", None)
    return found


def packed(text: str, layers: int) -> str:
    """Return text inside that many layers of JSON, as messages in messages are sent."""
    for _ in range(layers):
        text = json.dumps([{"role": "user", "content": text}])
    return text


def unpacked(text: str, layers: int) -> str:
    """Return what `packed` was given."""
    for _ in range(layers):
        text = json.loads(text)[0]["content"]
    return text
