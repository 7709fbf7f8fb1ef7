"""The plain OpenAI SDK with the official OpenTelemetry instrumentation; our package only sets up the exporter.

pip install '.[server]' openai opentelemetry-instrumentation-genai-openai   # in this repository's folder
clawtrace serve &
export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 OTEL_SERVICE_NAME=order-desk
export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY   # optional: what was said
python examples/openai_sdk.py "Where is order 7?"
"""

from __future__ import annotations

import json
import sys

from openai import OpenAI
from openai.types.chat import (
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

from clawtrace_otel import agent_session, configure, tool_call

MODEL = "gpt-5-mini"
ORDERS = {"7": "on its way"}
TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "order_status",
            "description": "Where an order is.",
            "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
        },
    }
]


def answer(client: OpenAI, question: str) -> str:
    """Ask the model until it wants no more tools."""
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "You are the order desk. Be brief."},
        {"role": "user", "content": question},
    ]
    while True:
        message = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS).choices[0].message
        calls = [call for call in message.tool_calls or [] if call.type == "function"]
        if not calls:
            return message.content or ""
        asked: list[ChatCompletionMessageFunctionToolCallParam] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ]
        messages.append({"role": "assistant", "tool_calls": asked})
        for call in calls:
            # The instrumentation sees model calls; that a tool ran is only known here.
            with tool_call(call.function.name, call_id=call.id, arguments=call.function.arguments) as tool:
                result = ORDERS.get(json.loads(call.function.arguments)["order"], "unknown order")
                tool.set_result(result)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


def main() -> None:
    """Answer the question on the command line."""
    configure()
    OpenAIInstrumentor().instrument()
    with agent_session("order-desk") as session, OpenAI() as client:
        print(answer(client, sys.argv[1]))
        print(f"clawtrace card {session.session_id}", file=sys.stderr)


if __name__ == "__main__":
    main()
