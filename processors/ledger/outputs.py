"""What a call's output tokens were spent on: its text, each tool request, and hidden reasoning."""

from __future__ import annotations

from collections.abc import Sequence

from processors.ledger.pieces import Kind, Piece, arguments_size, written_by
from processors.ledger.prompt import Output
from processors.ledger.ratios import Ratios
from processors.ledger.shares import share
from processors.model import ModelCall, ToolCall
from processors.structure import Structure

MOSTLY_VISIBLE = 0.75
"""Where reasoning is not reported and the visible bytes explain this share of the output, nothing was hidden."""
PLAIN_REQUEST = 2.0, 12.0
"""An output of at most this many times its known arguments, plus this many tokens, held no text beside them."""


def output_of(call: ModelCall, structure: Structure, ratios: Ratios, request_cap: int | None) -> Output:
    """Split the output tokens of a call; all zero where they were not reported.

    `request_cap` is what a request was seen to need at most in a session that hides its reasoning in the output.
    """
    total = None if call.usage is None else call.usage.output_tokens
    if total is None:
        return Output()
    reasoning = call.usage.reasoning_output_tokens if call.usage else None
    tools = structure.asked.get(call.step_id, ())
    written = written_by(call, structure)
    if written is not None and all(piece.size is not None for piece in written):
        return _by_bytes(call, total, reasoning, written, ratios)
    return _by_counts(total, reasoning, tools, ratios, request_cap)


def _by_bytes(call: ModelCall, total: int, reasoning: int | None, written: Sequence[Piece], ratios: Ratios) -> Output:
    weights = [ratios.weigh(piece) for piece in written]
    if reasoning is not None:
        visible = total - reasoning if written else 0
    else:
        visible = total if sum(weights) >= MOSTLY_VISIBLE * total else round(sum(weights))
    parts = share(visible, weights)
    requests = [
        (piece.producer, tokens)
        for piece, tokens in zip(written, parts, strict=True)
        if piece.kind is Kind.REQUEST and piece.producer != call.step_id
    ]
    text = sum(parts) - sum(tokens for _, tokens in requests)
    return Output(requests=tuple(requests), text=text, hidden=total - sum(parts))


def _by_counts(
    total: int, reasoning: int | None, tools: Sequence[ToolCall], ratios: Ratios, request_cap: int | None
) -> Output:
    visible = total - (reasoning or 0)
    if not tools:
        return Output(text=visible, hidden=total - visible, guessed=reasoning is None)
    sizes = [arguments_size(tool) for tool in tools]
    known = [Piece(tool.step_id, Kind.REQUEST, size) for tool, size in zip(tools, sizes, strict=True)]
    weights = [ratios.weigh(piece) if piece.size is not None else 0.0 for piece in known]
    asked = visible if reasoning is not None or request_cap is None else min(visible, request_cap * len(tools))
    if None not in sizes and asked > PLAIN_REQUEST[0] * sum(weights) + PLAIN_REQUEST[1]:
        asked = round(sum(weights))
    parts = share(asked, weights if None not in sizes else [1.0] * len(tools))
    requests = tuple((tool.step_id, tokens) for tool, tokens in zip(tools, parts, strict=True))
    text = 0 if reasoning is None else visible - asked
    return Output(requests=requests, text=text, hidden=total - asked - text, guessed=reasoning is None)
