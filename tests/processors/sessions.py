"""Sessions made to order: steps one after another, with ids that say what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from processors.model import (
    AgentRun,
    Context,
    Message,
    ModelCall,
    Session,
    Step,
    StepError,
    Text,
    ToolCall,
    ToolRequest,
    Usage,
)
from tests.simulator import recording, scenario

START = 1_795_000_000_000_000_000
SECOND = 1_000_000_000
USED = Usage(input_tokens=1000, cache_read_input_tokens=0, cache_write_input_tokens=0, output_tokens=50)


class Script:
    """Writes the steps of one session; every step takes a second."""

    def __init__(self, session_id: str = "s") -> None:
        self.session_id = session_id
        self.steps: list[Step] = []

    def agent(self, name: str, *, sub: bool = False, parent: str | None = None, error: StepError | None = None) -> str:
        """Add an agent run, which all later steps may name as their parent."""
        step_id = f"agent-{name}"
        self._add(
            AgentRun(
                step_id=step_id,
                parent_step_id=parent,
                span_id=f"{len(self.steps):016x}",
                name=name,
                started_at=self._now,
                ended_at=self._now + SECOND,
                dialect="test",
                is_sub_agent=sub,
                error=error,
            )
        )
        return step_id

    def call(
        self,
        used: Usage | None = USED,
        *,
        model: str = "gpt-5",
        parent: str | None = None,
        asks: Sequence[str] = (),
        error: StepError | None = None,
        says: str | None = None,
        prompt: str | None = None,
    ) -> str:
        """Add a chat call; it asks for the tool calls whose ids are given."""
        step_id = f"call-{len(self.steps)}"
        requests = tuple(ToolRequest(wanted, wanted.split("-")[0], "{}") for wanted in asks)
        written = (*((Text(says),) if says else ()), *requests)
        self._add(
            ModelCall(
                step_id=step_id,
                parent_step_id=parent,
                span_id=f"{len(self.steps):016x}",
                name=model,
                model=model,
                provider="openai",
                started_at=self._now,
                ended_at=self._now + SECOND,
                dialect="test",
                usage=used,
                error=error,
                input_messages=(Message("user", (Text(prompt),)),) if prompt else None,
                output_messages=(Message("assistant", written),) if written else None,
            )
        )
        return step_id

    def tool(
        self,
        name: str,
        *,
        call_id: str | None = None,
        parent: str | None = None,
        arguments: str | None = None,
        result: str | None = None,
        error: StepError | None = None,
    ) -> str:
        """Add a tool call."""
        step_id = f"tool-{len(self.steps)}"
        self._add(
            ToolCall(
                step_id=step_id,
                parent_step_id=parent,
                span_id=f"{len(self.steps):016x}",
                name=name,
                tool_call_id=call_id,
                arguments=arguments,
                result=result,
                started_at=self._now,
                ended_at=self._now + SECOND,
                dialect="test",
                error=error,
            )
        )
        return step_id

    def session(self, **changes: object) -> Session:
        """Return what was written, one context over all chat calls."""
        calls = tuple(step.step_id for step in self.steps if isinstance(step, ModelCall))
        written = Session(
            session_id=self.session_id,
            session_source="session.id",
            started_at=START,
            ended_at=self._now,
            steps=tuple(self.steps),
            contexts=(Context("c", None, calls),) if calls else (),
            trace_ids=("t",),
        )
        return replace(written, **changes)  # type: ignore[arg-type]

    @property
    def _now(self) -> int:
        return START + len(self.steps) * SECOND

    def _add(self, step: Step) -> None:
        self.steps.append(step)


MODELS = {"openai": "gpt-5", "anthropic": "claude-sonnet-4-5", "mistral_ai": "mistral-medium-latest"}


def simulated(seed: int, lost_usage: float = 0.0) -> Session:
    """Return a simulated session, its models replaced by ones with a list price."""
    drawn = scenario.draw(seed)
    session = recording.record(drawn.run(), drawn.provider, recording.Capture(lost_usage=lost_usage), seed)
    return with_models(session, MODELS[drawn.provider])


def with_models(session: Session, model: str) -> Session:
    """Let all calls of a session be answered by one model."""
    steps = (replace(step, model=model) if isinstance(step, ModelCall) else step for step in session.steps)
    return replace(session, steps=tuple(steps))
