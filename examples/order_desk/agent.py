"""The agent: a script in place of a model, which obeys the rules of a SKILL.md that it understands.

Without rules it looks every order up twice, always lists shipments that nobody needs, and forgets to confirm every
third order. Its model calls carry the usage that a model with a prefix cache would report for the same text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from clawtrace_otel import agent_session, model_call, tool_call

from .desk import Check, OrderDesk

MODEL = "gpt-4o-mini"
_AGAIN = re.compile(r"Do not call `(\w+)` again with the same arguments")
_SKIP = re.compile(r"Skip `(\w+)` unless its result is needed")
_AFTER = re.compile(r"After `(\w+)`, call `(\w+)` before you finish")
_CACHE_FROM, _CACHE_STEP, _BYTES_PER_TOKEN = 1024, 128, 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one session ended."""

    session_id: str
    task_id: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


@dataclass(slots=True)
class Conversation:
    """The growing prompt, and the model calls that pay for it."""

    system: str
    task: str
    messages: list[dict[str, object]] = field(default_factory=list)
    _cached: int = 0
    _turns: int = 0

    def __post_init__(self) -> None:
        """Begin with the user's request."""
        self.messages.append({"role": "user", "parts": [{"type": "text", "content": self.task}]})

    def say(self, parts: list[dict[str, object]]) -> None:
        """Let the model answer with these parts, and record what the call would have cost."""
        answer: dict[str, object] = {"role": "assistant", "parts": parts}
        prompt = len(self.system) + len(json.dumps(self.messages))
        tokens, output = prompt // _BYTES_PER_TOKEN, len(json.dumps(parts)) // _BYTES_PER_TOKEN
        read = self._cached // _CACHE_STEP * _CACHE_STEP if self._cached >= _CACHE_FROM else 0
        self._turns += 1
        request = {"input_messages": list(self.messages), "system_instructions": self.system}
        with model_call(MODEL, provider="openai", **request) as call:  # type: ignore[arg-type] # two of the request's keys
            call.set_usage(input_tokens=tokens, cache_read_input_tokens=read, output_tokens=output)
            call.set_response(model=MODEL, output_messages=[answer], finish_reasons="stop")
        self._cached = tokens
        self.messages.append(answer)

    def use(self, desk: OrderDesk, tool: str, arguments: dict[str, object]) -> object:
        """Ask for a tool, run it, put its result into the prompt and return it."""
        call_id = f"call_{self._turns}_{tool}"
        self.say([{"type": "tool_call", "id": call_id, "name": tool, "arguments": arguments}])
        with tool_call(tool, call_id=call_id, arguments=arguments) as run:
            result = desk.call(tool, arguments)
            run.set_result(result)
        response = {"type": "tool_call_response", "id": call_id, "response": result}
        self.messages.append({"role": "tool", "parts": [response]})
        return result


def plan(number: int, skill: str) -> list[str]:
    """Return the tools that the agent will use, in order, for a task under a skill."""
    once, skipped = set(_AGAIN.findall(skill)), set(_SKIP.findall(skill))
    tools = ["get_order", "list_shipments", "get_order", "update_address"]
    if number % 3:
        tools.append("confirm_order")
    tools = [tool for tool in tools if tool not in skipped]
    tools = [tool for position, tool in enumerate(tools) if tool not in once or tool not in tools[:position]]
    for after, wanted in _AFTER.findall(skill):
        if after in tools and wanted not in tools:
            tools.append(wanted)
    return tools


def run(task_id: str, skill: str, condition: str) -> Verdict:
    """Run one task as one traced session."""
    desk = OrderDesk(task_id)
    number = int(task_id.rsplit("-", 1)[-1])
    session_id = f"{condition}-{task_id}"
    with agent_session("order-desk", session_id=session_id, task_id=task_id, condition=condition) as session:
        talk = Conversation(skill, f"Change the address of {desk.order_id} to {desk.wanted}.")
        order: object = {}
        for tool in plan(number, skill):
            arguments: dict[str, object] = {"order_id": desk.order_id}
            if tool == "update_address" and isinstance(order, dict):
                arguments |= {"address": desk.wanted, "customer_id": order.get("customer_id")}
            result = talk.use(desk, tool, arguments)
            order = result if tool == "get_order" else order
        talk.say([{"type": "text", "content": f"The address of {desk.order_id} is now {desk.wanted}."}])
        for check in desk.checks():
            session.add_evaluation(check.name, passed=check.passed, expected=check.expected, got=check.got)
    return Verdict(session_id, task_id, desk.checks())
