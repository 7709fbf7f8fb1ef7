"""Walks the calls of a prompt and keeps its segments: who produced which range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from processors.ledger.bills import Bill
from processors.ledger.cuts import Cut, Registry
from processors.ledger.model import INITIAL_CONTEXT
from processors.ledger.pieces import Kind, Piece
from processors.ledger.prompt import Output, Prompt, PromptCall, Segment, Stretch
from processors.ledger.ratios import Ratios
from processors.ledger.shares import share
from processors.ledger.threads import Thread, extends
from processors.ledger.turns import Turn
from processors.model import ModelCall
from processors.structure import Structure

LEAST_GROWTH = 0.4, 24.0
"""A prompt whose messages go on must grow by this share of what its new bytes say, less some tokens."""
LIKELY_GROWTH = 0.6
"""The same where the messages were not captured as a whole."""
LEAST_VISIBLE = 0.8, 8.0
"""The same where only the visible output of the call before is known."""
UNSEEN = 2.0, 50.0
"""Growth of this many times what is known to have joined, plus some tokens, holds a message that was not captured."""

Shares = list[tuple[str, int]]


@dataclass(slots=True)
class Walk:
    """The segments of one prompt while its calls are being walked."""

    structure: Structure
    ratios: Ratios
    billed: Mapping[str, Bill]
    outputs: Mapping[str, Output]
    registry: Registry
    gaps: set[str] = field(default_factory=set)
    done: list[Stretch] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    calls: list[PromptCall] = field(default_factory=list)

    def walk(self, thread: Thread, turns: Sequence[Turn]) -> Prompt:
        """Walk all calls; returns the prompt with its stretches."""
        by_call = {turn.call.step_id: turn for turn in turns}
        for call in thread.calls:
            turn = by_call.get(call.step_id)
            if turn is not None:
                self._grow(turn)
            self.calls.append(self._prompt_call(call, turn))
            self.registry.add(call)
        self._close()
        return Prompt(thread.thread_id, tuple(self.done))

    def _prompt_call(self, call: ModelCall, turn: Turn | None) -> PromptCall:
        bill = self.billed.get(call.step_id)
        return PromptCall(
            step_id=call.step_id,
            length=None if turn is None else turn.length,
            ranges=() if bill is None else bill.ranges,
            output_units=0 if bill is None else bill.output_units + bill.flat_units,
            asked=tuple(tool.step_id for tool in self.structure.asked.get(call.step_id, ())),
            output=self.outputs[call.step_id],
        )

    def _close(self) -> None:
        if self.calls:
            self.done.append(Stretch(tuple(self.segments), tuple(self.calls)))
        self.segments, self.calls = [], []

    def _append(self, shares: Shares) -> None:
        for producer, tokens in shares:
            last = self.segments[-1] if self.segments else None
            if tokens <= 0:
                continue
            if last is not None and last.producer == producer:
                self.segments[-1] = Segment(producer, last.start, last.tokens + tokens)
            else:
                self.segments.append(Segment(producer, last.end if last else 0, tokens))

    def _grow(self, turn: Turn) -> None:
        if turn.previous is None:
            self._append(self._first(turn))
        elif self._was_cut(turn):
            cut = Cut(self.structure, self.ratios, self.registry, turn, tuple(self.segments))
            shares = cut.shares()
            self._close()
            self._append(shares)
        else:
            self._append(self._split(turn))

    def _first(self, turn: Turn) -> Shares:
        self.registry.open(turn, self.ratios)
        if turn.before and turn.call.input_messages:
            return Cut(self.structure, self.ratios, self.registry, turn, ()).shares()
        return [(INITIAL_CONTEXT, turn.length)]

    def _was_cut(self, turn: Turn) -> bool:
        """Whether less joined the prompt than must be in it."""
        if turn.new < 0:
            return True
        pieces = turn.growth.pieces
        if turn.growth.written:
            share_of, less = LEAST_GROWTH
            return turn.new < share_of * self._least(pieces) - less
        if turn.new == 0:
            return False
        if extends(turn.before[0], turn.call) is False:
            return turn.new < LIKELY_GROWTH * self._least(pieces)
        share_of, less = LEAST_VISIBLE
        outputs = [self.outputs[call.step_id] for call in turn.before]
        return turn.new < share_of * sum(output.visible for output in outputs if not output.guessed) - less

    def _least(self, pieces: Sequence[Piece]) -> float:
        return sum(self.ratios.weigh(piece) for piece in pieces if piece.size is not None)

    def _split(self, turn: Turn) -> Shares:
        pieces = turn.growth.pieces
        if turn.new == 0 or (turn.growth.written and not pieces):
            return [(INITIAL_CONTEXT, turn.new)]
        if pieces and all(piece.size is not None for piece in pieces):
            return self._by_bytes(turn, pieces)
        if turn.growth.written:
            return self._around_media(turn.new, pieces)
        return self._by_counts(turn, pieces)

    def _by_bytes(self, turn: Turn, pieces: Sequence[Piece]) -> Shares:
        weights = [self.ratios.weigh(piece) for piece in pieces]
        factor, slack = UNSEEN
        unseen = not turn.growth.written and turn.new > factor * sum(weights) + slack
        new = round(sum(weights)) if unseen else turn.new
        shares = [(piece.producer, tokens) for piece, tokens in zip(pieces, share(new, weights), strict=True)]
        return [*shares, (INITIAL_CONTEXT, turn.new - new)]

    def _around_media(self, new: int, pieces: Sequence[Piece]) -> Shares:
        """Give pieces of known size their estimate and what is left to images and files."""
        known = [0.0 if piece.size is None else self.ratios.weigh(piece) for piece in pieces]
        left = max(0.0, new - sum(known))
        unknown = sum(piece.size is None for piece in pieces)
        weights = [left / unknown if piece.size is None else known[i] for i, piece in enumerate(pieces)]
        return [(piece.producer, tokens) for piece, tokens in zip(pieces, share(new, weights), strict=True)]

    def _by_counts(self, turn: Turn, pieces: Sequence[Piece]) -> Shares:
        """Split by what the calls before wrote; the rest went to the results of their tools, else to the user."""
        outputs = [(call.step_id, self.outputs[call.step_id]) for call in turn.before]
        if any(output.guessed for _, output in outputs):
            self.gaps.add(GUESSED)
        written: Shares = []
        for step_id, output in outputs:
            written += [(step_id, output.text), *output.requests]
        visible = min(turn.new, sum(tokens for _, tokens in written))
        parts = share(visible, [float(tokens) for _, tokens in written])
        shares = [(producer, tokens) for (producer, _), tokens in zip(written, parts, strict=True)]
        return shares + self._results(turn.new - visible, pieces)

    def _results(self, rest: int, pieces: Sequence[Piece]) -> Shares:
        results = [piece for piece in pieces if piece.kind not in (Kind.ANSWER, Kind.REQUEST)]
        if not results:
            return [(INITIAL_CONTEXT, rest)]
        unknown = [piece for piece in results if piece.size is None]
        known = sum(self.ratios.weigh(piece) for piece in results if piece.size is not None)
        requests = {piece.producer: piece.size for piece in pieces if piece.kind is Kind.REQUEST}
        sizes = [requests.get(piece.producer) for piece in unknown]
        hints = [1.0 if None in sizes else float(size or 0) + 1 for size in sizes]
        scale = max(0.0, rest - known) / (sum(hints) or 1.0)
        guesses = iter(hints)
        weights = [next(guesses) * scale if piece.size is None else self.ratios.weigh(piece) for piece in results]
        return [(piece.producer, tokens) for piece, tokens in zip(results, share(rest, weights), strict=True)]


GUESSED = "how prompts split between answers and tool results is a guess: neither content nor reasoning was captured"
