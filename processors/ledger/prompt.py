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
class PromptCall:
    """One model call as its prompt sees it."""

    step_id: str
    length: int | None
    """Input tokens; None where not reported."""
    ranges: tuple[PricedRange, ...] = ()
    """Empty where the call was not priced."""
    asked: tuple[str, ...] = ()
    """The tool steps that it asked for."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive calls whose prompts only grew: between two cuts of the prompt."""

    segments: tuple[Segment, ...]
    calls: tuple[PromptCall, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One growing prompt: the calls of a context, cut where the prompt was cut or compacted."""

    prompt_id: str
    stretches: tuple[Stretch, ...]
