"""Who bills a model call, and the model's own name: frameworks, renames and prefixes as data (R11).

Names are those of `gen_ai.provider.name` in the GenAI conventions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_RENAMED = {
    "anthropic_claude_code": "anthropic",
    "aws_bedrock": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azurechatopenai": "azure.ai.openai",
    "azureopenai": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "azure.openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "chatbedrock": "aws.bedrock",
    "chatbedrockconverse": "aws.bedrock",
    "aws": "aws.bedrock",
    "chatanthropic": "anthropic",
    "chatgooglegenerativeai": "gcp.gemini",
    "chatopenai": "openai",
    "chatvertexai": "gcp.vertex_ai",
    "cohere_chat": "cohere",
    "gcp.gen_ai": "gcp.gemini",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google-gla": "gcp.gemini",
    "google.generative-ai": "gcp.gemini",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "google_anthropic_vertex": "gcp.vertex_ai",
    "google-vertex": "gcp.vertex_ai",
    "google.vertex": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""Other spellings of a vendor: the conventions' own renames, and what frameworks say."""

_VENDORS = frozenset(_RENAMED.values()) | frozenset({
    "alibaba", "cerebras", "deepinfra", "deepseek", "fireworks", "fireworks_ai", "groq", "huggingface", "minimax",
    "novita", "ollama", "openai", "openrouter", "perplexity", "together", "together_ai", "zhipu",
})  # fmt: skip
_FRAMEWORKS = frozenset({
    "ag2", "agentframework", "agno", "ai", "autogen", "crewai", "custom", "dspy", "gateway", "gen_ai", "haystack",
    "instructor", "langchain", "langgraph", "langsmith", "litellm", "litellm_proxy", "llama_index", "llamaindex",
    "logfire", "mastra", "mlflow", "openai-agents", "openai_agents", "pydantic-ai", "pydantic_ai", "semantic_kernel",
    "smolagents", "strands", "unknown", "vercel",
})  # fmt: skip
"""Names that frameworks put in the vendor's place: they send requests on and bill nothing."""
_FRAMEWORK_PREFIXES = (
    "agent_framework",
    "gcp.vertex.agent",
    "google-adk",
    "google_adk",
    "microsoft.agent",
    "strands-agents",
)

_MODEL_FAMILIES = (
    (re.compile(r"(^|[./])(claude|anthropic)"), "anthropic"),
    (re.compile(r"(^|[./])(gpt-|chatgpt|o[1345](-|$)|text-embedding-|davinci|codex-|computer-use)"), "openai"),
    (re.compile(r"(^|[./])(gemini|gemma|learnlm|text-bison|models/embedding)"), "gcp.gemini"),
    (re.compile(r"(^|[./])(mistral|mixtral|codestral|ministral|magistral|devstral|pixtral)"), "mistral_ai"),
    (re.compile(r"(^|[./])(command|embed-|rerank-)"), "cohere"),
    (re.compile(r"(^|[./])deepseek"), "deepseek"),
    (re.compile(r"(^|[./])grok"), "x_ai"),
    (re.compile(r"(^|[./])(kimi|moonshot)"), "moonshot_ai"),
    (re.compile(r"^(us|eu|apac|global|amazon)\.|^amazon\.|:0$"), "aws.bedrock"),
)
"""Which vendor a model's name speaks of; read only where the sender did not name a vendor."""

_BEDROCK_ID = re.compile(
    r"^((us|eu|apac|jp|au|global)\.)?(anthropic|amazon|meta|mistral|cohere|ai21|deepseek)\.[\w.-]+"
)
"""A Bedrock model id: region, then vendor, then model; only Bedrock writes them so."""
_NUMBER = re.compile(r"[-+]?(\d+(\.\d+)?([eE][-+]?\d+)?|nan|inf)", re.IGNORECASE)
"""What a number in a name's place looks like as text."""
_NAMES_KNOWN: Final = 1_024
"""Names whose reading is remembered: a session says the same few with every call."""

_WITHOUT_THOUGHTS = re.compile(r"(models/)?(gemini-(1|2\.0)|gemma)")


def gemini_may_think(model: str | None) -> bool:
    """Tell whether the answers of one of Google's models may hold thoughts: they do by default from 2.5 on."""
    return not _WITHOUT_THOUGHTS.match(model or "")


@lru_cache(maxsize=_NAMES_KNOWN)
def vendor(named: str | None, model: str | None) -> str | None:
    """Return who bills the call: the vendor that was named, or the one that the model's name speaks of.

    A framework in the vendor's place (`langchain`, `strands-agents`) is not believed; a name that is unknown here is.
    """
    lowered = (named or "").strip().lower()
    known = _known(lowered)
    if known is not None:
        return known
    if lowered and lowered not in _FRAMEWORKS and not lowered.startswith(_FRAMEWORK_PREFIXES):
        return lowered
    by_prefix = _known(model.split("/", 1)[0].lower()) if model and "/" in model else None
    return by_prefix or _by_model(model)


def billed_by(configured: str | None, model: str | None) -> str | None:
    """Return who bills a call to a provider that a user configured under a name of their own choice.

    Such a name may be anything: only a vendor's is believed, else the model's name decides.
    """
    return _known((configured or "").strip().lower()) or _by_model(model)


def _known(lowered: str) -> str | None:
    if lowered in _RENAMED:
        return _RENAMED[lowered]
    if lowered in _VENDORS:
        return lowered
    head = lowered.rpartition(".")[0]  # of `google.vertex.chat` first the product, then the company
    return _known(head) if head else None


def _by_model(model: str | None) -> str | None:
    lowered = (model or "").lower()
    if _BEDROCK_ID.match(lowered):
        return "aws.bedrock"
    return next((name for pattern, name in _MODEL_FAMILIES if pattern.search(lowered)), None) if lowered else None


@lru_cache(maxsize=_NAMES_KNOWN)
def model_name(model: str | None, provider: str | None) -> str | None:
    """Return a model's id without the vendor that a router put before it: `openai/gpt-5` is `gpt-5` of `openai`.

    An id whose prefix is not its provider (a router's own catalogue, a path of weights) is kept whole.
    """
    if model is None or _NUMBER.fullmatch(model):
        return None
    model = model.removeprefix("models/")
    head, slash, tail = model.partition("/")
    return tail if slash and tail and provider is not None and _known(head.lower()) == provider else model
