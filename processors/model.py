"""What every dialect is turned into: one vocabulary for model calls, tools, agents and the session they form.

The names are those of the OpenTelemetry GenAI conventions. `None` always means 'not reported', never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one model call, as the provider bills them.

    `input_tokens` includes cache reads and cache writes; `output_tokens` includes reasoning. A part never exceeds
    its whole. Source: GenAI conventions v1.40+, notes on `gen_ai.usage.input_tokens` and `.output_tokens`.
    """

    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_write_1h_input_tokens: int | None = None
    """The part of `cache_write_input_tokens` written with a one-hour lifetime; the rest lives five minutes."""
    output_tokens: int | None = None
    reasoning_output_tokens: int | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} is negative: {value}")
        cached = (self.cache_read_input_tokens or 0) + (self.cache_write_input_tokens or 0)
        if self.input_tokens is not None and cached > self.input_tokens:
            raise ValueError(f"cached tokens ({cached}) exceed input_tokens ({self.input_tokens})")
        if (self.cache_write_1h_input_tokens or 0) > (self.cache_write_input_tokens or 0):
            raise ValueError("cache_write_1h_input_tokens exceeds cache_write_input_tokens")
        if self.output_tokens is not None and (self.reasoning_output_tokens or 0) > self.output_tokens:
            raise ValueError("reasoning_output_tokens exceeds output_tokens")


@dataclass(frozen=True, slots=True)
class Text:
    """Text in a message."""

    content: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Reasoning in a message; the content is empty where the provider hid it."""

    content: str = ""


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A model asking for a tool."""

    tool_call_id: str | None
    name: str
    arguments: str | None
    """Canonical JSON: sorted keys, no spaces; None where not captured."""


@dataclass(frozen=True, slots=True)
class ToolResponse:
    """A tool's answer as it stands in a prompt."""

    tool_call_id: str | None
    result: str | None
    """The text itself where the tool answered text, else canonical JSON; None where not captured."""


@dataclass(frozen=True, slots=True)
class Media:
    """An image, file or other part whose bytes say little about its tokens."""

    modality: str


Part: TypeAlias = Text | Reasoning | ToolRequest | ToolResponse | Media


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt or an answer."""

    role: str
    parts: tuple[Part, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as a model was told of it, or as an MCP server announced it."""

    name: str
    description: str = ""
    parameters: str = ""
    read_only_hint: bool | None = None
    destructive_hint: bool | None = None


@dataclass(frozen=True, slots=True)
class StepError:
    """Why a step failed: OTel's low-cardinality `error.type`, and the message where one was sent."""

    type: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBase:
    """What every step has. Times are nanoseconds since the Unix epoch."""

    step_id: str
    """Stable over arrival order and encoding: the span id, or a hash of what identifies the record it came from."""
    parent_step_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    """None where the step was built from log records or inferred from messages."""
    name: str
    """The model of a model call, the tool of a tool call, the agent of an agent run, else the span's name."""
    agent_name: str | None = None
    started_at: int
    ended_at: int
    error: StepError | None = None
    dialect: str
    counted_by: str | None = None
    """Set on a second sighting of the same call: the step that counts instead. Such a step has no money of its own."""
    note: str | None = None
    """The rule that decided how this step is counted, in words for a user."""
    inferred: bool = False
    """True where no signal reported the step and it was read from the messages of the model calls around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall(StepBase):
    """One billable request to a model."""

    operation: Literal["chat", "embeddings"] = "chat"
    provider: str | None = None
    """The vendor that bills, by its GenAI convention name; never the framework."""
    model: str | None = None
    """The response's model where it was sent, else the request's."""
    request_model: str | None = None
    request_id: str | None = None
    """`gen_ai.response.id` or the provider's request id."""
    service_tier: str | None = None
    usage: Usage | None = None
    usage_missing: str | None = None
    """Why `usage` is None or incomplete, in words for a user."""
    input_messages: tuple[Message, ...] | None = None
    output_messages: tuple[Message, ...] | None = None
    system_instructions: tuple[Part, ...] | None = None
    tool_definitions: tuple[ToolDefinition, ...] | None = None
    """The four above are None where content was not captured."""
    finish_reasons: tuple[str, ...] = ()
    reported_cost: Decimal | None = None
    """USD that the agent itself claimed; kept beside our figure, never added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(StepBase):
    """One run of a tool."""

    tool_call_id: str | None = None
    arguments: str | None = None
    """Canonical JSON; None where not captured."""
    result: str | None = None
    """The text itself where the tool answered text, else canonical JSON; None where not captured."""
    requested_by: str | None = None
    """The step id of the model call that asked for it, where known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRun(StepBase):
    """One invocation of an agent; a sub-agent when another agent caused it."""

    agent_id: str | None = None
    conversation_id: str | None = None
    is_sub_agent: bool = False
    delegated_by: str | None = None
    """The step id of the tool call that started a sub-agent, where there is one."""
    rollup_usage: Usage | None = None
    """What the agent reported for its whole tree; never summed."""
    reported_cost: Decimal | None = None
    answer: str | None = None
    """The text it ended with, where captured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherStep(StepBase):
    """A workflow, chain or task around the work, or a span that is none of the above."""

    kind: Literal["workflow", "other"] = "other"


Step: TypeAlias = ModelCall | ToolCall | AgentRun | OtherStep


@dataclass(frozen=True, slots=True)
class Context:
    """Model calls that extend one growing prompt, in order: the calls of one agent invocation."""

    context_id: str
    agent_step_id: str | None
    call_step_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing an oracle looked at."""

    name: str
    passed: bool
    expected: str | None = None
    got: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An oracle's verdict on a session."""

    passed: bool | None = None
    score: float | None = None
    source: str = "oracle"
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What an evaluator said in telemetry about a session, or about one step of it."""

    name: str
    score: float | None = None
    """As sent: range and direction are the evaluator's."""
    label: str | None = None
    passed: bool | None = None
    """None where neither label nor score says pass or fail by itself."""
    explanation: str | None = None
    expected: str | None = None
    got: str | None = None
    source: str
    trace_id: str | None = None
    span_id: str | None = None
    """The judged span; None where the whole session was judged."""
    recorded_at: int
    decides: bool = True
    """False where somebody judged more of the session, whose word counts instead."""


@dataclass(frozen=True, slots=True)
class LooseEnd:
    """An id in a session's content that other traces may hold as well."""

    value: str
    lasting: bool
    """Whether it is kept for traces to come; otherwise it only leads to those that keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of an agent, over however many traces.

    `steps` are in causal order: by start time, a parent before its children. `contexts` cover every counted chat
    call exactly once.
    """

    session_id: str
    session_source: str
    """The attribute that named the session, or `trace` where none did."""
    service_name: str | None = None
    agent_name: str | None = None
    task_id: str | None = None
    condition: str | None = None
    started_at: int
    ended_at: int
    steps: tuple[Step, ...]
    contexts: tuple[Context, ...] = ()
    outcome: Outcome | None = None
    evaluations: tuple[EvaluationResult, ...] = ()
    """What evaluators said in telemetry; `outcome` is what it comes to, unless an oracle recorded another."""
    gaps: tuple[str, ...] = ()
    """What the source did not send and what therefore cannot be said, in words for a user; sorted."""
    trace_ids: tuple[str, ...] = field(default=())
    conversation_ids: tuple[str, ...] = field(default=())
    loose_ends: tuple[LooseEnd, ...] = ()
    """By what the session finds the rest of it in traces that were not at hand."""
