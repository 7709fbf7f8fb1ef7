"""What was said to and by models and tools, in the shapes that providers and frameworks give it, as `Message` and text.

Values of attributes come from the dialects, and messages, parts and canonical text go back to them. Shapes read: GenAI
parts (with `response` or `result`), OpenAI chat and Responses items, Anthropic and Bedrock blocks, Gemini parts, Vercel
AI SDK parts, LangChain messages (serialised by `lc`, `type`/`data`, or as a role and text pair).
"""

from processors.normalise.messages.message import message_of, messages
from processors.normalise.messages.parts import parts, system_parts
from processors.normalise.messages.tool_definitions import tool_definitions
from processors.normalise.messages.tool_values import arguments, result_text

__all__ = [
    "arguments",
    "message_of",
    "messages",
    "parts",
    "result_text",
    "system_parts",
    "tool_definitions",
]
