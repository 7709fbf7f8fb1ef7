"""A sub-agent whose answer was never used."""

from __future__ import annotations

from collections.abc import Iterator

from processors.effects import Access
from processors.findings.answers import verdict
from processors.findings.detector import Draft
from processors.findings.unused_result import unused
from processors.findings.view import View
from processors.model import ToolCall


class UnusedSubAgent:
    """Needs sub-agents' answers and all that was written after them. A sub-agent that wrote something did work."""

    name = "unused_sub_agent"

    def gap(self, view: View) -> str | None:
        """Say so where sub-agents ran and their answers were not captured."""
        started = [tool for tool in view.tools if tool.step_id in view.structure.sub_agents]
        if started and all(view.sub_agent_answer(tool) is None for tool in started):
            return "sub-agents' answers not captured: unused sub-agents cannot be seen"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look at every sub-agent that a tool call started."""
        for tool in view.tools:
            agent = view.structure.sub_agents.get(tool.step_id)
            text = None if agent is None else view.sub_agent_answer(tool)
            if agent is None or text is None or verdict(text) or _wrote(view, agent.step_id):
                continue
            if _took_over(view, tool, agent.step_id):
                continue
            used = view.usage.of_result(tool, text)
            if used is not None and unused(used):
                yield Draft(
                    step_ids=(agent.step_id,),
                    related_step_ids=(tool.step_id,),
                    note="nothing of the sub-agent's answer appears in anything written later",
                    evidence={"agent": agent.name, "values": used.distinctive, "characters": len(text)},
                )


def _wrote(view: View, agent_step_id: str) -> bool:
    under = (view.structure.by_id[step_id] for step_id in view.structure.under(agent_step_id))
    return any(isinstance(step, ToolCall) and view.effect(step).access is not Access.READ for step in under)


def _took_over(view: View, tool: ToolCall, agent_step_id: str) -> bool:
    """Whether the agent was handed the conversation itself: what it says needs no other agent to use it."""
    return any(view.loops.get(step_id) == view.loop_of(tool) for step_id in view.structure.under(agent_step_id))
