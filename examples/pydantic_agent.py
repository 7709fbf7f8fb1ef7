"""Pydantic AI, which speaks OpenTelemetry by itself: our package only sets up the exporter and names the session.

pip install '.[server]' 'pydantic-ai-slim[openai]'   # in this repository's folder
clawtrace serve &
export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 OTEL_SERVICE_NAME=order-desk
python examples/pydantic_agent.py "Where is order 7?"
"""

from __future__ import annotations

import sys

from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings

from clawtrace_otel import agent_session, configure

ORDERS = {"7": "on its way"}

# Prompts and tool results are recorded unless told otherwise; here they stay at home.
Agent.instrument_all(InstrumentationSettings(include_content=False))
desk = Agent(
    "openai-chat:gpt-5-mini",
    name="order-desk",
    instructions="You are the order desk. Be brief.",
)


@desk.tool_plain
def order_status(order: str) -> str:
    """Where an order is."""
    return ORDERS.get(order, "unknown order")


def main() -> None:
    """Answer the question on the command line."""
    configure()
    with agent_session("order-desk") as session:
        print(desk.run_sync(sys.argv[1]).output)
        print(f"clawtrace card {session.session_id}", file=sys.stderr)


if __name__ == "__main__":
    main()
