"""The agent's side: standard OpenTelemetry spans for sessions, model calls, tools and sub-agents.

Data comes from the agent that calls these helpers and goes out over OTLP to whatever `OTEL_EXPORTER_OTLP_ENDPOINT`
names. Depends on the OpenTelemetry SDK only.
"""
