"""The agent's side: standard OpenTelemetry spans for sessions, model calls, tools and sub-agents.

Data comes from the agent that calls these helpers and goes out over OTLP to whatever `OTEL_EXPORTER_OTLP_ENDPOINT`
names. Depends on the OpenTelemetry SDK only.
"""

from clawtrace_otel.configure import Telemetry, configure
from clawtrace_otel.errors import ConfigurationError
from clawtrace_otel.hooks import SessionHooks
from clawtrace_otel.operations import AgentSpan, ModelSpan, ToolSpan
from clawtrace_otel.session import SessionSpanProcessor
from clawtrace_otel.spans import agent_session, model_call, sub_agent, tool_call
from clawtrace_otel.usage import Usage

__all__ = [
    "AgentSpan",
    "ConfigurationError",
    "ModelSpan",
    "SessionHooks",
    "SessionSpanProcessor",
    "Telemetry",
    "ToolSpan",
    "Usage",
    "agent_session",
    "configure",
    "model_call",
    "sub_agent",
    "tool_call",
]
