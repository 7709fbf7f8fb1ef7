"""One made-up run, told by each of several dialects: what a session comes to must not depend on who tells it."""

from __future__ import annotations

import json
from dataclasses import replace

from collector.model import Attributes, Event, LogRecord, Resource, Scope, Span
from tests.processors.normalise.made_up import (
    EPOCH,
    SECOND,
    TRACE,
    Message,
    Told,
    Tool,
    Turn,
    chat_answer,
    chat_prompt,
    flat,
    history,
    identifier,
    parts_answer,
    parts_prompt,
    spans,
    total,
)


def conventions(turns: tuple[Turn, ...]) -> Told:
    """Tell a run by the conventions of 2026: messages on spans, the sum on the agent's span."""
    root: Attributes = {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "speaker",
        "gen_ai.usage.input_tokens": total(turns, "given"), "gen_ai.usage.output_tokens": total(turns, "answered"),
    }  # fmt: skip

    def call(turns: tuple[Turn, ...], number: int, turn: Turn) -> tuple[str, Attributes]:
        return "chat gpt-5", {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5",
            "gen_ai.usage.input_tokens": turn.given, "gen_ai.usage.output_tokens": turn.answered,
            "gen_ai.usage.cache_read.input_tokens": turn.read, "gen_ai.usage.cache_write.input_tokens": turn.written,
            "gen_ai.usage.reasoning.output_tokens": turn.reasoned, "gen_ai.response.id": f"resp-{number}",
            "gen_ai.input.messages": parts_prompt(turns, number),
            "gen_ai.output.messages": parts_answer(number, turn),
        }  # fmt: skip

    def run(number: int, tool: Tool) -> tuple[str, Attributes]:
        return f"execute_tool {tool.name}", {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool.name,
            "gen_ai.tool.call.id": identifier(number), "gen_ai.tool.call.arguments": tool.arguments,
            "gen_ai.tool.call.result": tool.result,
        }  # fmt: skip

    return Told(spans(turns, "some.instrumentation", ("invoke_agent speaker", root), call, run))


CONTENT = ("gen_ai.input.messages", "gen_ai.output.messages")


def in_events(turns: tuple[Turn, ...]) -> Told:
    """Tell the same with messages in an event of the conventions, which repeats the usage, and not on spans."""
    told = conventions(turns)
    kept = tuple(_without(one, CONTENT) for one in told.spans)
    logs = tuple(
        LogRecord(
            time_unix_nano=one.end_time_unix_nano + 1000, event_name="gen_ai.client.inference.operation.details",
            attributes=one.attributes, trace_id=TRACE, span_id=one.span_id, scope=one.scope, resource=one.resource,
        )
        for one in told.spans
        if "gen_ai.input.messages" in one.attributes
    )  # fmt: skip
    return Told(kept, logs)


def _without(one: Span, keys: tuple[str, ...]) -> Span:
    return replace(one, attributes={key: value for key, value in one.attributes.items() if key not in keys})


def old_conventions(turns: tuple[Turn, ...]) -> Told:
    """Tell a run by the conventions of 2024: old names, and every message an event of its span."""

    def call(_: tuple[Turn, ...], number: int, turn: Turn) -> tuple[str, Attributes]:
        return "chat gpt-5", {
            "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-5",
            "gen_ai.usage.prompt_tokens": turn.given, "gen_ai.usage.completion_tokens": turn.answered,
            "gen_ai.usage.prompt_tokens_details.cached_tokens": turn.read,
            "gen_ai.usage.prompt_tokens_details.cache_creation_tokens": turn.written,
            "gen_ai.usage.completion_tokens_details.reasoning_tokens": turn.reasoned,
            "gen_ai.response.id": f"resp-{number}",
        }  # fmt: skip

    told = conventions(turns)
    plain = spans(turns, "some.instrumentation", ("invoke_agent speaker", _agent()), call, _run)
    found = []
    for one in plain:
        number = int(one.span_id, 16) - 100
        turn = turns[number] if 0 <= number < len(turns) else None
        found.append(one if turn is None else _with_events(one, turns, number, turn))
    return Told(tuple(found), told.logs)


def _with_events(one: Span, turns: tuple[Turn, ...], number: int, turn: Turn) -> Span:
    said = [(f"gen_ai.{message['role']}.message", message) for message in chat_prompt(turns, number)]
    said.append(("gen_ai.choice", {"index": 0, "message": chat_answer(number, turn)}))
    events = tuple(Event(name, one.start_time_unix_nano, {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in body.items()
    }) for name, body in said)  # fmt: skip
    return replace(one, events=events)


def _agent() -> Attributes:
    return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "speaker"}


def _run(number: int, tool: Tool) -> tuple[str, Attributes]:
    return f"execute_tool {tool.name}", {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool.name,
        "gen_ai.tool.call.id": identifier(number), "gen_ai.tool.call.arguments": tool.arguments,
        "gen_ai.tool.call.result": tool.result,
    }  # fmt: skip


def openllmetry(turns: tuple[Turn, ...]) -> Told:
    """Tell a run by OpenLLMetry as it was before 2026: indexed messages, kinds of its own."""

    def call(turns: tuple[Turn, ...], number: int, turn: Turn) -> tuple[str, Attributes]:
        completion = {"0": {"role": "assistant", "finish_reason": "stop", "content": "Done."}}
        if turn.tool is not None:
            asked = {"0": {"id": identifier(number), "name": turn.tool.name, "arguments": turn.tool.arguments}}
            completion = {"0": {"role": "assistant", "finish_reason": "tool_calls", "tool_calls": asked}}  # type: ignore[dict-item]
        prompt = [
            {**message, "tool_calls": [{"id": c["id"], **c["function"]} for c in message.get("tool_calls", ())]}  # type: ignore[attr-defined]
            for message in chat_prompt(turns, number)
        ]
        return "openai.chat", {
            "llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-5",
            "gen_ai.usage.prompt_tokens": turn.given, "gen_ai.usage.completion_tokens": turn.answered,
            "llm.usage.total_tokens": turn.given + turn.answered, "gen_ai.response.id": f"resp-{number}",
            "gen_ai.usage.cache_read_input_tokens": turn.read, "gen_ai.usage.cache_creation_input_tokens": turn.written,
            "gen_ai.usage.reasoning_tokens": turn.reasoned,
            **dict(flat("gen_ai.prompt", prompt)), **dict(flat("gen_ai.completion", completion)),
        }  # fmt: skip

    def run(number: int, tool: Tool) -> tuple[str, Attributes]:
        return f"{tool.name}.tool", {
            "traceloop.span.kind": "tool", "traceloop.entity.name": tool.name,
            "traceloop.entity.input": json.dumps({"args": [], "kwargs": {"path": tool.argument}}),
            "traceloop.entity.output": json.dumps(tool.result), "gen_ai.tool.call.id": identifier(number),
        }  # fmt: skip

    root: Attributes = {"traceloop.span.kind": "agent", "traceloop.entity.name": "speaker"}
    return Told(spans(turns, "opentelemetry.instrumentation.openai.v1", ("speaker.agent", root), call, run))


def openinference(turns: tuple[Turn, ...]) -> Told:
    """Tell a run by OpenInference."""

    def call(turns: tuple[Turn, ...], number: int, turn: Turn) -> tuple[str, Attributes]:
        prompt = [_openinference_message(message) for message in chat_prompt(turns, number)]
        said = [_openinference_message(chat_answer(number, turn))]
        return "ChatCompletion", {
            "openinference.span.kind": "LLM", "llm.system": "openai", "llm.model_name": "gpt-5",
            "llm.token_count.prompt": turn.given, "llm.token_count.completion": turn.answered,
            "llm.token_count.total": turn.given + turn.answered,
            "llm.token_count.prompt_details.cache_read": turn.read,
            "llm.token_count.prompt_details.cache_write": turn.written,
            "llm.token_count.completion_details.reasoning": turn.reasoned,
            **dict(flat("llm.input_messages", prompt)), **dict(flat("llm.output_messages", said)),
        }  # fmt: skip

    def run(number: int, tool: Tool) -> tuple[str, Attributes]:
        return tool.name, {
            "openinference.span.kind": "TOOL", "tool.name": tool.name, "tool.id": identifier(number),
            "input.value": tool.arguments, "output.value": tool.result,
        }  # fmt: skip

    root: Attributes = {"openinference.span.kind": "AGENT", "agent.name": "speaker"}
    return Told(spans(turns, "openinference.instrumentation.some", ("speaker", root), call, run))


def _openinference_message(message: Message) -> Message:
    calls = message.get("tool_calls", [])
    assert isinstance(calls, list)
    return {"message": {**message, "tool_calls": [{"tool_call": call} for call in calls]}}


def vercel(turns: tuple[Turn, ...]) -> Told:
    """Tell a run by version 5 of the Vercel AI SDK, whose root repeats the sum."""
    root: Attributes = {
        "ai.operationId": "ai.generateText", "ai.telemetry.functionId": "speaker", "ai.model.id": "gpt-5",
        "ai.usage.inputTokens": total(turns, "given"), "ai.usage.outputTokens": total(turns, "answered"),
    }  # fmt: skip

    def call(turns: tuple[Turn, ...], number: int, turn: Turn) -> tuple[str, Attributes]:
        tool = turn.tool
        call = {
            "toolCallId": identifier(number),
            "toolName": tool and tool.name,
            "input": {"path": tool and tool.argument},
        }
        asked = [call] if tool is not None else []
        return "ai.generateText.doGenerate", {
            "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "gpt-5", "ai.model.provider": "openai.chat",
            "ai.usage.inputTokens": turn.given, "ai.usage.outputTokens": turn.answered,
            "ai.usage.inputTokenDetails.cacheReadTokens": turn.read,
            "ai.usage.inputTokenDetails.cacheWriteTokens": turn.written, "ai.usage.reasoningTokens": turn.reasoned,
            "ai.usage.totalTokens": turn.given + turn.answered, "gen_ai.usage.input_tokens": turn.given,
            "gen_ai.usage.output_tokens": turn.answered, "ai.response.id": f"resp-{number}",
            "ai.prompt.messages": json.dumps(_vercel_prompt(turns, number)),
            "ai.response.text": "" if asked else "Done.", "ai.response.toolCalls": json.dumps(asked) if asked else None,
        }  # fmt: skip

    def run(number: int, tool: Tool) -> tuple[str, Attributes]:
        return "ai.toolCall", {
            "ai.operationId": "ai.toolCall", "ai.toolCall.name": tool.name, "ai.toolCall.id": identifier(number),
            "ai.toolCall.args": tool.arguments, "ai.toolCall.result": json.dumps(tool.result),
        }  # fmt: skip

    return Told(spans(turns, "ai", ("ai.generateText", root), call, run))


def _vercel_prompt(turns: tuple[Turn, ...], until: int) -> list[Message]:
    messages: list[Message] = [{"role": "user", "content": [{"type": "text", "text": "Go."}]}]
    for number, tool in history(turns, until):
        shared = {"toolCallId": identifier(number), "toolName": tool.name}
        asked = {"type": "tool-call", **shared, "input": {"path": tool.argument}}
        answer = {"type": "tool-result", **shared, "output": {"type": "text", "value": tool.result}}
        messages += [{"role": "assistant", "content": [asked]}, {"role": "tool", "content": [answer]}]
    return messages


def mlflow(turns: tuple[Turn, ...]) -> Told:
    """Tell a run by MLflow's own tracing: every value JSON text, the provider's bodies as they were."""

    def call(turns: tuple[Turn, ...], number: int, turn: Turn) -> tuple[str, Attributes]:
        usage = {
            "input_tokens": turn.given, "output_tokens": turn.answered, "total_tokens": turn.given + turn.answered,
            "cache_read_input_tokens": turn.read, "cache_creation_input_tokens": turn.written,
            "reasoning_output_tokens": turn.reasoned,
        }  # fmt: skip
        answer = {"id": f"resp-{number}", "model": "gpt-5", "choices": [{"message": chat_answer(number, turn)}]}
        return "Completions", _json(
            spanType="CHAT_MODEL", chat__tokenUsage=usage, llm__model="gpt-5", llm__provider="openai",
            spanInputs={"model": "gpt-5", "messages": chat_prompt(turns, number)}, spanOutputs=answer,
        )  # fmt: skip

    def run(_: int, tool: Tool) -> tuple[str, Attributes]:
        return tool.name, _json(spanType="TOOL", spanInputs={"path": tool.argument}, spanOutputs=tool.result)

    return Told(spans(turns, "mlflow.tracing.provider", ("speaker", _json(spanType="AGENT")), call, run))


def _json(**attributes: object) -> Attributes:
    return {f"mlflow.{key.replace('__', '.')}": json.dumps(value) for key, value in attributes.items()}


def claude_code(turns: tuple[Turn, ...]) -> Told:
    """Tell a run by the events of Claude Code, without any span: input counts exclude what was cached."""
    logs = []
    for number, turn in enumerate(turns):
        at = EPOCH + (10 * number + 5) * SECOND
        logs.append(_event(at, "api_request", {
            "model": "gpt-5", "input_tokens": str(turn.given - turn.read - turn.written), "duration_ms": "4000",
            "cache_read_tokens": turn.read, "cache_creation_tokens": turn.written, "output_tokens": turn.answered,
            "request_id": f"resp-{number}", "query_source": "main",
        }))  # fmt: skip
        if turn.tool is not None:
            logs.append(_event(at + 2 * SECOND, "tool_result", {
                "tool_name": turn.tool.name, "tool_use_id": identifier(number), "duration_ms": 1000,
                "success": "false" if turn.tool.failed else "true", "tool_input": turn.tool.arguments,
            }))  # fmt: skip
    return Told((), tuple(logs))


def _event(at: int, name: str, attributes: Attributes) -> LogRecord:
    return LogRecord(
        time_unix_nano=at, body=f"claude_code.{name}",
        attributes={"event.name": name, "session.id": "speaker-session", **attributes},
        scope=Scope("com.anthropic.claude_code.events"), resource=Resource({"service.name": "claude-code"}),
    )  # fmt: skip


SPEAKERS = (
    conventions, in_events, old_conventions, openllmetry, openinference, vercel, mlflow, claude_code,
)  # fmt: skip
