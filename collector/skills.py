"""What CostCraft produced, as it comes over HTTP: a skill, and the patches behind it with the decision on each."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from collector.api import Finite

Usd = Annotated[Decimal, Field(max_digits=38, decimal_places=12, allow_inf_nan=False)]


class PatchRecord(BaseModel):
    """One rule that was proposed, by the columns of the `patches` view."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patch_id: str = Field(min_length=1)
    skill_name: str
    action: str
    rule: str
    root_cause: str
    section: str
    target: str
    polarity: str
    scope: str | None = None
    analyst: str
    confidence: Finite
    support: int
    evidence_level: int
    saving_usd: Usd | None = None
    session_ids: tuple[str, ...]
    span_ids: tuple[str, ...]
    evidence: dict[str, JsonValue]
    accepted: bool
    reason: str | None = None


class SkillRecord(BaseModel):
    """One SKILL.md that came of a run, by the columns of the `skills` view."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    skill_id: str = Field(min_length=1)
    name: str
    description: str
    markdown: str
    base_skill_id: str
    patch_ids: tuple[str, ...]
    session_ids: tuple[str, ...]
    report: dict[str, JsonValue]


class SkillReport(BaseModel):
    """What one run of CostCraft has to say. `skill` is absent where none was fit to ship."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    skill: SkillRecord | None = None
    patches: tuple[PatchRecord, ...] = ()
