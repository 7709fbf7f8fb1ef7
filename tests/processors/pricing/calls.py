"""Model calls for the pricing tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from processors.model import Message, ModelCall, StepError, Usage


def nanoseconds(when: str) -> int:
    """Return a time in UTC, written in ISO format, as nanoseconds since the epoch."""
    since = datetime.fromisoformat(when).replace(tzinfo=UTC) - datetime.fromtimestamp(0, tz=UTC)
    return since // timedelta(microseconds=1) * 1000


AUTUMN = nanoseconds("2026-11-20T12:00")


def usage(
    input_tokens: int | None = 1000,
    output_tokens: int | None = 100,
    *,
    read: int | None = 0,
    written: int | None = 0,
    written_1h: int | None = None,
) -> Usage:
    """Return usage that reports everything, unless told otherwise."""
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_input_tokens=read,
        cache_write_input_tokens=written,
        cache_write_1h_input_tokens=written_1h,
    )


def call(
    model: str | None = "gpt-5",
    used: Usage | None = None,
    *,
    provider: str | None = "openai",
    at: int = AUTUMN,
    tier: str | None = None,
    request_model: str | None = None,
    step_id: str = "a",
    dialect: str = "gen_ai",
    embeddings: bool = False,
    error: StepError | None = None,
    messages: tuple[Message, ...] | None = None,
    no_usage: bool = False,
    usage_missing: str | None = None,
) -> ModelCall:
    """Return a model call of one November noon."""
    return ModelCall(
        step_id=step_id,
        name=model or "",
        started_at=at,
        ended_at=at + 1,
        dialect=dialect,
        operation="embeddings" if embeddings else "chat",
        provider=provider,
        model=model,
        request_model=request_model,
        service_tier=tier,
        usage=None if no_usage else used or usage(),
        usage_missing=usage_missing,
        input_messages=messages,
        error=error,
    )
