"""Budgets: a user's rules on cost and waste come in, and what each says of compiled sessions goes out as rows."""

from __future__ import annotations

from processors.budgets.judge import Verdict, judge
from processors.budgets.rules import Budgets, Rule

__all__ = ["Budgets", "Rule", "Verdict", "judge"]
