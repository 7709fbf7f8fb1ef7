"""How a prompt grew: who produced which of its tokens, and what each call paid for which range of them."""

from __future__ import annotations

from dataclasses import dataclass

from processors.pricing.model import TokenClass


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens that stand at `[start, start + tokens)` of every prompt of one stretch."""

    producer: str
    start: int
    tokens: int

    @property
    def end(self) -> int:
        """The position after its last token."""
        return self.start + self.tokens


@dataclass(frozen=True, slots=True)
class PricedRange:
    """Prompt tokens `[start, end)` that one call paid in one class, in whole units of the ledger's quantum."""

    token_class: TokenClass
    start: int
    end: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a call wrote, in tokens by who caused it: the call's own text and reasoning, and each tool's request."""

    requests: tuple[tuple[str, int], ...] = ()
    """Tool step and tokens of its name and arguments."""
    text: int = 0
    """Tokens of visible text."""
    hidden: int = 0
    """Tokens of reasoning and of whatever else no prompt repeats."""
    guessed: bool = False
    """Whether neither content nor a reasoning count said how much of the output was visible."""

    @property
    def visible(self) -> int:
        """Tokens that a later prompt repeats."""
        return self.text + sum(tokens for _, tokens in self.requests)

    @property
    def total(self) -> int:
        """All output tokens."""
        return self.visible + self.hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCall:
    """One model call as its prompt sees it."""

    step_id: str
    length: int | None
    """Input tokens; None where not reported."""
    ranges: tuple[PricedRange, ...] = ()
    """Empty where the call was not priced."""
    output_units: int = 0
    """What its output cost, with any charge that comes without tokens."""
    asked: tuple[str, ...] = ()
    """The tool steps that it asked for."""
    output: Output

    @property
    def units(self) -> int:
        """Its whole bill."""
        return sum(part.units for part in self.ranges) + self.output_units


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive calls whose prompts only grew: between two cuts of the prompt."""

    segments: tuple[Segment, ...]
    calls: tuple[PromptCall, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One growing prompt: the calls of a context, cut where the prompt was cut or compacted."""

    stretches: tuple[Stretch, ...]
