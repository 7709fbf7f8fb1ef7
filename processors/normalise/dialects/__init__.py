"""The dialects, read top to bottom: the first that owns a signal reads it."""

from __future__ import annotations

from processors.normalise.dialect import Dialect
from processors.normalise.dialects.claude_code import ClaudeCode
from processors.normalise.dialects.codex import Codex
from processors.normalise.dialects.gemini_cli import GeminiCli
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.google_adk import GoogleAdk
from processors.normalise.dialects.litellm import LiteLlm
from processors.normalise.dialects.openinference import OpenInference
from processors.normalise.dialects.openlit import OpenLit
from processors.normalise.dialects.openllmetry import OpenLlmetry
from processors.normalise.dialects.strands import Strands
from processors.normalise.dialects.vercel_ai import VercelAi, VercelAiLegacy

DIALECTS: tuple[Dialect, ...] = (
    ClaudeCode(),
    Codex(),
    GeminiCli(),
    OpenInference(),
    OpenLit(),
    LiteLlm(),
    OpenLlmetry(),
    VercelAiLegacy(),
    VercelAi(),
    GoogleAdk(),
    Strands(),
    GenAi(),  # last: every producer of `gen_ai.*` that is known by nothing else
)
