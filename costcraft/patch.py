"""A skill patch: one proposed rule with the evidence it stands on. Without evidence it is not a patch.

Patches come from the analysts and go to `merge`. Validation is here, so that nothing else has to ask whether a patch
may be believed: a prune without a counterfactual against a named step, a repair without oracle evidence, a preserve
without a scope, or a reference that does not resolve raises `pydantic.ValidationError` with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, computed_field, field_validator, model_validator

RULE_MAX_CHARACTERS = 400


class Action(StrEnum):
    """What a patch asks of the skill."""

    PRESERVE = "preserve"
    PRUNE = "prune"
    REPAIR = "repair"


class EvidenceLevel(IntEnum):
    """How a counterfactual is known, weakest first."""

    ARGUED = 1
    FLAGGED = 2
    DATAFLOW = 3
    REPLAYED = 4
    RERUN = 5


class Polarity(StrEnum):
    """Whether a rule asks for its target or against it; two rules on one target conflict when these differ."""

    DO = "do"
    AVOID = "avoid"


class Resolver(Protocol):
    """Knows which sessions and steps exist."""

    def resolves(self, session_id: str, step_id: str | None) -> bool:
        """Return whether the store has this session and, where one is named, this step in it."""
        ...


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepReference(_Frozen):
    """A session, and a step in it where one is named. `span_id` is absent for steps that no span reported."""

    session_id: str
    step_id: str | None = None
    span_id: str | None = None


class Counterfactual(_Frozen):
    """What would have happened without some steps of one session."""

    session_id: str
    step_ids: Annotated[tuple[str, ...], Field(min_length=1)]
    level: EvidenceLevel
    argument: Annotated[str, Field(min_length=1)]
    """Why the outcome would have held."""
    saving_usd: Decimal | None = None
    """By re-pricing the session without the steps; None where the session could not be priced."""


class FailedCheck(_Frozen):
    """A check that an oracle reported as failed."""

    name: str
    expected: str | None = None
    got: str | None = None


class OracleEvidence(_Frozen):
    """Why a session is known to have failed, and whether the diagnosis explains it."""

    session_id: str
    failed_checks: Annotated[tuple[FailedCheck, ...], Field(min_length=1)]
    went_wrong_at: str | None = None
    """The step id at which it went wrong, where the analyst could tell."""
    diagnosis_passed: bool = False
    """True where passing sessions of the family did what the rule asks, or a replay with it passes."""


class SkillPatch(_Frozen):
    """One proposed rule."""

    action: Action
    rule: Annotated[str, Field(min_length=8, max_length=RULE_MAX_CHARACTERS)]
    """One to three imperative sentences, with no facts of a single task."""
    root_cause: str
    section: str
    target: str
    """The behaviour in question, usually `tool:NAME`; patches on one target may agree or conflict."""
    polarity: Polarity
    scope: str | None = None
    """The task family it may act in; None is everywhere."""
    evidence: Annotated[tuple[StepReference, ...], Field(min_length=1)]
    counterfactuals: tuple[Counterfactual, ...] = ()
    oracle: tuple[OracleEvidence, ...] = ()
    sessions_with: tuple[str, ...] = ()
    """For a preserve: passing sessions that share the behaviour."""
    sessions_without: tuple[str, ...] = ()
    """For a preserve: sessions without it, which fared worse."""
    analyst: str
    confidence: Annotated[float, Field(ge=0, le=1)]

    @computed_field  # type: ignore[prop-decorator] # pydantic documents this order of decorators
    @property
    def patch_id(self) -> str:
        """A hash of what the patch says, equal for equal rules in every run."""
        return rule_id(self.action, self.target, self.section, self.scope, self.rule)

    @property
    def support(self) -> int:
        """In how many sessions the evidence stands."""
        return len({reference.session_id for reference in self.evidence})

    @property
    def level(self) -> EvidenceLevel:
        """The strongest counterfactual; `ARGUED` where there is none."""
        return max((c.level for c in self.counterfactuals), default=EvidenceLevel.ARGUED)

    @model_validator(mode="before")
    @classmethod
    def _reads_what_it_writes(cls, data: object) -> object:
        """Leave out the id, which is computed: a patch is read back from where it was written."""
        return {k: v for k, v in data.items() if k != "patch_id"} if isinstance(data, Mapping) else data

    @field_validator("rule", "root_cause")
    @classmethod
    def _is_one_line_of_prose(cls, value: str) -> str:
        if "\n" in value or "<!--" in value or "-->" in value or value != value.strip():
            raise ValueError("must be one line of prose without comments or surrounding spaces")
        return value

    @model_validator(mode="after")
    def _carries_what_its_action_needs(self) -> Self:
        if self.action is Action.PRUNE and not self.counterfactuals:
            raise ValueError("a prune needs a counterfactual against a named step")
        if self.action is Action.REPAIR and not self.oracle:
            raise ValueError("a repair needs oracle evidence: at least one failed check")
        if self.action is Action.PRESERVE and not (self.scope and self.sessions_with):
            raise ValueError("a preserve needs a scope and the passing sessions that share the behaviour")
        return self

    @model_validator(mode="after")
    def _evidence_resolves(self, info: ValidationInfo) -> Self:
        resolver: Resolver | None = (info.context or {}).get("resolver")
        if resolver is None:
            return self
        for session_id, step_id in self._references():
            if not resolver.resolves(session_id, step_id):
                what = f"step {step_id} of session {session_id}" if step_id else f"session {session_id}"
                raise ValueError(f"evidence does not resolve: there is no {what}")
        return self

    def _references(self) -> list[tuple[str, str | None]]:
        cited = [(reference.session_id, reference.step_id) for reference in self.evidence]
        cited += [(c.session_id, step_id) for c in self.counterfactuals for step_id in c.step_ids]
        cited += [(o.session_id, o.went_wrong_at) for o in self.oracle]
        return cited + [(session_id, None) for session_id in (*self.sessions_with, *self.sessions_without)]


def rule_id(action: Action, target: str, section: str, scope: str | None, rule: str) -> str:
    """Return 12 hex digits that name what a rule says, whatever its spacing and case."""
    words = " ".join(rule.casefold().split())
    said = "\x1f".join((action, target, section.casefold(), scope or "", words))
    return hashlib.sha256(said.encode()).hexdigest()[:12]
