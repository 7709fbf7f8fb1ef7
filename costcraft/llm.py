"""The one module that talks to models: bounded, priced, cached, and traced like any other agent.

Questions come from the `llm` analyst and go through pydantic-ai to whatever provider the user names. An answer is
kept by the content of its question, so an interrupted run does not pay twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_ai import Agent
from pydantic_ai.exceptions import AgentRunError, ModelAPIError, ModelHTTPError, UserError
from pydantic_ai.models import Model, infer_model
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage

from clawtrace_otel import model_call
from costcraft.errors import BudgetExceededError, CostCraftError
from costcraft.progress import Progress, silent
from costcraft.skill import estimate_tokens
from processors.model import Usage

MAX_OUTPUT_TOKENS = 2000
TRIES = 4
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500
_KEY_REFUSED = frozenset((401, 403))

Output = TypeVar("Output", bound=BaseModel)
PriceOf = Callable[[str, Usage], Decimal | None]
"""USD of one call to a model, None where its price is unknown."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one call asks."""

    instructions: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[Output]):
    """The outcome of a question: `output`, or None with the reason."""

    output: Output | None
    reason: str = ""


class _Kept(BaseModel):
    """An answer as it is kept, with what it cost when it was asked."""

    output: JsonValue
    usd: Decimal


@dataclass(slots=True)
class Models:
    """Asks one model; `spent_usd` counts what was really paid in this run."""

    model: str
    """A pydantic-ai model name such as `openai:gpt-5-mini`."""
    price_of: PriceOf
    cache: Path
    budget_usd: Decimal | None = None
    concurrency: int = 4
    timeout_s: float = 120.0
    backoff_s: float = 1.0
    progress: Progress = silent
    spent_usd: Decimal = Decimal(0)
    """What this run paid, for failed tries too."""
    kept_usd: Decimal = Decimal(0)
    """What the answers cost that an earlier run paid for."""
    _done: int = 0
    _reserved: Decimal = Decimal(0)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1), repr=False)

    @property
    def worth_usd(self) -> Decimal | None:
        """What all answers cost, in this run and before; None where the model has no price."""
        priced = self.price_of(self.model, Usage(input_tokens=1, output_tokens=1)) is not None
        return self.spent_usd + self.kept_usd if priced else None

    def answered(self, question: Question, output: type[BaseModel]) -> bool:
        """Return whether an earlier run has the answer."""
        return self._place(question, output).exists()

    def ask(self, questions: Sequence[Question], output: type[Output]) -> list[Answer[Output]]:
        """Ask every question, answers in the same order.

        Raises `BudgetExceededError` once the next call could go over the budget; answers got by then are kept.
        """
        self._places = asyncio.Semaphore(self.concurrency)
        return asyncio.run(self._ask_all(questions, output))

    def estimate_usd(self, question: Question) -> Decimal | None:
        """Return the most that a question may cost, None where the model's price is unknown."""
        tokens = estimate_tokens(question.instructions + question.prompt)
        return self.price_of(self.model, Usage(input_tokens=tokens, output_tokens=MAX_OUTPUT_TOKENS))

    async def _ask_all(self, questions: Sequence[Question], output: type[Output]) -> list[Answer[Output]]:
        try:
            model = infer_model(self.model)
        except (UserError, ValueError) as error:
            raise CostCraftError(f"--model {self.model}: {error}") from error
        async with model:
            self._done = 0
            asked = (self._counted(self._one(model, question, output), len(questions)) for question in questions)
            gathered = await asyncio.gather(*asked, return_exceptions=True)
        answers: list[Answer[Output]] = []
        for answer in gathered:
            if isinstance(answer, BaseException):
                raise answer
            answers.append(answer)
        return answers

    async def _counted(self, asked: Coroutine[None, None, Answer[Output]], total: int) -> Answer[Output]:
        answer = await asked
        self._done += 1
        self.progress("questions", self._done, total)
        return answer

    async def _one(self, model: Model, question: Question, output: type[Output]) -> Answer[Output]:
        place = self._place(question, output)
        kept = self._kept(place, output)
        if kept is not None:
            return kept
        async with self._places:
            reserved = self._reserve(question)
            paid: list[Decimal] = []
            try:
                answer = await self._with_retries(model, question, output, paid)
            finally:
                self._reserved -= reserved
        if answer.output is not None:
            self._keep(place, answer.output, sum(paid, Decimal(0)))
        return answer

    def _kept(self, place: Path, output: type[Output]) -> Answer[Output] | None:
        """Return the answer that an earlier run paid for; an unreadable one is asked for again."""
        try:
            kept = _Kept.model_validate_json(place.read_bytes())
            answer = Answer(output.model_validate(kept.output))
        except (FileNotFoundError, ValidationError):
            return None
        self.kept_usd += kept.usd
        return answer

    def _keep(self, place: Path, output: BaseModel, usd: Decimal) -> None:
        """Write an answer atomically: a run that is killed leaves it whole or not at all."""
        self.cache.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_suffix(".part")
        unfinished.write_text(_Kept(output=output.model_dump(mode="json"), usd=usd).model_dump_json(), encoding="utf-8")
        unfinished.replace(place)

    def _place(self, question: Question, output: type[BaseModel]) -> Path:
        return self.cache / f"{self._key(question, output)}.json"

    def _reserve(self, question: Question) -> Decimal:
        estimate = self.estimate_usd(question)
        if self.budget_usd is None:
            return estimate or Decimal(0)
        if estimate is None:
            raise CostCraftError(f"{self.model} has no known price, so no budget can be kept: add one with --prices")
        if self.spent_usd + self._reserved + estimate > self.budget_usd:
            raise BudgetExceededError(
                f"the budget of ${self.budget_usd} does not cover the next call (up to ${estimate:.4f} after "
                f"${self.spent_usd:.4f}): run again with a larger --budget-usd; finished work is kept"
            )
        self._reserved += estimate
        return estimate

    async def _with_retries(
        self, model: Model, question: Question, output: type[Output], paid: list[Decimal]
    ) -> Answer[Output]:
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(self.backoff_s * 2 ** (attempt - 1))
            try:
                return Answer(await self._call(model, question, output, paid))
            except UserError as error:
                raise CostCraftError(f"{self.model}: {error}") from error
            except TimeoutError:
                reason = f"no answer within {self.timeout_s:g} s"
                if attempt:
                    break  # what hung twice costs another wait each time
            except ModelHTTPError as error:
                reason = f"the provider answered {error.status_code}"
                if error.status_code in _KEY_REFUSED:
                    raise CostCraftError(f"{self.model}: the provider refuses the key ({error.status_code})") from error
                if error.status_code != _TOO_MANY_REQUESTS and error.status_code < _SERVER_ERROR:
                    break
            except ModelAPIError as error:
                reason = f"the provider could not be reached: {error}"
            except AgentRunError as error:
                return Answer(None, f"no valid answer: {error}")
        return Answer(None, reason)

    async def _call(self, model: Model, question: Question, output: type[Output], paid: list[Decimal]) -> Output:
        settings = ModelSettings(max_tokens=MAX_OUTPUT_TOKENS, timeout=self.timeout_s)
        agent = Agent(model, output_type=output, instructions=question.instructions, model_settings=settings)
        usage = RunUsage()
        provider, _, name = self.model.rpartition(":")
        async with model_call(name, provider=provider or None) as span:
            try:
                async with asyncio.timeout(self.timeout_s):
                    return (await agent.run(question.prompt, usage=usage)).output
            finally:
                reported = Usage(
                    input_tokens=usage.input_tokens,
                    cache_read_input_tokens=usage.cache_read_tokens,
                    output_tokens=usage.output_tokens,
                )
                paid.append(self.price_of(self.model, reported) or Decimal(0))
                self.spent_usd += paid[-1]
                if usage.input_tokens:
                    span.set_usage(
                        input_tokens=usage.input_tokens,
                        cache_read_input_tokens=usage.cache_read_tokens,
                        output_tokens=usage.output_tokens,
                    )

    def _key(self, question: Question, output: type[BaseModel]) -> str:
        asked = "\x1f".join((self.model, question.instructions, question.prompt, str(output.model_json_schema())))
        return hashlib.sha256(asked.encode()).hexdigest()
