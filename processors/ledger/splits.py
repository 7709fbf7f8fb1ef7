"""Splits the tokens that joined a prompt between its new pieces: by bytes, else by token counts, else by estimate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from processors.ledger.model import INITIAL_CONTEXT
from processors.ledger.pieces import Kind, Piece
from processors.ledger.prompt import Output
from processors.ledger.ratios import Ratios
from processors.ledger.shares import share
from processors.ledger.turns import Turn
from processors.model import ToolCall
from processors.structure import Structure

UNSEEN = 2.0, 50.0
"""Growth of this many times what is known to have joined, plus some tokens, holds a message that was not captured."""
GUESSED = "how prompts split between answers and tool results is a guess: neither content nor reasoning was captured"

ROUNDS = 8
"""Iterations over the turns with several results, until their sizes converge."""

Shares = list[tuple[str, int]]
Question = tuple[str, str]


@dataclass(slots=True)
class ResultSizes:
    """Tokens of results whose content was not captured, as far as the provider's counts tell.

    A result that came alone was counted by the provider. Those that came together are fitted so that each question
    has one size wherever it was asked, starting from what the tool usually answers.
    """

    structure: Structure
    exact: dict[str, int] = field(default_factory=dict)
    """By the tool step."""
    _by_question: dict[Question, float] = field(default_factory=dict)
    _by_tool: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, turns: Iterable[Turn], outputs: Mapping[str, Output]) -> None:
        """Learn from the turns of a session that follow one call."""
        alone: dict[Question, list[int]] = defaultdict(list)
        together: list[tuple[int, list[Question]]] = []
        for turn in turns:
            output = outputs[turn.before[0].step_id] if turn.previous is not None and len(turn.before) == 1 else None
            tools = self.structure.asked.get(turn.before[0].step_id, ()) if output is not None else ()
            if output is None or not output.total or turn.new <= output.visible or not tools:
                continue
            tokens = turn.new - output.visible
            if len(tools) > 1:
                together.append((tokens, [_question(tool) for tool in tools]))
                continue
            if not output.guessed:
                self.exact[tools[0].step_id] = tokens
            alone[_question(tools[0])].append(tokens)
            self._by_tool[tools[0].name].append(tokens)
        self._by_question = {question: fmean(seen) for question, seen in alone.items()}
        self._fit(together)

    def _fit(self, together: Sequence[tuple[int, list[Question]]]) -> None:
        sizes: dict[Question, float] = {}
        for tokens, questions in together:
            for question in questions:
                if question not in self._by_question:
                    sizes.setdefault(question, self._usual(question) or tokens / len(questions))
        for _ in range(ROUNDS):
            for tokens, questions in together:
                known = sum(self._by_question.get(question, 0.0) for question in questions)
                open_ = [question for question in questions if question in sizes]
                fitted = sum(sizes[question] for question in open_)
                for question in set(open_):
                    sizes[question] *= max(1.0, tokens - known) / fitted
        self._by_question.update(sizes)

    def _usual(self, question: Question) -> float | None:
        seen = self._by_tool.get(question[0])
        return fmean(seen) if seen else None

    def of_result(self, tool: ToolCall) -> float | None:
        """Estimate the tokens of a result."""
        return self._by_question.get(_question(tool))


def _question(tool: ToolCall) -> Question:
    """Tell questions apart by tool and arguments; a call without known arguments is a question of its own."""
    return tool.name, tool.step_id if tool.arguments is None else tool.arguments


@dataclass(slots=True)
class Splitter:
    """Splits turns of one session."""

    structure: Structure
    ratios: Ratios
    outputs: Mapping[str, Output]
    sizes: ResultSizes
    gaps: set[str] = field(default_factory=set)

    def split(self, turn: Turn) -> Shares:
        """List who produced the tokens that joined a prompt, in order."""
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
        weights = [self.ratios.weigh(piece) if piece.size is not None else self._seen(piece) for piece in results]
        unknown = [piece for piece, weight in zip(results, weights, strict=True) if weight is None]
        left = max(0.0, rest - sum(weight for weight in weights if weight is not None))
        hints = self._hints(unknown, pieces)
        scale = left / (sum(hints) or 1.0)
        guesses = iter(hints)
        filled = [next(guesses) * scale if weight is None else weight for weight in weights]
        return [(piece.producer, tokens) for piece, tokens in zip(results, share(rest, filled), strict=True)]

    def _seen(self, piece: Piece) -> float | None:
        tool = self.structure.by_id.get(piece.producer)
        return self.sizes.of_result(tool) if isinstance(tool, ToolCall) else None

    def _hints(self, unknown: Sequence[Piece], pieces: Sequence[Piece]) -> list[float]:
        """Weigh results of unknown size by their arguments where those are known, else evenly."""
        requests = {piece.producer: piece.size for piece in pieces if piece.kind is Kind.REQUEST}
        sizes = [requests.get(piece.producer) for piece in unknown]
        return [1.0] * len(unknown) if None in sizes else [float(size or 0) + 1 for size in sizes]
