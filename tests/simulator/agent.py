"""Runs a plan against a provider, with or without some of its steps."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal

from processors.model import Message, ModelCall, Part, Reasoning, Text, ToolRequest, ToolResponse, Usage
from processors.pricing.model import Cost
from tests.simulator.plan import Compaction, Plan, PlannedCall, Turn
from tests.simulator.provider import HELPER_MODELS, MODELS, PRICES, Block, Provider
from tests.simulator.tokens import Kind, Tokenizer

NOBODY: AbstractSet[str] = frozenset()
SUMMARISE = "Summarise the conversation so far so that the work can go on from the summary alone."
CLEARED = "[old result cleared]"
LATEST = 4
"""Messages that are never cleared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCall:
    """A model call that was made."""

    key: str
    agent_key: str
    model: str
    started: float
    ended: float
    prompt: tuple[Message, ...]
    answer: Message
    usage: Usage
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeTool:
    """A tool call that was made."""

    key: str
    agent_key: str
    asked_by: str
    started: float
    ended: float
    planned: PlannedCall
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeAgent:
    """An agent that ran; a sub-agent where a tool call started it."""

    key: str
    name: str
    started_by: str | None
    parent_key: str | None
    started: float
    ended: float
    answer: str


@dataclass(slots=True)
class Run:
    """What happened, and what it cost."""

    calls: list[MadeCall] = field(default_factory=list)
    tools: list[MadeTool] = field(default_factory=list)
    agents: list[MadeAgent] = field(default_factory=list)
    cuts: list[tuple[str, float]] = field(default_factory=list)
    """Whose prompt lost what was in it, and when."""

    @property
    def usd(self) -> Decimal:
        """The whole bill."""
        return sum((call.usd for call in self.calls), Decimal(0))


@dataclass(slots=True)
class Loop:
    """One agent at work: its prompt as messages and as the blocks that a provider caches."""

    plan: Plan
    provider: Provider
    tokenizer: Tokenizer
    without: AbstractSet[str]
    run: Run
    clock: float
    messages: tuple[Message, ...] = ()
    blocks: list[Block] = field(default_factory=list)

    def work(self) -> str:
        """Do every turn; returns the last text."""
        self._start(self.plan.task)
        answer = ""
        for turn in self.plan.turns:
            self.clock += turn.pause
            kept = tuple(call for call in turn.calls if call.key not in self.without)
            if turn.calls and not kept:
                continue
            self._make_room_when_full()
            answer = turn.text or answer
            self._turn(turn, kept)
        return answer

    def _start(self, opening: str) -> None:
        self.messages = (Message("system", (Text(self.plan.system),)),)
        self.blocks = [Block("S" + self.plan.system, self._count(self.plan.system, Kind.PROSE))]
        self._say("user", opening)

    def _turn(self, turn: Turn, kept: tuple[PlannedCall, ...]) -> None:
        requests = tuple(ToolRequest(call.key, call.tool, call.arguments) for call in kept)
        parts: tuple[Part, ...] = ((Text(turn.text),) if turn.text else ()) + requests
        visible = self.tokenizer.count(turn.text, Kind.PROSE) + sum(
            self._request_tokens(request) for request in requests
        )
        shown = Message("assistant", parts)
        answer = Message("assistant", ((Reasoning(),) if turn.reasoning else ()) + parts)
        self._call(turn, answer, visible + turn.reasoning)
        kept_reasoning = turn.reasoning if self.plan.resend_reasoning else 0
        self._append(shown, visible + kept_reasoning + self.tokenizer.per_message)
        self._run_tools(turn, kept)
        if turn.user:
            self._say("user", turn.user)

    def _call(self, turn: Turn, answer: Message, output: int) -> None:
        started, self.clock = self.clock, self.clock + turn.seconds
        usage = self.provider.usage(list(self.blocks), output, turn.reasoning, started, missed=turn.missed)
        model = (HELPER_MODELS if self.plan.small_model else MODELS)[self.provider.name]
        self.run.calls.append(
            MadeCall(
                key=turn.key,
                agent_key=self.plan.key,
                model=model,
                started=started,
                ended=self.clock,
                prompt=self.messages,
                answer=answer,
                usage=usage,
                usd=bill(model, usage),
            )
        )

    def _run_tools(self, turn: Turn, kept: tuple[PlannedCall, ...]) -> None:
        started, latest = self.clock, self.clock
        for call in kept:
            ended, result = started + call.seconds, call.result
            if call.sub_agent is not None:
                ended, result = self._delegate(call, call.sub_agent, started)
            self.run.tools.append(
                MadeTool(
                    key=call.key,
                    agent_key=self.plan.key,
                    asked_by=turn.key,
                    started=started,
                    ended=ended,
                    planned=call,
                    result=result,
                )
            )
            tokens = self._count(result, call.kind)
            self._append(Message("tool", (ToolResponse(call.key, result),)), tokens)
            latest = max(latest, ended)
        self.clock = latest

    def _delegate(self, call: PlannedCall, plan: Plan, started: float) -> tuple[float, str]:
        loop = Loop(plan, self.provider, self.tokenizer, self.without, self.run, started)
        answer = loop.work()
        self.run.agents.append(
            MadeAgent(
                key=plan.key,
                name=plan.agent,
                started_by=call.key,
                parent_key=self.plan.key,
                started=started,
                ended=loop.clock,
                answer=answer,
            )
        )
        return loop.clock, answer

    def _make_room_when_full(self) -> None:
        limit = self.plan.compact_above
        if limit is None or self._length() <= limit:
            return
        self.run.cuts.append((self.plan.key, self.clock))
        match self.plan.compaction:
            case Compaction.SUMMARY:
                self._summarise()
            case Compaction.CLEAR:
                self._clear_results()
            case Compaction.WINDOW:
                self._drop_oldest(limit // 2)

    def _length(self) -> int:
        return sum(block.tokens for block in self.blocks)

    def _clear_results(self) -> None:
        for index, message in enumerate(self.messages[:-LATEST]):
            if message.role == "tool":
                results = (part for part in message.parts if isinstance(part, ToolResponse))
                cleared = Message("tool", tuple(ToolResponse(result.tool_call_id, CLEARED) for result in results))
                self.messages = (*self.messages[:index], cleared, *self.messages[index + 1 :])
                self.blocks[index] = Block(repr(cleared), self._count(CLEARED, Kind.PROSE))

    def _drop_oldest(self, most: int) -> None:
        starts = [index for index, message in enumerate(self.messages) if index > 1 and message.role == "assistant"]
        opening = sum(block.tokens for block in self.blocks[:2])
        fitting = (i for i in starts if opening + sum(block.tokens for block in self.blocks[i:]) <= most)
        first = next(fitting, starts[-1] if starts else len(self.messages))
        self.messages = self.messages[:2] + self.messages[first:]
        self.blocks = self.blocks[:2] + self.blocks[first:]

    def _summarise(self) -> None:
        self._say("user", SUMMARISE)
        number = sum(call.key.startswith(f"{self.plan.key}-compact") for call in self.run.calls)
        turn = Turn(key=f"{self.plan.key}-compact{number}", text=f"{self.plan.summary} Part {number}.")
        tokens = self.tokenizer.count(turn.text, Kind.PROSE)
        self._call(turn, Message("assistant", (Text(turn.text),)), tokens)
        self._start(f"{self.plan.task}\n\nSo far:\n{turn.text}")

    def _say(self, role: str, text: str) -> None:
        self._append(Message(role, (Text(text),)), self._count(text, Kind.PROSE))

    def _count(self, text: str, kind: Kind) -> int:
        return self.tokenizer.count(text, kind) + self.tokenizer.per_message

    def _request_tokens(self, request: ToolRequest) -> int:
        said = request.name + (request.arguments or "")
        return self.tokenizer.count(said, Kind.ARGUMENTS) + self.tokenizer.per_tool_call

    def _append(self, message: Message, tokens: int) -> None:
        self.messages = (*self.messages, message)
        self.blocks.append(Block(repr(message), tokens))


def bill(model: str, usage: Usage) -> Decimal:
    """USD of one call at list price."""
    price = PRICES.reprice(ModelCall(step_id="x", name="x", started_at=0, ended_at=0, dialect="x", model=model), usage)
    assert isinstance(price, Cost)
    return price.total


def run(plan: Plan, provider: Provider, tokenizer: Tokenizer, without: AbstractSet[str] = NOBODY) -> Run:
    """Run a plan from an empty cache, leaving out the tool calls named in `without`.

    A turn that only wanted calls that are left out is not taken.
    """
    done = Run()
    loop = Loop(plan, provider, tokenizer, without, done, 1_000.0)
    answer = loop.work()
    done.agents.append(
        MadeAgent(
            key=plan.key,
            name=plan.agent,
            started_by=None,
            parent_key=None,
            started=1_000.0,
            ended=loop.clock,
            answer=answer,
        )
    )
    done.calls.sort(key=lambda call: call.started)
    return done
