"""A year of Claude Code's session files, in the shape that release 2.1 writes, with tool results of realistic sizes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec

LINES_PER_SESSION = 100
_START = datetime(2025, 11, 1, tzinfo=UTC)
_MODELS = ("claude-sonnet-4-5-20250929", "claude-opus-4-5-20251101", "claude-haiku-4-5-20251001")
_TOOLS = ("Read", "Bash", "Grep", "Edit", "Glob", "WebFetch")
_WORDS = (
    "parse",
    "session",
    "total",
    "price",
    "token",
    "index",
    "merge",
    "cache",
    "path",
    "row",
    "write",
    "span",
    "key",
)
_MEDIAN_RESULT, _SPREAD = 1_200, 1.4


def write_year(folder: Path, sessions: int, seed: int = 7) -> int:
    """Write so many sessions, every tenth with a sub-agent's file; return the number of lines."""
    chance = random.Random(seed)
    source = _source(chance)
    lines = 0
    for number in range(sessions):
        project = folder / f"-home-user-project-{number % 40}"
        session = _Session(chance, number, sessions, source)
        lines += _write(project / f"{session.session_id}.jsonl", session.lines(LINES_PER_SESSION))
        if session.agents:
            below = project / session.session_id / "subagents"
            lines += _write(below / f"agent-{session.agents[0]}.jsonl", session.agent_lines(LINES_PER_SESSION // 4))
    return lines


def _write(file: Path, lines: Iterator[dict[str, object]]) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    encoded = [msgspec.json.encode(line) for line in lines]
    file.write_bytes(b"\n".join(encoded) + b"\n")
    return len(encoded)


def _source(chance: random.Random) -> str:
    """Return a long text like numbered source code: some names often, most of them seldom."""
    names = ["_".join(chance.choices(_WORDS, k=chance.randint(1, 3))) + str(number) for number in range(4_000)]
    often = [1 / (rank + 1) for rank in range(len(names))]
    used = iter(chance.choices(names, often, k=16_000))
    return "".join(
        f"{line:5}→    {next(used)} = {next(used)}({next(used)}, {next(used)}={line * 7919 % 100_003})\n"
        for line in range(4_000)
    )


class _Session:
    def __init__(self, chance: random.Random, number: int, sessions: int, source: str) -> None:
        self.chance = chance
        self.source = source
        self.number = number
        self.session_id = self._uuid()
        self.now = _START + timedelta(days=365) * number / sessions
        self.agents: list[str] = [f"a{number:07x}"] if number % 10 == 0 else []
        self.agent: str | None = None
        self.context = 12_000
        self.steps = 0

    def _uuid(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def _line(self, kind: str, **fields: object) -> dict[str, object]:
        self.now += timedelta(milliseconds=self.chance.randint(200, 4_000))
        agent: dict[str, object] = {} if self.agent is None else {"agentId": self.agent}
        return {
            "parentUuid": self._uuid(),
            "isSidechain": self.agent is not None,
            "userType": "external",
            "cwd": "/home/user/project",
            "sessionId": self.session_id,
            "version": "2.1.30",
            "gitBranch": "main",
            "type": kind,
            **fields,
            **agent,
            "uuid": self._uuid(),
            "timestamp": self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }

    def lines(self, count: int) -> Iterator[dict[str, object]]:
        """Yield a main session's lines: prompts, answers block by block, tool results, and what stands between."""
        yield {"type": "file-history-snapshot", "messageId": self._uuid(), "snapshot": {"trackedFileBackups": {}}}
        yield self._line("user", message={"role": "user", "content": "Make the failing test pass. " * 8})
        written = 2
        while written < count:
            for line in self._step(with_agent=bool(self.agents) and self.steps == 3):
                yield line
                written += 1
            if self.chance.random() < 0.1:
                yield self._line("user", message={"role": "user", "content": "And the other module as well. " * 5})
                yield self._line("system", subtype="turn_duration", durationMs=41_000)
                written += 2

    def agent_lines(self, count: int) -> Iterator[dict[str, object]]:
        """Yield the lines of the sub-agent's own file."""
        self.agent, self.context = self.agents[0], 8_000
        yield self._line("user", message={"role": "user", "content": "Find every caller of the function."})
        written = 1
        while written < count:
            for line in self._step():
                yield line
                written += 1

    def _step(self, *, with_agent: bool = False) -> Iterator[dict[str, object]]:
        self.steps += 1
        call_id = f"toolu_01{self.chance.getrandbits(88):022x}"
        tool = "Agent" if with_agent else self.chance.choice(_TOOLS)
        given: dict[str, object] = {"file_path": f"/home/user/project/src/module_{self.chance.randint(0, 60)}.py"}
        if with_agent:
            given = {"prompt": "Find every caller of the function.", "subagent_type": "Explore"}
        yield from self._answer(
            [
                {"type": "thinking", "thinking": "The module has to be read first. " * 12, "signature": "x" * 400},
                {"type": "tool_use", "id": call_id, "name": tool, "input": given, "caller": {"type": "direct"}},
            ]
        )
        yield from self._progress(call_id)
        size = min(int(self.chance.lognormvariate(0, _SPREAD) * _MEDIAN_RESULT), 40_000)
        begin = self.chance.randrange(len(self.source) - size)
        result = self.source[begin : begin + size]
        block = {"tool_use_id": call_id, "type": "tool_result", "content": result, "is_error": self.steps % 25 == 0}
        told = {"agentId": self.agents[0], "agentType": "Explore", "content": []} if with_agent else {}
        about = {"type": "text", "file": {"filePath": "module.py", "content": result, "numLines": size // 40}}
        yield self._line("user", message={"role": "user", "content": [block]}, toolUseResult=about | told)
        self.context += size // 3

    def _progress(self, call_id: str) -> Iterator[dict[str, object]]:
        if self.chance.random() < 0.3:
            yield self._line(
                "progress", data={"type": "hook_progress", "hookEvent": "PostToolUse"}, parentToolUseID=call_id
            )

    def _answer(self, blocks: list[dict[str, object]]) -> Iterator[dict[str, object]]:
        written = self.chance.randint(300, 3_000)
        usage = {
            "input_tokens": self.chance.randint(1, 8),
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": self.context,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard",
            "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
        }
        output = self.chance.randint(40, 900)
        message = {"id": f"msg_01{self.chance.getrandbits(88):022x}", "type": "message", "role": "assistant"}
        model, request_id = _MODELS[self.number % len(_MODELS)], f"req_01{self.chance.getrandbits(88):022x}"
        for number, block in enumerate(blocks, 1):
            last = number == len(blocks)
            answer = {
                **message,
                "model": model,
                "content": [block],
                "stop_reason": "tool_use" if last else None,
                "usage": usage | {"output_tokens": output if last else 8},
            }
            yield self._line("assistant", message=answer, requestId=request_id)
