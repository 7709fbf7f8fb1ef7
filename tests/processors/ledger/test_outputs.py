"""What a call's output went into, by counts alone."""

from __future__ import annotations

import pytest

from processors.ledger.outputs import output_of
from processors.ledger.prompt import Output
from processors.ledger.turns import fit_ratios
from processors.model import ModelCall, Usage
from processors.structure import Structure
from tests.processors.sessions import Script


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        (None, Output(text=50, hidden=0, guessed=True)),
        (0, Output(text=50, hidden=0)),
        (30, Output(text=20, hidden=30)),
    ],
)
def test_output_without_tools_is_text_and_reasoning(reasoning: int | None, expected: Output) -> None:
    """All output that was not reported as reasoning is text; without a report of reasoning that is a guess."""
    script = Script()
    script.call(Usage(input_tokens=1_000, output_tokens=50, reasoning_output_tokens=reasoning))
    structure = Structure.of(script.session())
    (call,) = (step for step in structure.by_id.values() if isinstance(step, ModelCall))
    assert output_of(call, structure, fit_ratios([]), None) == expected
