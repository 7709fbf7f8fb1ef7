"""The GenAI conventions' attribute names and operations, old and new, for every dialect that speaks them.

Source: OpenTelemetry semantic conventions for GenAI, v1.28 to the releases after the move to their own repository.
"""

from __future__ import annotations

from processors.normalise.dialects.reader import Kind

OPERATION = "gen_ai.operation.name"
AGENT_NAME = "gen_ai.agent.name"
TOOL_CALL_ID = "gen_ai.tool.call.id"
RESPONSE_ID = "gen_ai.response.id"
CONVERSATION = "gen_ai.conversation.id"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"

INPUT_TOKENS = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
OUTPUT_TOKENS = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
TOTAL_TOKENS = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens")
CACHE_READ_TOKENS = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.prompt_tokens_details.cached_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cache_read_input_tokens",
    "gen_ai.usage.details.cached_tokens",
)
CACHE_WRITE_TOKENS = (
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.prompt_tokens_details.cache_creation_tokens",
    "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens",
)
REASONING_TOKENS = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.thinking_tokens",
    "gen_ai.usage.completion_tokens_details.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
)
CACHE_WRITE_5M_TOKENS = ("anthropic.usage.cache_creation.ephemeral_5m_input_tokens",)
CACHE_WRITE_1H_TOKENS = ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",)

KINDS: dict[str, Kind] = {
    "chat": "chat",
    "generate_content": "chat",
    "text_completion": "chat",
    "text_completions": "chat",
    "completion": "chat",
    "responses": "chat",
    "llm_call": "chat",
    "embeddings": "embeddings",
    "embedding": "embeddings",
    "execute_tool": "tool",
    "tool_call": "tool",
    "handoff": "tool",
    "agent_handoff": "tool",
    "invoke_agent": "agent",
    "agent_call": "agent",
    "create_agent": "other",
    "invoke_workflow": "workflow",
    "execute_task": "workflow",
    "execute_event_loop_cycle": "workflow",
    "execute_method": "workflow",
    "invoke_node": "workflow",
    "agent_step": "workflow",
    "plan": "workflow",
}
