"""Real airline trajectories as sessions, and per tool call what replaying the run without it showed.

The trajectories carry no token usage: one token per four bytes is assumed, and every call says so in its note.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from processors.findings import flag
from processors.model import (
    Context,
    Message,
    ModelCall,
    Part,
    Session,
    Step,
    Text,
    ToolCall,
    ToolRequest,
    ToolResponse,
    Usage,
)
from tests.processors.findings.stories import view_of

VARIABLE = "CLAWTRACE_TAU_BENCH"
"""Environment variable that names the folder of the trajectories."""
BESIDE = Path(__file__).parents[4] / "shared" / "data" / "tau_bench"
"""Where they lie when nothing else is said: next to the repository."""
TRAJECTORIES, LABELS = "airline_gpt-4o_200.json.gz", "replay_labels_airline.jsonl.gz"
MISSING = f"needs the tau_bench trajectories: name their folder, with {TRAJECTORIES} and {LABELS}, in ${VARIABLE}"
BYTES_PER_TOKEN = 4
SECOND = 1_000_000_000


class Function(msgspec.Struct):
    name: str
    arguments: str


class Request(msgspec.Struct):
    id: str
    function: Function


class Chat(msgspec.Struct):
    role: str
    content: str | None = None
    tool_calls: list[Request] | None = None


class Trajectory(msgspec.Struct):
    traj: list[Chat]


class Label(msgspec.Struct):
    """One replayed tool call; see the data's README."""

    traj: int
    call: int
    message_index: int
    tool: str
    access: str
    is_error: bool
    duplicate_of_call: int | None
    removal_changes_reward: bool | None
    flow_to_later_args: list[str]
    flow_to_later_text: list[str]

    @property
    def flows(self) -> bool:
        """Whether anything of the result was used later."""
        return bool(self.flow_to_later_args or self.flow_to_later_text)


def folder() -> Path | None:
    """Find the folder of the trajectories; None where it is not there."""
    named = Path(os.environ.get(VARIABLE, BESIDE))
    return named if all((named / name).is_file() for name in (TRAJECTORIES, LABELS)) else None


def trajectories(data: Path) -> list[Trajectory]:
    """Read the recorded trajectories."""
    text = gzip.decompress((data / TRAJECTORIES).read_bytes())
    return msgspec.json.decode(text, type=list[Trajectory])


def labels(data: Path) -> dict[tuple[int, int], Label]:
    """Read the replay labels by trajectory and message."""
    text = gzip.decompress((data / LABELS).read_bytes())
    rows = (msgspec.json.decode(line, type=Label) for line in text.splitlines())
    return {(row.traj, row.message_index): row for row in rows}


@dataclass(slots=True)
class Builder:
    """Walks one trajectory's messages; step ids name the message that asked."""

    number: int
    prompt: tuple[Message, ...] = ()
    clock: int = 0

    def steps(self, chats: list[Chat]) -> Iterator[Step]:
        """Make a model call of every assistant message and a tool call of every answer to one."""
        asked: Request | None = None
        for index, chat in enumerate(chats):
            self.clock += SECOND
            if chat.role == "assistant":
                message = Message("assistant", tuple(_parts(chat)))
                yield self._model_call(index, message)
                asked = chat.tool_calls[0] if chat.tool_calls else None
            elif chat.role == "tool" and asked is not None:
                message = Message("tool", (ToolResponse(asked.id, chat.content or ""),))
                yield self._tool_call(index - 1, asked, chat.content or "")
            else:
                message = Message(chat.role, (Text(chat.content or ""),))
            self.prompt = (*self.prompt, message)

    def _model_call(self, index: int, answer: Message) -> ModelCall:
        return ModelCall(
            step_id=f"{self.number}-{index}-call",
            name="gpt-4o",
            started_at=self.clock,
            ended_at=self.clock + SECOND // 4,
            dialect="tau-bench",
            provider="openai",
            model="gpt-4o",
            usage=Usage(
                input_tokens=sum(map(_size, self.prompt)) // BYTES_PER_TOKEN,
                cache_read_input_tokens=0,
                output_tokens=_size(answer) // BYTES_PER_TOKEN + 1,
                reasoning_output_tokens=0,
            ),
            note="token counts estimated from bytes",
            input_messages=self.prompt,
            output_messages=(answer,),
        )

    def _tool_call(self, index: int, request: Request, result: str) -> ToolCall:
        return ToolCall(
            step_id=f"{self.number}-{index}",
            name=request.function.name,
            started_at=self.clock,
            ended_at=self.clock + SECOND // 4,
            dialect="tau-bench",
            tool_call_id=request.id,
            arguments=canonical(request.function.arguments),
            result=result,
            requested_by=f"{self.number}-{index}-call",
        )


def canonical(arguments: str) -> str:
    """Write arguments the way normalisation does."""
    return json.dumps(json.loads(arguments), sort_keys=True, separators=(",", ":"))


def _parts(chat: Chat) -> Iterator[Part]:
    if chat.content:
        yield Text(chat.content)
    for request in chat.tool_calls or ():
        yield ToolRequest(request.id, request.function.name, canonical(request.function.arguments))


def _size(message: Message) -> int:
    return len(repr(message.parts))


def session(number: int, trajectory: Trajectory) -> Session:
    """Make the session of a trajectory."""
    steps = tuple(Builder(number).steps(trajectory.traj))
    calls = tuple(step.step_id for step in steps if isinstance(step, ModelCall))
    return Session(
        session_id=f"tau-{number}",
        session_source="session.id",
        started_at=0,
        ended_at=len(trajectory.traj) * SECOND,
        steps=steps,
        contexts=(Context(f"tau-{number}", None, calls),),
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """The labelled calls, and those that each detector named."""

    labels: dict[str, Label]
    named: dict[str, set[str]]

    def without_flow(self) -> set[str]:
        """Name the reads of which nothing was used later."""
        return {step for step, label in self.labels.items() if label.access == "read" and not label.flows}

    def duplicates(self) -> set[str]:
        """Name the calls that repeat another."""
        return {step for step, label in self.labels.items() if label.duplicate_of_call is not None}

    def precision_recall(self, detector: str, truth: set[str]) -> tuple[float, float]:
        """Compare what a detector named with what is true."""
        right = len(self.named[detector] & truth)
        return right / max(1, len(self.named[detector])), right / max(1, len(truth))

    def report(self, detector: str, truth: set[str]) -> str:
        """Say the same in words."""
        precision, recall = self.precision_recall(detector, truth)
        counts = f"{len(self.named[detector])} named, {len(truth)} labelled"
        return f"{detector}: {counts}, precision {precision:.3f}, recall {recall:.3f}"


@cache
def judged(data: Path) -> Judged:
    """Flag all trajectories once."""
    by_place = labels(data)
    found: dict[str, Label] = {}
    named: dict[str, set[str]] = {"unused_result": set(), "repeated_call": set()}
    for number, trajectory in enumerate(trajectories(data)):
        view = view_of(session(number, trajectory))
        for step in view.session.steps:
            if isinstance(step, ToolCall):
                found[step.step_id] = by_place[number, int(step.step_id.split("-")[1])]
        for finding in flag(view.session, view.ledger, view=view):
            if finding.detector in named and not finding.soft:
                named[finding.detector].update(finding.step_ids)
    return Judged(found, named)
