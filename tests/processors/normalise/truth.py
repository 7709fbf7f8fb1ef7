"""What the normaliser says of each recording beside what the model server really served.

`python -m tests.processors.normalise.truth` prints the table. A figure that differs from the truth needs a reason, and
the reason is checked against the recording itself: see `absences`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from collector.model import LogRecord, Span
from processors.model import ModelCall, Session, ToolCall, Usage
from processors.normalise import SESSION_KEYS, normalise
from processors.pricing.session import refused
from tests.processors.support import RECORDINGS, load_recording, load_truth

TOKENS = {
    "input_tokens": "input_total",
    "cache_read_input_tokens": "cache_read",
    "cache_write_input_tokens": "cache_write",
    "output_tokens": "output_total",
    "reasoning_output_tokens": "reasoning",
}
"""Our name of each count, and the name that it has in the truth's figures per model."""

NUMBERS_OF = {
    "cache_read_input_tokens": re.compile(r"cache_?read|cached", re.IGNORECASE),
    "cache_write_input_tokens": re.compile(r"cache_?(write|creation)|ephemeral", re.IGNORECASE),
    "reasoning_output_tokens": re.compile(r"reasoning|thought", re.IGNORECASE),
}
"""Attributes in which a recording would hold a count, whatever its dialect calls it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: ours, the truth, and why ours is missing or smaller."""

    name: str
    ours: int | None
    truth: int
    reason: str | None = None

    @property
    def holds(self) -> bool:
        """Equal, or less than the truth for a reason that the recording proves; never more."""
        if self.ours == self.truth:
            return True
        return self.reason is not None and (self.ours is None or self.ours < self.truth)

    def __str__(self) -> str:
        if self.ours == self.truth:
            return f"{self.name} {self.ours}"
        return f"{self.name} {'NULL' if self.ours is None else self.ours} of {self.truth} ({self.reason})"


def table(name: str) -> list[Cell]:
    """Return a recording's figures."""
    spans, logs = load_recording(name)
    truth = load_truth(name)
    sessions = normalise(spans, logs)
    calls = [step for step in _counted(sessions) if isinstance(step, ModelCall)]
    chats = [call for call in calls if call.operation == "chat" and not refused(call)]
    tools = [step for step in _counted(sessions) if isinstance(step, ToolCall)]
    unseen = _unseen_models(truth["tokens_by_model"], spans, logs)
    never = f"{', '.join(unseen)}: named by no signal, so its calls were not sent" if unseen else None
    refusals = sum(refused(call) for call in calls)
    return [
        Cell("sessions", 1 if len(sessions) == 1 else None, 1, _unjoined(spans, logs)),
        Cell("model calls", len(chats), truth["llm_calls"], never),
        Cell("failed requests", refusals, len(truth["llm_http_errors"]), _retried(truth)),
        Cell("tool calls", len(tools), truth["tool_calls"], never),
        Cell(
            "failed tools",
            sum(tool.error is not None for tool in tools),
            len(truth["failed_tool_calls"]),
            _apart(tools),
        ),
        *_token_cells(calls, truth["tokens_by_model"], _silence(chats, truth) or never, spans, logs),
    ]


def _counted(sessions: Iterable[Session]) -> Iterator[object]:
    return (step for session in sessions for step in session.steps if step.counted_by is None)


def _token_cells(
    calls: Sequence[ModelCall],
    served: dict[str, dict[str, int]],
    short: str | None,
    spans: Sequence[Span],
    logs: Sequence[LogRecord],
) -> Iterator[Cell]:
    used = [call.usage for call in calls if call.usage is not None and call.operation == "chat"]
    for ours, theirs in TOKENS.items():
        total = _sum(used, ours)
        truth = sum(model[theirs] for model in served.values())
        reason = _not_sent(ours, spans, logs) if total is None else short
        yield Cell(ours.removesuffix("_tokens").replace("_", " "), total, truth, reason)


def _sum(used: Iterable[Usage], name: str) -> int | None:
    known = [count for usage in used if (count := getattr(usage, name)) is not None]
    return sum(known) if known else None


def _texts(spans: Sequence[Span], logs: Sequence[LogRecord]) -> Iterator[str]:
    for span in spans:
        yield json.dumps([span.name, span.attributes, [event.attributes for event in span.events]], default=str)
    for record in logs:
        yield json.dumps([record.body, record.attributes], default=str)


def _unseen_models(served: dict[str, object], spans: Sequence[Span], logs: Sequence[LogRecord]) -> list[str]:
    """Return the models that answered and yet are named nowhere in the recording."""
    sent = list(_texts(spans, logs))
    return sorted(model for model in served if not any(f'"{model}' in text or f"/{model}" in text for text in sent))


def _unjoined(spans: Sequence[Span], logs: Sequence[LogRecord]) -> str | None:
    """Return why a run is several sessions: nothing that was sent says that its traces belong together."""
    sent = {key for span in spans for key in span.attributes} | {key for record in logs for key in record.attributes}
    keys = sent & set(SESSION_KEYS)
    traces = {span.trace_id for span in spans}
    linked = any(span.links for span in spans)
    return (
        f"{len(traces)} traces without a session key or links" if len(traces) > 1 and not keys and not linked else None
    )


def _retried(truth: dict[str, object]) -> str | None:
    """Return why a refused request is not seen: SDKs repeat those inside of one call, which spans cover as one."""
    errors = truth["llm_http_errors"]
    again = isinstance(errors, list) and any(error["status"] == 429 for error in errors)
    return "a request refused with 429 was repeated by the SDK within one span" if again else None


def _apart(tools: Sequence[ToolCall]) -> str | None:
    """Return why a failure is not seen: the answer stands in a trace that nothing joins to the request's."""
    unanswered = any(tool.inferred and tool.result is None for tool in tools)
    return "the tool's answer was sent only in another session's prompt" if unanswered else None


def _silence(chats: Sequence[ModelCall], truth: dict[str, object]) -> str | None:
    """Return how many calls sent no usage; the server knows of as many streams without it."""
    silent = [call for call in chats if call.usage is None and call.usage_missing]
    return (
        f"{len(silent)} streamed without usage" if silent and len(silent) == truth["streamed_without_usage"] else None
    )


def _not_sent(name: str, spans: Sequence[Span], logs: Sequence[LogRecord]) -> str | None:
    """Return that a count was not sent, if no signal holds a positive number that could be it."""
    pattern = NUMBERS_OF.get(name)
    if pattern is None:
        return None
    for text in _texts(spans, logs):
        for found in re.finditer(r"""["'\\]*([\w.]+)["'\\]*\s*[:=]\s*["'\\]*(\d+)""", text):
            if pattern.search(found[1]) and int(found[2]) > 0:
                return None
    return "no signal holds such a count"


def main() -> None:
    """Print the table."""
    for name in RECORDINGS:
        cells = table(name)
        wrong = [cell for cell in cells if not cell.holds]
        sys.stdout.write(f"{'WRONG' if wrong else 'ok':6}{name}\n")
        for cell in cells:
            sys.stdout.write(f"      {cell}\n")


if __name__ == "__main__":
    main()
