"""Names of models, compared: a provider answers under a dated name what was asked for under an alias."""

from __future__ import annotations

import re

from processors.model import ModelCall

_DATE = re.compile(r"[-@](20\d{6}|20\d\d-\d\d-\d\d|latest|\d{3,4})$")


def family(model: str | None) -> str | None:
    """Return a model's name without vendor, path, date and version suffix, for comparison only."""
    if not model:
        return None
    name = model.lower().rsplit("/", 1)[-1]
    return _DATE.sub("", _DATE.sub("", name)) or name


def same_family(one: ModelCall, other: ModelCall) -> bool:
    """Tell whether two calls went to one model, by its alias or by any of its dates."""
    return one.model == other.model or family(one.model) == family(other.model)
