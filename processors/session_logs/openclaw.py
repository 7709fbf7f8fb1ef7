"""OpenClaw's session files: `~/.openclaw/agents/AGENT/sessions/*.jsonl`.

Each assistant message carries the usage of its own request; `input` excludes the cache.
"""

from __future__ import annotations

from collections.abc import Iterable

from processors.session_logs.lines import Record, count, items, moment, plain, record, records, text
from processors.session_logs.trace import Imported, Tokens, Trace

_KNOWN = frozenset({"session", "message", "model_change", "thinking_level_change", "compaction", "custom",
                    "custom_message", "branch_summary", "label", "session_info"})  # fmt: skip


def read_openclaw(lines: Iterable[bytes], fallback_id: str) -> Imported:
    """Return a session file's spans."""
    trace = Trace(fallback_id, "openclaw")
    asked: dict[str, tuple[int, str, object]] = {}
    last, skipped = 0, 0
    for number, line in enumerate(records(lines)):
        if line is None or text(line.get("type")) not in _KNOWN:
            skipped += 1
            continue
        if line.get("type") == "session":
            trace.session_id = text(line.get("id")) or trace.session_id
        if line.get("type") != "message":
            continue
        message = record(line.get("message"))
        at = moment(line.get("timestamp")) or moment(message.get("timestamp"))
        if at is None:
            skipped += 1
            continue
        if message.get("role") == "assistant":
            _call(trace, text(line.get("id")) or str(number), (last or at, at), message, asked)
        elif message.get("role") == "toolResult":
            _tool(trace, message, at, asked)
        last = at
    for call_id, (at, name, arguments) in asked.items():
        trace.tool(call_id, name, (at, at), arguments, None)
    return trace.finish(skipped)


def _call(
    trace: Trace, key: str, times: tuple[int, int], message: Record, asked: dict[str, tuple[int, str, object]]
) -> None:
    parts: list[dict[str, object]] = []
    for block in items(message.get("content")):
        call_id = text(block.get("id"))
        if block.get("type") == "text":
            parts.append({"type": "text", "content": block.get("text", "")})
        elif block.get("type") == "thinking":
            parts.append({"type": "reasoning", "content": block.get("thinking", "")})
        elif block.get("type") == "toolCall" and call_id is not None:
            name = text(block.get("name")) or "tool"
            parts.append({"type": "tool_call", "id": call_id, "name": name, "arguments": block.get("arguments")})
            asked[call_id] = (times[1], name, block.get("arguments"))
    cost = record(record(message.get("usage")).get("cost")).get("total")
    reported = float(cost) if isinstance(cost, int | float) and cost > 0 else None
    trace.call(
        key,
        times,
        model=text(message.get("model")),
        provider=text(message.get("provider")) or "openclaw",
        tokens=_tokens(record(message.get("usage"))),
        said=parts,
        extra={"operation.cost": reported},
    )


def _tool(trace: Trace, message: Record, at: int, asked: dict[str, tuple[int, str, object]]) -> None:
    call_id = text(message.get("toolCallId"))
    if call_id is None:
        return
    began, name, arguments = asked.pop(call_id, (at, text(message.get("toolName")) or "tool", None))
    result = plain(message.get("content"))
    error = (result or "tool error")[:500] if message.get("isError") is True else None
    trace.tool(call_id, name, (began, at), arguments, result, error=error)


def _tokens(usage: Record) -> Tokens:
    fresh, read, written = (count(usage.get(name)) for name in ("input", "cacheRead", "cacheWrite"))
    whole = None if fresh is None else fresh + (read or 0) + (written or 0)
    return Tokens(input=whole, cache_read=read, cache_write=written, output=count(usage.get("output")))
