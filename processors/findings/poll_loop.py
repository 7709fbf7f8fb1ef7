"""Polling for something that has not changed yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from processors.findings.answers import failed
from processors.findings.detector import Draft
from processors.findings.polling import is_polling, moves_on
from processors.findings.view import View
from processors.model import ToolCall

LEAST = 3


class PollLoop:
    """Needs tool arguments and results. Soft: how long something takes is seldom known beforehand."""

    name = "poll_loop"

    def gap(self, view: View) -> str | None:
        """Say so where no results were captured."""
        if view.tools and all(view.answer(tool) is None for tool in view.tools):
            return "tool results not captured: polling cannot be told from repetition"
        return None

    def find(self, view: View) -> Iterator[Draft]:
        """Look for runs of equal calls with equal answers that end in another answer, or whose answer is a wait."""
        for group in view.same_calls():
            run: list[ToolCall] = []
            for tool in group:
                if run and view.answer(tool) != view.answer(run[-1]):
                    yield from _judge(view, run, ended=moves_on(view, run[-1], tool))
                    run = []
                if failed(tool) or view.answer(tool) is None:
                    run = []
                else:
                    run.append(tool)
            yield from _judge(view, run, ended=False)


def _judge(view: View, run: Sequence[ToolCall], *, ended: bool) -> Iterator[Draft]:
    if len(run) >= LEAST and (ended or is_polling(view, run[0])) and view.answer(run[0]):
        yield Draft(
            step_ids=tuple(tool.step_id for tool in run[1:]),
            related_step_ids=(run[0].step_id,),
            note="asked again before anything had changed",
            soft=True,
            evidence={"tool": run[0].name, "arguments": run[0].arguments or "", "count": len(run)},
        )
