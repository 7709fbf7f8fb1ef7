"""Lines of agents' session files, built by hand in the shape of each version.

No recording of a real file is at hand. The shapes are those that public readers of such files parse and show in their
tests and bug reports: ccusage, tokscale, agentsview, codeburn, claude-code-log, codex-trace, and the source of Codex.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
Fields = dict[str, Any]


def lines(*objects: object) -> list[bytes]:
    """Return JSON lines."""
    return [json.dumps(value).encode() + b"\n" for value in objects]


def stamp(second: float) -> str:
    """Return the time of a line, in seconds after the start."""
    return (START + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def made_at(second: float, number: int = 1) -> str:
    """Return a version 7 UUID made so many seconds after the start."""
    milliseconds = int((START + timedelta(seconds=second)).timestamp() * 1000)
    return str(UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number))


def said(text: str = "Done.") -> Fields:
    """Return a block of text."""
    return {"type": "text", "text": text}


def uses(call_id: str, name: str = "Read", **given: object) -> Fields:
    """Return a block that asks for a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": given or {"file_path": "a.py"}}


def usage(output: int, *, fresh: int = 10, read: int = 1_000, written: int = 200, hour: int = 0) -> Fields:
    """Return a usage object of the Anthropic API."""
    return {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written - hour, "ephemeral_1h_input_tokens": hour},
        "output_tokens": output,
        "service_tier": "standard",
    }


def answer(
    key: str,
    second: float,
    *blocks: Fields,
    tokens: Fields,
    session: str = "s1",
    message: Fields | None = None,
    **more: Any,
) -> Fields:
    """Return one line of a Claude Code response; release 2.x writes one per content block."""
    return {
        "type": "assistant",
        "sessionId": session,
        "uuid": f"uuid-{key}-{second}",
        "timestamp": stamp(second),
        "requestId": f"req_{key}",
        "isSidechain": False,
        "message": {
            "id": key,
            "role": "assistant",
            "model": "claude-sonnet-4-5-20250929",
            "content": list(blocks or (said(),)),
            "usage": tokens,
            **(message or {}),
        },
        **more,
    }


def prompt(second: float, text: str = "Please.", session: str = "s1", **more: Any) -> Fields:
    """Return the line of what a user, or a parent agent, said."""
    return _user(second, text, session, more)


def result(call_id: str, second: float, content: Any = "ok", session: str = "s1", **more: Any) -> Fields:
    """Return the line of a tool's answer."""
    failed = more.pop("failed", False)
    block = {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": failed}
    return _user(second, [block], session, more)


def _user(second: float, content: Any, session: str, more: Fields) -> Fields:
    return {
        "type": "user",
        "sessionId": session,
        "uuid": f"uuid-{second}",
        "timestamp": stamp(second),
        "isSidechain": False,
        "message": {"role": "user", "content": content},
        **more,
    }


def wrapped(kind: str, second: float, **payload: Any) -> Fields:
    """Return a line of a Codex rollout since September 2025."""
    return {"timestamp": stamp(second), "type": kind, "payload": payload}


def meta(thread_id: str, second: float = 0, **more: Any) -> Fields:
    """Return a Codex session's description of itself."""
    return wrapped("session_meta", second, id=thread_id, timestamp=stamp(second), cli_version="0.145.0", **more)


def turn(second: float, turn_id: str | None = None, model: str = "gpt-5-codex") -> Fields:
    """Return the line that begins a turn; older releases gave turns no id."""
    named = {} if turn_id is None else {"turn_id": turn_id}
    return wrapped("turn_context", second, model=model, **named)


def item(kind: str, second: float, **payload: Any) -> Fields:
    """Return a response item."""
    return wrapped("response_item", second, type=kind, **payload)


def counted(second: float, total: int, last: int | None = 100, **more: Any) -> Fields:
    """Return a token count: the running total so far, and the last response's share of it."""
    info: Fields = {"total_token_usage": tokens_of(total), "model_context_window": 272_000}
    if last is not None:
        info["last_token_usage"] = tokens_of(last)
    return wrapped("event_msg", second, type="token_count", info=info, rate_limits={"primary": {}}, **more)


def tokens_of(size: int) -> Fields:
    """Return Codex's counts for so many input tokens: nine tenths cached, a tenth as output, half of it thought."""
    cached, output = size * 9 // 10, size // 10
    return {
        "input_tokens": size,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": output // 2,
        "total_tokens": size + output,
    }
