"""The dialects, read top to bottom: the first that owns a signal reads it."""

from __future__ import annotations

from processors.normalise.dialect import Dialect
from processors.normalise.dialects.ag2 import Ag2
from processors.normalise.dialects.anthropic_sdk import AnthropicSdk
from processors.normalise.dialects.claude_code import ClaudeCode
from processors.normalise.dialects.codex import Codex
from processors.normalise.dialects.copilot import Copilot
from processors.normalise.dialects.crewai import CrewAi
from processors.normalise.dialects.gemini_cli import GeminiCli
from processors.normalise.dialects.gen_ai import GenAi
from processors.normalise.dialects.genkit import Genkit
from processors.normalise.dialects.google_adk import GoogleAdk
from processors.normalise.dialects.haystack import Haystack
from processors.normalise.dialects.langfuse import Langfuse
from processors.normalise.dialects.langsmith import LangSmith
from processors.normalise.dialects.litellm import LiteLlm
from processors.normalise.dialects.llama_index import LlamaIndex
from processors.normalise.dialects.logfire_agents import LogfireAgents
from processors.normalise.dialects.microsoft import AgentFramework, AutoGen, SemanticKernel
from processors.normalise.dialects.mlflow import MlFlow
from processors.normalise.dialects.openai_agents import OpenAiAgents
from processors.normalise.dialects.openclaw import OpenClaw
from processors.normalise.dialects.openinference import OpenInference
from processors.normalise.dialects.openlit import OpenLit
from processors.normalise.dialects.openllmetry import OpenLlmetry
from processors.normalise.dialects.pydantic_ai import PydanticAi
from processors.normalise.dialects.span_kinds import SpanKinds
from processors.normalise.dialects.strands import Strands
from processors.normalise.dialects.vercel_ai import VercelAi, VercelAiLegacy
from processors.normalise.dialects.voltagent import VoltAgent

DIALECTS: tuple[Dialect, ...] = (
    ClaudeCode(),  # before the SDK: its scope begins like the SDK's
    Codex(),
    GeminiCli(),
    OpenClaw(),  # before the conventions' readers: its spans carry both vocabularies
    AnthropicSdk(),
    OpenInference(),  # before every reader of `gen_ai.*`: some builds send both, and one family is to be read
    OpenLit(),
    LiteLlm(),  # before OpenLLMetry: it borrowed that one's `llm.request.type`
    VercelAiLegacy(),  # before the conventions' readers: its inner spans carry both vocabularies
    VoltAgent(),
    Genkit(),
    Haystack(),
    LlamaIndex(),
    Langfuse(),
    LangSmith(),
    MlFlow(),
    GoogleAdk(),
    Strands(),
    LogfireAgents(),  # before Pydantic AI, which reads all else of Logfire's
    PydanticAi(),
    AgentFramework(),
    SemanticKernel(),
    AutoGen(),
    Ag2(),
    OpenAiAgents(),  # before OpenLLMetry: their scopes have one name
    OpenLlmetry(),  # after those known by scope: its association keys stand on spans of any producer
    Copilot(),
    CrewAi(),
    SpanKinds(),  # after every vendor of its own: instrumentations of some put such a kind on all spans
    VercelAi(),  # late: its tracer is called like the conventions
    GenAi(),  # last: every producer of `gen_ai.*` that is known by nothing else
)
