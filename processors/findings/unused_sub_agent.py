"""A sub-agent whose answer was never used."""

from __future__ import annotations

import re
from collections.abc import Iterator

from processors.effects import Access, words_of
from processors.effects.names import word_set
from processors.findings.answers import verdict
from processors.findings.detector import Draft
from processors.findings.unused_result import unused
from processors.findings.usage import SHORTEST_WORD
from processors.findings.view import View
from processors.model import ToolCall

REFERRING = word_set("according agent assistant checked confirmed delegated helper reported reviewed subagent verified")
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class UnusedSubAgent:
    """Needs sub-agents' answers and all that was written after them. A sub-agent that wrote something did work.

    An answer that contains a verdict may have been acted on silently, and one that is mentioned was read.
    """

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
            if agent is None or text is None or _judges(text) or _wrote(view, agent.step_id):
                continue
            if _took_over(view, tool, agent.step_id) or _referred_to(view, tool, agent.name):
                continue
            used = view.usage.of_result(tool, text)
            if used is not None and unused(used):
                yield Draft(
                    step_ids=(agent.step_id,),
                    related_step_ids=(tool.step_id,),
                    note="nothing of the sub-agent's answer appears in anything written later",
                    evidence={"agent": agent.name, "values": used.distinctive, "characters": len(text)},
                )


def _judges(text: str) -> bool:
    """Whether any sentence of an answer is a verdict, which can be acted on without being repeated."""
    return any(verdict(sentence) for sentence in SENTENCE.split(text))


def _referred_to(view: View, tool: ToolCall, name: str) -> bool:
    """Whether later output mentions the sub-agent, or that something was checked or delegated."""
    return view.usage.spoken_of(tool, {*REFERRING, *(word for word in words_of(name) if len(word) >= SHORTEST_WORD)})


def _wrote(view: View, agent_step_id: str) -> bool:
    under = (view.structure.by_id[step_id] for step_id in view.structure.under(agent_step_id))
    return any(isinstance(step, ToolCall) and view.effect(step).access is not Access.READ for step in under)


def _took_over(view: View, tool: ToolCall, agent_step_id: str) -> bool:
    """Whether the agent took over the conversation (a handoff): its answer needs no other agent to use it."""
    return any(view.loops.get(step_id) == view.loop_of(tool) for step_id in view.structure.under(agent_step_id))
