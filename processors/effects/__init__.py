"""Whether a tool call writes, and to what: read from evidence, strongest first.

Steps and tool definitions come from `normalise`, rules from a user's configuration; the findings ask.
"""

from processors.effects.effect import Access, Effect, Effects, ToolRule, words_of

__all__ = ["Access", "Effect", "Effects", "ToolRule", "words_of"]
