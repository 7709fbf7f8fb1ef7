"""What ClawTrace says of each recording beside what the model server really served.

`make truth` prints the table. A figure that differs from the truth needs a reason, and the reason is read off the
recording itself: that no signal holds such a number, names such a model, or joins such traces.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from rich.console import Console
from rich.table import Table

from collector.model import LogRecord, Span
from collector.store import Signals
from processors.model import ModelCall, Step, ToolCall
from processors.normalise import SESSION_KEYS
from processors.normalise.gaps import NO_MODEL_CALLS, NO_TOOL_CALLS
from processors.normalise.usage import ESTIMATED
from processors.pipeline import Compiled, compile_group
from processors.pricing import Cost, PriceBook, price_book
from processors.pricing.session import refused
from processors.summary import token_sum
from processors.unseen import model_calls_unseen, tool_calls_unseen
from tests.processors.support import OWN_RECORDINGS, RECORDINGS, load_recording, load_truth

TOKENS = {
    "input_tokens": "input_total",
    "cache_read_input_tokens": "cache_read",
    "cache_write_input_tokens": "cache_write",
    "output_tokens": "output_total",
    "reasoning_output_tokens": "reasoning",
}
"""Our name of each count, and the name that it has in the truth's figures per model."""

NUMBERS_OF = {
    "input_tokens": re.compile(r"(input|prompt)_?tokens?(_count)?$|token_count\.prompt$", re.IGNORECASE),
    "output_tokens": re.compile(
        r"(output|completion|candidates)_?tokens?(_count)?$|token_count\.completion$", re.IGNORECASE
    ),
    "cache_read_input_tokens": re.compile(r"cache_?read|cached", re.IGNORECASE),
    "cache_write_input_tokens": re.compile(r"cache_?(write|creation)|ephemeral", re.IGNORECASE),
    "reasoning_output_tokens": re.compile(r"reasoning|thought", re.IGNORECASE),
}
"""Attributes in which a recording would hold a count, whatever its dialect calls it."""


A_CENT_OF_A_CENT = Decimal("1e-6")
"""USD by which a cost may differ from what the server charged."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: ours, the truth (None where the server did not say), and why ours is missing or smaller."""

    name: str
    ours: int | Decimal | None
    truth: int | Decimal | None
    reason: str | None = None

    @property
    def equal(self) -> bool:
        """Whether ours is the truth; money to a millionth of a dollar."""
        if isinstance(self.ours, Decimal) and self.truth is not None:
            return abs(self.ours - self.truth) <= A_CENT_OF_A_CENT
        return self.truth is None or self.ours == self.truth

    @property
    def holds(self) -> bool:
        """Equal, or less than the truth for a reason that the recording proves; never more."""
        if self.equal:
            return True
        return self.reason is not None and (self.ours is None or self.ours < (self.truth or 0))

    @property
    def short(self) -> str:
        """The figure, with the truth behind it where it is another."""
        ours = (
            "NULL"
            if self.ours is None
            else f"{self.ours.normalize():f}"
            if isinstance(self.ours, Decimal)
            else str(self.ours)
        )
        return ours if self.equal else f"{ours} of {self.truth}"

    def __str__(self) -> str:
        return f"{self.name} {self.short}" if self.equal else f"{self.name} {self.short} ({self.reason})"


@cache
def _book() -> PriceBook:
    return price_book()


def table(name: str) -> list[Cell]:
    """Return a recording's figures."""
    spans, logs = load_recording(name)
    truth = load_truth(name)
    sessions = compile_group(Signals(spans, logs), _book())
    calls = [step for step in _counted(sessions) if isinstance(step, ModelCall)]
    chats = [call for call in calls if call.operation == "chat" and not refused(call)]
    tools = [step for step in _counted(sessions) if isinstance(step, ToolCall)]
    unseen = _unseen_models(truth["tokens_by_model"], spans, logs)
    never = f"{', '.join(unseen)}: named by no signal, so its calls were not sent" if unseen else None
    failed = sum(tool.error is not None for tool in tools)
    refusals = sum(refused(call) for call in calls)
    short = _silence(chats, truth) or never
    no_calls = all(model_calls_unseen(each.session.steps) for each in sessions)
    no_tools = all(tool_calls_unseen(each.session.steps) for each in sessions)
    cost = _cost(sessions, chats)
    return [
        Cell("sessions", 1 if len(sessions) == 1 else None, 1, _unjoined(spans, logs, len(sessions))),
        Cell(
            "model calls", None if no_calls else len(chats), truth["llm_calls"], NO_MODEL_CALLS if no_calls else never
        ),
        Cell("failed requests", refusals, len(truth["llm_http_errors"]), _retried(truth)),
        Cell("tool calls", None if no_tools else len(tools), truth["tool_calls"], NO_TOOL_CALLS if no_tools else never),
        Cell(
            "failed", None if no_tools else failed, len(truth["failed_tool_calls"]), NO_TOOL_CALLS if no_tools else None
        ),
        Cell("redundant", _redundant(sessions), len(truth["redundant_tool_calls"]), _unjudged(sessions)),
        *_token_cells(calls, truth["tokens_by_model"], short, spans, logs),
        Cell("cost", cost, _charged(truth), short or _cached_unknown(chats) or _of_no_model(sessions)),
    ]


def _charged(truth: dict[str, object]) -> Decimal | None:
    charged = truth["expected_cost_usd"]
    return None if charged is None else Decimal(str(charged))


def _cost(sessions: Sequence[Compiled], chats: Sequence[ModelCall]) -> Decimal | None:
    """Return the USD of the chat calls; None where none could be priced."""
    prices = {step_id: price for session in sessions for step_id, price in session.prices.items()}
    costs = [price.total for call in chats if isinstance(price := prices.get(call.step_id), Cost)]
    return sum(costs, Decimal(0)) if costs else None


def _redundant(sessions: Sequence[Compiled]) -> int | None:
    """Return how many tool calls are flagged as repeats; None where nothing could be judged."""
    repeats = {step for each in sessions for finding in each.findings if finding.detector == "repeated_call"
               for step in finding.step_ids}  # fmt: skip
    return len(repeats) or (None if _unjudged(sessions) else 0)


def _unjudged(sessions: Sequence[Compiled]) -> str | None:
    """Return what kept repeats from being judged, in the words of the cards and of what they are cut from."""
    return next((gap for each in sessions for gap in (*each.card.gaps, *each.session.gaps) if "repe" in gap), None)


def _cached_unknown(chats: Sequence[ModelCall]) -> str | None:
    """Return how many calls came without their cached tokens, so that no price can be right."""
    missing = [call for call in chats if call.usage_missing is not None]
    return f"{len(missing)} calls: {missing[0].usage_missing}" if missing else None


def _of_no_model(sessions: Sequence[Compiled]) -> str | None:
    """Return that what was used is a total of calls to more models than one, none of which it names."""
    unpriced = {reason for each in sessions for reason in each.card.cost_coverage.why}
    return "sent as a total, without a model" if unpriced == {"no_model"} else None


def _counted(sessions: Iterable[Compiled]) -> Iterator[Step]:
    return (step for each in sessions for step in each.session.steps if step.counted_by is None)


def _token_cells(
    calls: Sequence[ModelCall],
    served: dict[str, dict[str, int]],
    short: str | None,
    spans: Sequence[Span],
    logs: Sequence[LogRecord],
) -> Iterator[Cell]:
    chats = [call for call in calls if call.operation == "chat" and not refused(call)]
    for ours, theirs in TOKENS.items():
        total = token_sum(chats, ours)
        truth = sum(model[theirs] for model in served.values())
        reason = (_not_sent(ours, spans, logs) or _estimates(chats)) if total is None else short
        yield Cell(ours.removesuffix("_tokens").replace("_", " "), total, truth, reason)


def _texts(spans: Sequence[Span], logs: Sequence[LogRecord]) -> Iterator[str]:
    for span in spans:
        yield json.dumps([span.name, span.attributes, [event.attributes for event in span.events]], default=str)
    for record in logs:
        yield json.dumps([record.body, record.attributes], default=str)


def _unseen_models(served: dict[str, object], spans: Sequence[Span], logs: Sequence[LogRecord]) -> list[str]:
    """Return the models that answered and yet are named nowhere in the recording."""
    sent = list(_texts(spans, logs))
    return sorted(model for model in served if not any(f'"{model}' in text or f"/{model}" in text for text in sent))


def _unjoined(spans: Sequence[Span], logs: Sequence[LogRecord], found: int) -> str | None:
    """Return why a run is several sessions: nothing that was sent says that its traces belong together."""
    sent = {key for span in spans for key in span.attributes} | {key for record in logs for key in record.attributes}
    traces = {span.trace_id for span in spans}
    if len(traces) < 2 or sent & set(SESSION_KEYS) or any(span.links for span in spans):
        return None
    return f"{len(traces)} traces without a session key or links; their prompts join them to {found}"


def _retried(truth: dict[str, object]) -> str | None:
    """Return why a refused request is not seen: SDKs repeat those inside of one call, which spans cover as one."""
    errors = truth["llm_http_errors"]
    again = isinstance(errors, list) and any(error["status"] == 429 for error in errors)
    return "a request refused with 429 was repeated by the SDK within one span" if again else None


def _silence(chats: Sequence[ModelCall], truth: dict[str, object]) -> str | None:
    """Return how many calls sent no usage; the server knows of as many streams without it."""
    silent = [call for call in chats if call.usage is None and call.usage_missing]
    return (
        f"{len(silent)} streamed without usage" if silent and len(silent) == truth["streamed_without_usage"] else None
    )


def _estimates(chats: Sequence[ModelCall]) -> str | None:
    """Return that every call's counts were only estimated: numbers of which none is the server's."""
    return ESTIMATED if chats and all(call.usage_missing == ESTIMATED for call in chats) else None


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
    """Print the table, and beneath it why figures are missing; end with 1 where one is wrong."""
    tables = {name: table(name) for name in (*RECORDINGS, *OWN_RECORDINGS)}
    console = Console(width=None if sys.stdout.isatty() else 220)
    drawn = Table(
        "recording",
        *(cell.name for cell in next(iter(tables.values()))),
        title="ours, and the truth where it is another",
    )
    for name, cells in tables.items():
        drawn.add_row(name, *(("" if cell.holds else "WRONG ") + cell.short for cell in cells))
    console.print(drawn)
    for name, cells in tables.items():
        for cell in cells:
            if not cell.equal:
                console.print(f"{name}: {cell.name} {cell.short}: {cell.reason}", highlight=False)
    wrong = sum(not cell.holds for cells in tables.values() for cell in cells)
    console.print(f"{len(tables)} recordings, {wrong} wrong figures")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
