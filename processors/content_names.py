"""By which names content is known: what was said to and by models and tools, in every dialect that is read here.

Data for the collector, which redacts content where it is told to and knows no names of its own. Words are the last
parts of attribute names, between dots, in lower case. Sources: the conventions that `processors.normalise.dialects`
names.
"""

from __future__ import annotations

from typing import Final

from processors.effects.names import word_set

CONTENT: Final = word_set(
    """args arguments body choices command completion content contents cot_summary data description extra_body
    file_path final_result full_command function_args input inputs instructions invocation_parameters json_schema kwargs
    last_assistant_message message msg observation output outputs parameters params phases prompt prompts query question
    reasoning reasoning_content reasoning_text request request_text response response_text result results stack_trace
    stacktrace summary system_instructions system_prompt system_prompt_preview text thinking thought tool_args
    tool_input tool_output tool_parameters tool_response tool_result toolcalls transcript url_query user_prompt
    user_system_prompt value values"""
)
MESSAGES: Final = word_set(
    "all_messages all_messages_events events input_messages messages new_messages output_messages pipeline"
)
DESCRIPTIONS: Final = word_set(
    """agent_name display_name finish_reason finish_reasons model model_name name usage usage_metadata usage_object
    user-agent user_agent"""
)
STRUCTURE: Final = word_set(
    """call_id finish_reason id index kind mime_type model name role stop_reason tool_call_id tool_name tool_use_id type
    """
)
