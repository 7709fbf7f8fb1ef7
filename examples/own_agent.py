"""An agent of your own, without a framework and without an instrumentation: our helpers make every span.

pip install '.[server]'   # in this repository's folder
clawtrace serve &
export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 OTEL_SERVICE_NAME=order-desk
export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true   # optional: what was said
python examples/own_agent.py "Where is order 7?"
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.request import Request, urlopen

from clawtrace_otel import agent_session, configure, model_call, sub_agent, tool_call

MODEL = "claude-sonnet-4-5"
ORDERS = {"7": "on its way"}
SYSTEM = [{"type": "text", "text": "You are the order desk.", "cache_control": {"type": "ephemeral"}}]
TOOLS = [
    {
        "name": "order_status",
        "description": "Where an order is.",
        "input_schema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
    }
]


def ask(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
    """Call the model once, and say what it answered and counted."""
    body = {"model": MODEL, "max_tokens": 1000, "system": SYSTEM, "tools": tools, "messages": messages}
    with model_call(
        MODEL, provider="anthropic", input_messages=messages, system_instructions=SYSTEM, tool_definitions=tools
    ) as call:
        answer: dict[str, Any] = post(body)
        usage = answer["usage"]
        call.set_response(
            response_id=answer["id"],
            model=answer["model"],
            finish_reasons=[answer["stop_reason"]],
            output_messages={"role": "assistant", "content": answer["content"]},
        )
        # Anthropic counts cached tokens apart, so its input_tokens is only what was not cached.
        call.set_usage(
            uncached_input_tokens=usage["input_tokens"],
            cache_read_input_tokens=usage["cache_read_input_tokens"],
            cache_write_input_tokens=usage["cache_creation_input_tokens"],
            output_tokens=usage["output_tokens"],
        )
    return answer


def post(body: dict[str, Any]) -> dict[str, Any]:
    """Send one request to the messages API."""
    base = os.environ.get("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
    key = os.environ["ANTHROPIC_API_KEY"]
    headers = {"Content-Type": "application/json", "x-api-key": key, "anthropic-version": "2023-06-01"}
    with urlopen(Request(f"{base}/v1/messages", json.dumps(body).encode(), headers)) as reply:  # noqa: S310 the user's own address
        answer: dict[str, Any] = json.load(reply)
    return answer


def run_tool(block: dict[str, Any]) -> dict[str, Any]:
    """Run what the model asked for; an unknown order is a failed call."""
    with tool_call(block["name"], call_id=block["id"], arguments=block["input"]) as tool:
        result = ORDERS.get(block["input"]["order"])
        if result is None:
            tool.fail("unknown order")
        tool.set_result(result or "unknown order")
    return {"type": "tool_result", "tool_use_id": block["id"], "content": result or "unknown order"}


def answer_question(question: str) -> str:
    """Ask until the model wants no more tools, then have a sub-agent put it politely."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    while (answer := ask(messages, TOOLS))["stop_reason"] == "tool_use":
        wanted = [block for block in answer["content"] if block["type"] == "tool_use"]
        messages.append({"role": "assistant", "content": answer["content"]})
        messages.append({"role": "user", "content": [run_tool(block) for block in wanted]})
    with sub_agent("writer"):
        return text(ask([{"role": "user", "content": f"Say it politely: {text(answer)}"}], []))


def text(answer: dict[str, Any]) -> str:
    """Return the text of an answer."""
    return "".join(block["text"] for block in answer["content"] if block["type"] == "text")


def main() -> None:
    """Answer the question on the command line."""
    configure()
    with agent_session("order-desk") as session:
        reply = answer_question(sys.argv[1])
        session.set_output(reply)
        print(reply)
        print(f"clawtrace card {session.session_id}", file=sys.stderr)


if __name__ == "__main__":
    main()
