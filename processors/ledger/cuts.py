"""What remains of a prompt after it was truncated or compacted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from processors.ledger.model import INITIAL_CONTEXT
from processors.ledger.pieces import Kind, Piece, answer_piece, size_of
from processors.ledger.prompt import Segment
from processors.ledger.ratios import Ratios
from processors.ledger.shares import share
from processors.ledger.threads import says
from processors.ledger.turns import Turn
from processors.model import Message, ModelCall, Part, Text, ToolCall, ToolRequest, ToolResponse
from processors.structure import Structure

NEARBY = 8
"""How many calls before a cut may have written its summary."""


@dataclass(slots=True)
class Registry:
    """Who wrote which text and which tool call has which id, in the part of a prompt walked so far."""

    structure: Structure
    texts: dict[str, str] = field(default_factory=dict)
    tools: dict[str, ToolCall] = field(default_factory=dict)
    base: float = 0.0
    """Tokens of the first prompt beyond its messages: system prompt, tool definitions, what a provider adds."""

    def open(self, turn: Turn, ratios: Ratios) -> None:
        """Remember how large the first prompt was beyond its messages."""
        parts = [part for message in turn.call.input_messages or () for part in message.parts]
        texts = [part.content for part in parts if isinstance(part, Text)]
        if len(texts) == len(parts) > 0:
            said = sum(ratios.weigh(Piece(INITIAL_CONTEXT, Kind.USER, size_of(text))) for text in texts)
            self.base = max(0.0, turn.length - said)

    def add(self, call: ModelCall) -> None:
        """Remember what a call wrote and asked for."""
        for message in call.output_messages or ():
            for part in message.parts:
                if isinstance(part, Text):
                    self.texts.setdefault(part.content, call.step_id)
        for tool in self.structure.asked.get(call.step_id, ()):
            agent = self.structure.sub_agents.get(tool.step_id)
            if tool.tool_call_id:
                self.tools[tool.tool_call_id] = tool
            if agent is not None and agent.answer:
                self.texts.setdefault(agent.answer, agent.step_id)


@dataclass(frozen=True, slots=True)
class Cut:
    """A prompt that lost some of what was in it."""

    structure: Structure
    ratios: Ratios
    registry: Registry
    turn: Turn
    segments: tuple[Segment, ...]

    def shares(self) -> list[tuple[str, int]]:
        """List the producers of the new prompt's tokens, in order.

        Where messages were captured they say what is still there; else a cache read proves the start of the old
        prompt, and the rest is the compaction call's product, or initial context.
        """
        if self.turn.call.input_messages:
            return self._from_messages(self.turn.call.input_messages)
        kept = list(self._still_cached())
        rest = self.turn.length - sum(tokens for _, tokens in kept)
        compactor = self._compactor()
        return [*kept, (INITIAL_CONTEXT if compactor is None else compactor.step_id, rest)]

    def _still_cached(self) -> Iterator[tuple[str, int]]:
        usage = self.turn.call.usage
        read = (usage.cache_read_input_tokens or 0) if usage is not None else 0
        for segment in self.segments:
            if segment.start < min(read, self.turn.length):
                yield segment.producer, min(segment.end, read, self.turn.length) - segment.start

    def _compactor(self) -> ModelCall | None:
        """Find the call that wrote what replaced the prompt: the one before, or one nearby with nothing else to do."""
        turn = self.turn
        last = turn.before[-1] if turn.before else None
        if last is not None and self._only_wrote(last):
            return last
        calls = self.structure.calls
        here = bisect_left(calls, turn.call.started_at, key=lambda call: call.started_at)
        owner = self.structure.owners.get(turn.call.step_id)
        for call in reversed(calls[max(0, here - NEARBY) : here]):
            related = self.structure.owners.get(call.step_id) == owner
            after = last is None or call.started_at >= last.ended_at
            if related and after and call is not turn.call and self._only_wrote(call):
                return call
        return None

    def _only_wrote(self, call: ModelCall) -> bool:
        if call.error is not None or self.structure.asked.get(call.step_id):
            return False
        messages = self.turn.call.input_messages
        if messages and call.output_messages:
            return says(call, messages)
        written = call.usage.output_tokens if call.usage else None
        return written is None or 0 < written <= self.turn.length

    def _from_messages(self, messages: Sequence[Message]) -> list[tuple[str, int]]:
        compactor = self._compactor()
        pieces = [self._piece(part, message, compactor) for message in messages for part in message.parts]
        weights = [0.0 if piece.size is None else self.ratios.weigh(piece) for piece in pieces]
        base = self.registry.base
        left = max(0.0, self.turn.length - base - sum(weights))
        media = sum(piece.size is None for piece in pieces)
        if media:
            weights = [left / media if piece.size is None else weights[i] for i, piece in enumerate(pieces)]
        parts = share(self.turn.length, [base, *weights])
        return [(INITIAL_CONTEXT, parts[0]), *((p.producer, n) for p, n in zip(pieces, parts[1:], strict=True))]

    def _piece(self, part: Part, message: Message, compactor: ModelCall | None) -> Piece:
        match part:
            case ToolRequest():
                tool = self.registry.tools.get(part.tool_call_id or "")
                size = None if part.arguments is None else size_of(part.name) + size_of(part.arguments)
                return Piece(INITIAL_CONTEXT if tool is None else tool.step_id, Kind.REQUEST, size)
            case ToolResponse():
                tool = self.registry.tools.get(part.tool_call_id or "")
                producer = INITIAL_CONTEXT if tool is None else self.structure.producer_of_result(tool)
                return answer_piece(producer, part)
            case Text():
                kind = Kind.ANSWER if message.role == "assistant" else Kind.USER
                return Piece(self._author(part.content, compactor), kind, size_of(part.content))
            case _:
                return Piece(INITIAL_CONTEXT, Kind.USER, None)

    def _author(self, text: str, compactor: ModelCall | None) -> str:
        known = self.registry.texts.get(text)
        if known is not None or compactor is None:
            return known or INITIAL_CONTEXT
        return compactor.step_id if says(compactor, (Message("user", (Text(text),)),)) else INITIAL_CONTEXT
