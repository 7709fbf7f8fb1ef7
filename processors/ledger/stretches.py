"""Walks the calls of a prompt and records its segments: which step produced which range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from processors.ledger.bills import Bill
from processors.ledger.cuts import Cut, Registry
from processors.ledger.model import INITIAL_CONTEXT
from processors.ledger.pieces import Piece, message_size
from processors.ledger.prompt import Prompt, PromptCall, Segment, Stretch
from processors.ledger.ratios import Ratios
from processors.ledger.splits import Shares, Splitter
from processors.ledger.threads import Thread, extends
from processors.ledger.turns import Turn
from processors.model import ModelCall
from processors.model_names import same_family
from processors.structure import Structure

LEAST_GROWTH = 0.4, 24.0
"""A prompt whose messages go on must grow by this share of what its new bytes say, less some tokens."""
LIKELY_GROWTH = 0.6
"""The same where the messages were not captured as a whole."""
LEAST_VISIBLE = 0.8, 8.0
"""The same where only the visible output of the call before is known."""
OPENING = 2
"""Messages at the start of a prompt that show it to be sent as a whole: instructions, task."""
SAYS_LESS = 0.9
"""Changed messages whose size fell below this share of what it was have lost content."""
LOST_CACHE = 0.9
"""A prompt that continues and yet read less than this share of the previous one may have changed in the middle."""


@dataclass(slots=True)
class Walk:
    """The segments of one prompt while its calls are being walked."""

    structure: Structure
    ratios: Ratios
    billed: Mapping[str, Bill]
    splitter: Splitter
    registry: Registry
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
        return Prompt(tuple(self.done))

    def _prompt_call(self, call: ModelCall, turn: Turn | None) -> PromptCall:
        bill = self.billed.get(call.step_id)
        return PromptCall(
            step_id=call.step_id,
            length=None if turn is None else turn.length,
            ranges=() if bill is None else bill.ranges,
            output_units=0 if bill is None else bill.output_units + bill.flat_units,
            asked=tuple(tool.step_id for tool in self.structure.asked.get(call.step_id, ())),
            output=self.splitter.outputs[call.step_id],
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
            self._append(self.splitter.split(turn))

    def _first(self, turn: Turn) -> Shares:
        self.registry.open(turn, self.ratios)
        if turn.before and turn.call.input_messages:
            return Cut(self.structure, self.ratios, self.registry, turn, ()).shares()
        return [(INITIAL_CONTEXT, turn.length)]

    def _was_cut(self, turn: Turn) -> bool:
        """Whether less joined the prompt than must be in it."""
        handed_over = not same_family(turn.before[0], turn.call) and bool(turn.call.input_messages)
        if turn.new < 0 or handed_over:
            return True
        pieces = turn.growth.pieces
        if turn.growth.written:
            share_of, less = LEAST_GROWTH
            least = self._least(pieces)
            return turn.new < share_of * least - less or (_is_suspect(turn, least) and _lost_inside(turn))
        if turn.new == 0:
            return False
        if extends(turn.before[0], turn.call) is False:
            return turn.new < LIKELY_GROWTH * self._least(pieces) or _lost_inside(turn)
        share_of, less = LEAST_VISIBLE
        outputs = [self.splitter.outputs[call.step_id] for call in turn.before]
        return turn.new < share_of * sum(output.visible for output in outputs if not output.guessed) - less

    def _least(self, pieces: Sequence[Piece]) -> float:
        return sum(self.ratios.weigh(piece) for piece in pieces if piece.size is not None)


def _is_suspect(turn: Turn, least: float) -> bool:
    """Whether a prompt grew by less than was written, or missed the cache: then a full comparison is worth its cost."""
    usage = turn.call.usage
    read = usage.cache_read_input_tokens if usage is not None else None
    return turn.new < LIKELY_GROWTH * least or (read is not None and read < LOST_CACHE * (turn.previous or 0))


def _lost_inside(turn: Turn) -> bool:
    """Whether messages of the previous prompt have shrunk, as when old results are cleared to make room."""
    old, new = turn.before[0].input_messages or (), turn.call.input_messages or ()
    if len(new) <= len(old) or old[:OPENING] != new[:OPENING]:
        return False
    changed = [(mine, theirs) for mine, theirs in zip(old, new, strict=False) if mine != theirs]
    before, after = (
        sum(map(message_size, messages)) for messages in (zip(*changed, strict=True) if changed else ((), ()))
    )
    return after < SAYS_LESS * before
