"""A scripted model server: the one thing that tests put in place of a paid API, over real HTTP.

It speaks OpenAI chat completions, responses and embeddings, and Anthropic messages, whole and streamed. What it
answers is a script; what it counts is derived from what was really sent: tokens from the bytes of the prompt, cached
ones from the prompts before. `served` is the truth that telemetry is compared with.
"""

from tests.model_server.script import Failure, Hang, ModelRequest, Outcome, Raw, Reply, ToolRequest
from tests.model_server.server import ModelServer, Served, model_server

__all__ = [
    "Failure",
    "Hang",
    "ModelRequest",
    "ModelServer",
    "Outcome",
    "Raw",
    "Reply",
    "Served",
    "ToolRequest",
    "model_server",
]
