"""No content of a session file stops an import, or makes of it what the collector would refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clawtrace_otel.cli.bodies import Body
from clawtrace_otel.cli.span_outbox import SpanOutbox
from collector.decode import Decoder, Export
from processors.session_logs import Imported, read_claude_code, read_codex, read_openclaw
from tests.support.session_lines import answer, counted, item, lines, made_at, meta, prompt, result, turn, usage, uses

Read = Callable[[list[bytes], str], Imported]
MODEL = {"role": "assistant", "provider": "anthropic", "model": "claude-sonnet-4-5", "timestamp": 1_772_359_200_000}
USED = {"usage": {"input": 1, "output": 2, "cost": {"total": 0.1}}}
RESULT = {"role": "toolResult", "toolCallId": "q", "timestamp": 1_772_359_200_001}
FILES: dict[Read, list[dict[str, Any]]] = {
    read_claude_code: [
        prompt(0),
        answer("m1", 1, uses("t1", "Task", prompt="Count."), tokens=usage(5) | {"iterations": [{"type": "message"}]}),
        result("t1", 2, toolUseResult={"agentId": "a1"}),
        prompt(3, "Count.", isSidechain=True, parentUuid=None),
        {"type": "progress", "parentToolUseID": "t1", "data": {"type": "agent_progress", "agentId": "a1"}},
    ],
    read_codex: [
        meta(
            made_at(10), 10, forked_from_id=made_at(0), source={"subagent": {"thread_spawn": {"parent_thread_id": "p"}}}
        ),
        turn(11, made_at(11)),
        item("function_call", 12, name="spawn_agent", arguments="{}", call_id="k1"),
        counted(13, 1_000, 1_000),
        item("function_call_output", 14, call_id="k1", output='{"agent_id":"x"}'),
    ],
    read_openclaw: [
        {"type": "session", "id": "o1", "timestamp": "2026-03-01T10:00:00Z"},
        {
            "type": "message",
            "id": "e1",
            "message": MODEL | {"usage": {"input": 1, "output": 2, "cost": {"total": 0.1}}},
        },
        {
            "type": "message",
            "id": "e2",
            "message": {"role": "toolResult", "toolCallId": "q", "timestamp": 1_772_359_200_001},
        },
    ],
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the ways to everything inside a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in pairs for place in ((*path, key), *_places(inner, (*path, key)))]


def _accepted(imported: Imported) -> None:
    """Send the spans as an import does and let the collector's own decoder judge them."""
    bodies: list[Body] = []

    def deliver(body: Body) -> str:
        bodies.append(body)
        return ""

    with SpanOutbox(deliver, print) as outbox:
        outbox.add(imported.spans)
    for body in bodies:
        decoded = Decoder(frozenset()).decode(Export("traces", "json", body.content, 1))
        assert decoded.losses.rejected == 0
        assert decoded.row_count == len(imported.spans)


@given(st.sampled_from(list(FILES)), st.data())
def test_any_value_may_stand_anywhere(read: Read, data: st.DataObject) -> None:
    """One value of a file replaced by any other, at any depth: the import goes on and its spans are valid."""
    file = json.loads(json.dumps(FILES[read]))
    place = data.draw(st.sampled_from(_places(file)))
    inside: Any = file
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = data.draw(json_values)
    _accepted(read(lines(*file), "x"))


@given(st.sampled_from(list(FILES)), st.data())
def test_bytes_may_be_lost_or_wrong(read: Read, data: st.DataObject) -> None:
    """A file cut off anywhere, or with foreign bytes in it: the import goes on and its spans are valid."""
    content = b"".join(lines(*FILES[read]))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    broken = content[:start] + data.draw(st.binary(max_size=6)) + content[end:]
    _accepted(read(broken.splitlines(keepends=True), "x"))
