"""What can go wrong in CostCraft, each with a sentence that says what to do."""


class CostCraftError(Exception):
    """The root of this package's errors."""


class SkillFormatError(CostCraftError):
    """A SKILL.md that cannot be read; the message names the line."""


class BudgetExceededError(CostCraftError):
    """The USD budget of a run is used up. Finished work is kept: run again with a larger budget to go on."""


class EnvironmentFaultError(CostCraftError):
    """A user's replay environment failed or ran out of time."""
