"""Two providers with a prefix cache: what each reports and bills for a prompt of blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from processors.model import ModelCall, Usage
from processors.pricing.model import Cost, Price, TokenClass, Unpriced

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Block:
    """Tokens of a prompt that are cached or not as a whole run; equal keys mean equal tokens."""

    key: str
    tokens: int


class Provider(Protocol):
    """Answers prompts and remembers them."""

    @property
    def name(self) -> str: ...

    def usage(self, prompt: list[Block], output: int, reasoning: int, at_second: float, *, missed: bool) -> Usage:
        """Report the inclusive usage of one call, as normalisation would have converted it."""
        ...


def common_tokens(left: list[Block], right: list[Block]) -> int:
    """Count the tokens of the longest common run of blocks."""
    tokens = 0
    for mine, theirs in zip(left, right, strict=False):
        if mine.key != theirs.key:
            break
        tokens += mine.tokens
    return tokens


@dataclass(slots=True)
class AutomaticCache:
    """Caches every prompt without being asked: hits in steps, from a minimum up, nothing charged for writing."""

    name: str = "openai"
    step: int = 128
    minimum: int = 1024
    lifetime: float = 600
    warm: bool = False
    """Another session with the same first block went before."""
    seen: list[tuple[float, list[Block]]] = field(default_factory=list)

    def usage(self, prompt: list[Block], output: int, reasoning: int, at_second: float, *, missed: bool) -> Usage:
        """Report usage; a missed call reads nothing, as when it is routed to another machine."""
        total = sum(block.tokens for block in prompt)
        if self.warm and not self.seen:
            self.seen.append((at_second, prompt[:1]))
        alive = [seen for when, seen in self.seen if at_second - when <= self.lifetime]
        longest = max((common_tokens(prompt, seen) for seen in alive), default=0)
        read = 0 if missed or longest < self.minimum else longest // self.step * self.step
        self.seen.append((at_second, prompt))
        return Usage(
            input_tokens=total,
            cache_read_input_tokens=min(read, total),
            output_tokens=output,
            reasoning_output_tokens=reasoning,
        )


@dataclass(slots=True)
class ExplicitCache:
    """Caches up to marks that the agent sets: after the first block and at the end of the prompt; writing costs."""

    name: str = "anthropic"
    minimum: int = 1024
    lifetime: float = 300
    tail: int = 3
    ends: tuple[int, ...] = (1, 0)
    """Where the agent sets marks: after so many blocks, or so many blocks before the end."""
    one_hour: bool = False
    """Entries are written for an hour, at the price of that."""
    warm: bool = False
    """Another session with the same first block went before."""
    marks: dict[tuple[str, ...], float] = field(default_factory=dict)

    def usage(self, prompt: list[Block], output: int, reasoning: int, at_second: float, *, missed: bool) -> Usage:
        """Convert the exclusive counts of the wire to inclusive usage."""
        total = sum(block.tokens for block in prompt)
        if self.warm and not self.marks and prompt[0].tokens >= self.minimum:
            self.marks[prompt[0].key,] = at_second
        read = 0 if missed else self._longest_mark(prompt, at_second)
        cached = 0
        for end in (mark if mark > 0 else len(prompt) + mark for mark in self.ends):
            marked = sum(block.tokens for block in prompt[:end])
            if marked >= self.minimum:
                self.marks[tuple(block.key for block in prompt[:end])] = at_second
                cached = max(cached, marked)
        write = max(0, cached - read)
        fresh = total - read - write + self.tail
        return Usage(
            input_tokens=fresh + read + write,
            cache_read_input_tokens=read,
            cache_write_input_tokens=write,
            cache_write_1h_input_tokens=write if self.one_hour else None,
            output_tokens=output,
            reasoning_output_tokens=reasoning,
        )

    def _longest_mark(self, prompt: list[Block], at_second: float) -> int:
        keys = tuple(block.key for block in prompt)
        for end in range(len(prompt), 0, -1):
            written = self.marks.get(keys[:end])
            if written is not None and at_second - written <= self.lifetime:
                self.marks[keys[:end]] = at_second
                return sum(block.tokens for block in prompt[:end])
        return 0


@dataclass(frozen=True, slots=True)
class Reliable:
    """A provider whose cache never fails."""

    provider: Provider

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    def usage(self, prompt: list[Block], output: int, reasoning: int, at_second: float, *, missed: bool) -> Usage:
        """Report usage as if nothing had been missed."""
        del missed
        return self.provider.usage(prompt, output, reasoning, at_second, missed=False)


@dataclass(slots=True)
class NoCache:
    """Reads nothing from any cache."""

    name: str = "mistral_ai"

    def usage(self, prompt: list[Block], output: int, reasoning: int, at_second: float, *, missed: bool) -> Usage:
        """Report usage without cache counts."""
        del at_second, missed
        total = sum(block.tokens for block in prompt)
        return Usage(input_tokens=total, output_tokens=output, reasoning_output_tokens=reasoning)


@dataclass(frozen=True, slots=True)
class ListPrices:
    """A price book with one set of USD rates per million tokens per model."""

    rates: Mapping[str, Mapping[TokenClass, Decimal]]
    description: str = "simulated list prices"

    def price(self, call: ModelCall) -> Price:
        """Price a call, or say why not."""
        return Unpriced("usage_not_reported") if call.usage is None else self.reprice(call, call.usage)

    def reprice(self, call: ModelCall, usage: Usage) -> Price:
        """Price a call as if it had this usage."""
        rates = self.rates.get(call.model or "")
        if rates is None:
            return Unpriced(f"unknown_model {call.model}")
        if usage.input_tokens is None or usage.output_tokens is None:
            return Unpriced("usage_not_reported")
        read, write = usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0
        one_hour = usage.cache_write_1h_input_tokens or 0
        tokens = {
            TokenClass.INPUT: usage.input_tokens - read - write,
            TokenClass.CACHE_READ: read,
            TokenClass.CACHE_WRITE: write - one_hour,
            TokenClass.CACHE_WRITE_1H: one_hour,
            TokenClass.OUTPUT: usage.output_tokens,
        }
        billed = {name: count for name, count in tokens.items() if count}
        return Cost(
            tokens=billed,
            usd={name: rates[name] * count / MILLION for name, count in billed.items()},
            source=self.description,
        )


def rates(fresh: str, read: str, write: str, output: str) -> dict[TokenClass, Decimal]:
    """Name four rates in USD per million tokens."""
    return {
        TokenClass.INPUT: Decimal(fresh),
        TokenClass.CACHE_READ: Decimal(read),
        TokenClass.CACHE_WRITE: Decimal(write),
        TokenClass.CACHE_WRITE_1H: Decimal(fresh) * 2,
        TokenClass.OUTPUT: Decimal(output),
    }


PRICES = ListPrices(
    rates={
        "auto-large": rates("1.25", "0.125", "1.25", "10"),
        "auto-small": rates("0.15", "0.075", "0.15", "0.6"),
        "explicit-large": rates("3", "0.3", "3.75", "15"),
        "explicit-small": rates("1", "0.1", "1.25", "5"),
        "plain-medium": rates("0.4", "0.4", "0.4", "2"),
    }
)
MODELS = {"openai": "auto-large", "anthropic": "explicit-large", "mistral_ai": "plain-medium"}
HELPER_MODELS = {"openai": "auto-small", "anthropic": "explicit-small", "mistral_ai": "plain-medium"}
