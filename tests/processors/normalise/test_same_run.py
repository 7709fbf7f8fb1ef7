"""One run seen through several dialects: recordings whose truth says that the same script was played."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations

import pytest

from processors.model import AgentRun, ModelCall, Session, Step, ToolCall
from processors.model_names import family
from processors.normalise import normalise
from tests.processors.normalise.counting import KINDS, recorded, served_tools
from tests.processors.support import RECORDINGS, load_recording, load_truth


def script(name: str) -> str:
    """Return what a recording's server was asked: tools by agent, and how many calls each agent made on which model."""
    truth = load_truth(name)
    agents = sorted((tool["name"], tool["agent"]) for tool in truth["tools"])
    models = sorted(truth["tokens_by_model"])
    return json.dumps(
        [served_tools(truth), agents, truth["llm_calls_by_agent"], models, truth["redundant_tool_calls"] != []]
    )


def same_scripts() -> Iterator[tuple[str, str]]:
    """Yield the pairs of recordings of one script, except those of which a model was named by no signal."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in RECORDINGS:
        sent = "".join(str(span.attributes) for span in load_recording(name)[0])
        if all(model in sent for model in load_truth(name)["tokens_by_model"]) or not sent:
            groups[script(name)].append(name)
    for names in groups.values():
        yield from combinations(names, 2)


PAIRS = tuple(same_scripts())


def structure(name: str) -> list[tuple[object, ...]]:
    """Return what counts in a recording, step by step, without what differs by chance or framework."""
    return [described for session in normalise(*load_recording(name)) for described in _described(session) if described]


def _described(session: Session) -> Iterator[tuple[object, ...]]:
    by_id = {step.step_id: step for step in session.steps}
    for step in session.steps:
        if step.counted_by is not None:
            continue
        failed, within = step.error is not None, _in_sub_agent(step, by_id)
        if isinstance(step, ModelCall):
            yield "call", step.operation, family(step.model), within, failed
        elif isinstance(step, ToolCall):
            asked = by_id.get(step.requested_by or "")
            asker = family(asked.model) if isinstance(asked, ModelCall) else None
            yield "tool", step.name, step.arguments, within, failed, asker
        elif isinstance(step, AgentRun) and step.is_sub_agent:
            yield "sub-agent", step.delegated_by is not None


def _in_sub_agent(step: Step, by_id: Mapping[str, Step]) -> bool:
    above = by_id.get(step.parent_step_id or "")
    while above is not None:
        if isinstance(above, AgentRun) and above.is_sub_agent:
            return True
        above = by_id.get(above.parent_step_id or "")
    return False


def test_there_are_runs_to_compare() -> None:
    """The recordings hold the same script in at least five dialects, and three frameworks' loops."""
    dialects = {
        step.dialect
        for name in {name for pair in PAIRS for name in pair}
        for session in normalise(*load_recording(name))
        for step in session.steps
    }
    assert len(dialects - {""}) >= 5


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_dialects_give_one_structure(one: str, other: str) -> None:
    """The same script gives the same calls, tools, sub-agents and failures in the same order, whoever watched it."""
    assert structure(one) == structure(other)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_dialects_give_one_total(one: str, other: str) -> None:
    """Totals differ by what the server served differently, and by nothing else, wherever both dialects send them."""
    (mine, served_to_me), (theirs, served_to_them) = recorded(one), recorded(other)
    silent = {truth["streamed_without_usage"] for truth in (served_to_me, served_to_them)}
    assert len(silent) == 1
    for kind in KINDS:
        ours, others = mine.tokens(kind), theirs.tokens(kind)
        if ours is not None and others is not None:
            assert ours - others == served_to_me[kind] - served_to_them[kind]
