"""Attribute names that this project defines itself, and the standard ones that its own helpers emit.

Source of the standard ones: OpenTelemetry semantic conventions for GenAI, names as of September 2026
(`cache_write` is the successor of `cache_creation`); `session.id` and `error.type` from the general registry.
"""

from __future__ import annotations

from typing import Final

SCOPE_NAME: Final = "clawtrace_otel"
"""The instrumentation scope of every span made by this package."""

SESSION_ID: Final = "session.id"
ERROR_TYPE: Final = "error.type"
ERROR_TYPE_OTHER: Final = "_OTHER"
"""The convention's value for an error that has no class."""

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_ID: Final = "gen_ai.agent.id"

REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"

SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"

TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"

EVALUATION_EVENT: Final = "gen_ai.evaluation.result"
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_SCORE: Final = "gen_ai.evaluation.score.value"
EVALUATION_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"

EVALUATION_EXPECTED: Final = "clawtrace.evaluation.expected"
"""What an evaluator wanted to find; the convention has no name for it."""
EVALUATION_GOT: Final = "clawtrace.evaluation.got"
"""What it found."""
TASK_ID: Final = "clawtrace.task.id"
"""The task that a session works on; sessions of the same task are compared with each other."""
CONDITION: Final = "clawtrace.condition"
"""The variant under which a session ran, for example the version of its skill."""
USAGE_REJECTED: Final = "clawtrace.usage.rejected"
"""Why token counts given to a helper were not recorded, in words for a user."""
HOOK_GAP: Final = "clawtrace.hook.gap"
"""What was wrong with the pair of hooks behind a span: `missing_start`, `missing_end` or `out_of_order`."""
