"""Failed steps and what repaired them."""

from __future__ import annotations

from processors.failures import failed_steps, in_words, repairs
from processors.findings import View
from processors.ledger import attribute
from processors.model import StepError
from processors.pricing import price, price_book
from processors.structure import Structure
from tests.processors.sessions import Script

BUSY = StepError("429", "too many requests")


def view_of(script: Script) -> View:
    """Return a session as detectors see it."""
    session = script.session()
    return View(session, attribute(session, price(session, price_book())), None)


def test_a_step_that_passes_on_an_error_has_not_failed_itself() -> None:
    """An agent that ends with the error of a tool beneath it is not counted again, one with another error is."""
    script = Script()
    outer = script.agent("outer", error=StepError("ToolError"))
    inner = script.agent("inner", sub=True, parent=outer, error=StepError("ValueError"))
    tool = script.tool("fetch", parent=inner, error=StepError("ToolError"))
    session = script.session()
    assert [step.step_id for step in failed_steps(session, Structure.of(session))] == [inner, tool]


def test_a_tool_that_worked_the_second_time_is_repaired() -> None:
    """A failed tool call is repaired by the next successful one with the same arguments."""
    script = Script()
    script.call(asks=["fetch-1"])
    failed = script.tool("fetch", call_id="fetch-1", arguments="{}", error=StepError("503"))
    script.call(asks=["fetch-2"])
    mended = script.tool("fetch", call_id="fetch-2", arguments="{}", result="ok")
    assert repairs(view_of(script)) == {failed: mended}


def test_a_request_made_again_is_repaired_by_it() -> None:
    """A refused request is repaired by the same prompt sent again, whatever came between."""
    script = Script()
    failed = script.call(None, error=BUSY, prompt="count")
    script.call(prompt="other")
    mended = script.call(prompt="count")
    assert repairs(view_of(script)) == {failed: mended}


def test_without_prompts_only_passing_trouble_is_taken_as_repaired() -> None:
    """Where prompts are unknown, an overload may be repaired by the next call; a bad request is not."""
    script = Script()
    busy = script.call(None, error=BUSY)
    script.call(None, error=StepError("openai.BadRequestError", "no such tool"))
    after = script.call()
    assert repairs(view_of(script)) == {busy: after}


def test_an_error_is_named_once() -> None:
    """The message stands with its type, which is left out where the message says it and shortened to its own name."""
    assert in_words(StepError("httpx.ReadTimeout", "no answer")) == "no answer (ReadTimeout)"
    assert in_words(StepError("503", "503 unavailable")) == "503 unavailable"
    assert in_words(StepError("timeout")) == "timeout"
