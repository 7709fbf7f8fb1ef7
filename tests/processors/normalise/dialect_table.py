"""The table of dialects in docs/dialects.md: what was recorded of each, in which versions, read off the fixtures.

`make golden` writes it anew; a test says when it is out of date.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from processors.model import Session
from processors.normalise import DIALECTS, normalise
from tests.processors.normalise import test_copilot, test_openclaw
from tests.processors.support import EXPORTS, OWN_RECORDINGS, RECORDINGS, load_export, load_recording, load_truth

PAGE = Path(__file__).parents[3] / "docs" / "dialects.md"
BEGIN, END = "<!-- dialects: written by make golden -->\n", "<!-- /dialects -->"
CATALOGUES = (test_openclaw.SOURCE, test_copilot.SOURCE)
"""Dialects of which nothing could be recorded: name, version, and what their hand-built fixtures are made from."""

_PACKAGES = {
    "claude_code": r"@anthropic-ai/claude-code",
    "codex": r"@openai/codex",
    "copilot": r"@github/copilot",
    "gemini_cli": r"@google/gemini-cli",
    "anthropic_sdk": r"anthropic",
    "openinference": r"openinference-instrumentation-.+|@arizeai/openinference-instrumentation-.+|@mastra/arize",
    "openlit": r"openlit",
    "litellm": r"litellm",
    "voltagent": r"@voltagent/core",
    "genkit": r"genkit",
    "haystack": r"haystack-ai|opentelemetry-haystack",
    "llama_index": r"llama-index-(core|observability-otel)",
    "span_kinds": r"langwatch|lmnr|agentops|traceai-.+|loongsuite-instrumentation-.+",
    "logfire_agents": r"logfire-sdk",
    "ag2": r"ag2",
    "langfuse": r"langfuse",
    "mlflow": r"mlflow-skinny",
    "vercel_ai": r"@ai-sdk/.+",
    "google_adk": r"google-adk|@google/adk",
    "strands": r"strands-agents|@strands-agents/sdk",
    "pydantic_ai": r"pydantic-ai-slim|logfire(-sdk)?",
    "semantic_kernel": r"semantic-kernel",
    "crewai": r"crewai",
    "agent_framework": r"agent-framework-core",
    "autogen": r"autogen-core",
    "openllmetry": r"opentelemetry-instrumentation-(agno|anthropic|crewai|langchain|openai|openai-agents)"
    r"|@traceloop/instrumentation-.+",
    "openai_agents": r"opentelemetry-instrumentation-openai-agents-v2",
    "gen_ai": r"opentelemetry-instrumentation-(openai-v2|genai-openai|google-genai)",
}
"""The packages that write each dialect."""
REAL = "exports of the real exporter"


def table() -> str:
    """Return the table in Markdown."""
    rows = [
        f"| `{name}` | {', '.join(sorted(versions))} | {', '.join(sorted(sources))} |"
        for name, (versions, sources) in _seen().items()
    ]
    return "\n".join(["| dialect | versions | seen in |", "|---|---|---|", *rows, ""])


def written(readme: str) -> str:
    """Return the page with its table as it should be."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


def _seen() -> dict[str, tuple[set[str], set[str]]]:
    """Return the versions of each dialect and where they were seen, in the order in which dialects are asked."""
    versions: dict[str, set[str]] = defaultdict(set)
    sources: dict[str, set[str]] = defaultdict(set)
    recorded: Counter[str] = Counter()
    for recording in (*RECORDINGS, *OWN_RECORDINGS):
        for dialect in _dialects(normalise(*load_recording(recording))):
            packages = (package.split("==") for package in load_truth(recording)["packages"])
            found = {f"{name} {number}" for name, number in packages
                     if re.fullmatch(_PACKAGES.get(dialect, ""), name)}  # fmt: skip
            versions[dialect] |= found
            if recording in RECORDINGS:
                recorded[dialect] += 1
            elif found:
                sources[dialect].add(REAL)
    for dialect, number in recorded.items():
        sources[dialect].add(f"{number} recordings" if number > 1 else "1 recording")
    for path in sorted(EXPORTS.glob("*.pb")):
        name, _, release = path.stem.rpartition("-")
        for dialect in _dialects(normalise(load_export(path.stem))):
            if re.fullmatch(_PACKAGES.get(dialect, f"{dialect}.*"), name):
                versions[dialect].add(f"{name} {release}")
                sources[dialect].add(REAL)
    for dialect, version, source in CATALOGUES:
        versions[dialect].add(version)
        sources[dialect].add(f"spans built by hand from {source}")
    return {name: (versions[name], sources[name]) for name in dict.fromkeys(dialect.name for dialect in DIALECTS)}


def _dialects(sessions: Iterable[Session]) -> set[str]:
    return {step.dialect for session in sessions for step in session.steps if step.dialect}
