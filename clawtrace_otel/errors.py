"""The one error that this package raises; everything after set-up is logged instead, never thrown into the agent."""

from __future__ import annotations


class ConfigurationError(ValueError):
    """An OTEL_* variable, or the way telemetry is already set up, cannot work; the message says what to change."""
