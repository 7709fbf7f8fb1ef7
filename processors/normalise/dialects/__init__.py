"""The dialects, read top to bottom: the first that owns a signal reads it."""

from __future__ import annotations

from processors.normalise.dialect import Dialect
from processors.normalise.dialects.claude_code import ClaudeCode
from processors.normalise.dialects.codex import Codex
from processors.normalise.dialects.gemini_cli import GeminiCli
from processors.normalise.dialects.gen_ai import GenAi

DIALECTS: tuple[Dialect, ...] = (
    ClaudeCode(),
    Codex(),
    GeminiCli(),
    GenAi(),  # last: every producer of `gen_ai.*` that is known by nothing else
)
