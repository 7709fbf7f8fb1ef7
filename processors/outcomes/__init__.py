"""What telemetry itself says about how sessions ended.

Signals of a group and the sessions made of them come in; each session goes out with the evaluations of it and the
verdict they come to. A verdict that an oracle records goes before it, in `processors.pipeline`.
"""

from processors.outcomes.joining import judged

__all__ = ["judged"]
