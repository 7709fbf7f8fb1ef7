"""Failures that a source tells only in the text of a tool's answer."""

from __future__ import annotations

import re

from processors.model import StepError
from processors.normalise.messages import result_text
from processors.normalise.values import mapping, structured

_EXIT_CODE = re.compile(
    r"\b(?:exited with (?:exit )?code|exit code|exit status|returned non-zero exit status):?\s*(-?\d+)", re.IGNORECASE
)
_ERROR_NAME = r"(?:error|exception|failed|failure|fatal|[a-z_.]*(?:error|exception))"
_ERROR_VERB = r"(?:executing|running|calling|to (?:invoke|execute|run|call)\b)"
_ERROR_START = re.compile(
    rf"\s*(?:traceback \(most recent|{_ERROR_NAME}\b\s*(?:[:(]|\n|-\s|$|{_ERROR_VERB}))", re.IGNORECASE
)
_HEAD = 400
"""Characters at the start of an answer in which a shell's wrapper says how the command ended."""


def exit_code_failure(result: str | None) -> StepError | None:
    """Return a failure where a shell tool's answer begins with an exit code other than zero."""
    found = _EXIT_CODE.search(result[:_HEAD]) if result is not None else None
    if found is None or int(found[1]) == 0:
        return None
    return StepError(f"exit_code_{found[1]}", _output_of(result or ""))


def _output_of(result: str) -> str:
    """Return what the command printed, from the shapes in which shells' wrappers give it."""
    marked = re.search(r"^(?:Output|Stderr|Error):\s*(.*)", result, re.DOTALL | re.MULTILINE)
    return (marked[1] if marked is not None else result).strip()[:500]


def told_failure(sent: object) -> StepError | None:
    """Return a failure that the answer's own wrapper tells: MCP's `isError`, the `status` of LangChain's message."""
    outer = mapping(structured(sent))
    answer = mapping(outer.get("output")) or outer
    if answer.get("isError") is True or answer.get("is_error") is True:
        return StepError("tool_error", result_text(answer)[:500])
    message = mapping(answer.get("kwargs")) or mapping(answer.get("data")) or answer
    if "tool_call_id" in message and message.get("status") == "error":
        return StepError("tool_error", result_text(message.get("content"))[:500])
    return None


def failure_in(result: str | None) -> StepError | None:
    """Return the failure that a tool's answer reports, for tools without a span.

    Read are: text that begins with an error's name, an object that says so, a shell's exit code. Text that only
    speaks of errors is a result like any other.
    """
    if result is None:
        return None
    said = mapping(structured(result)) if result.lstrip().startswith("{") else {}
    if said.get("isError") is True or said.get("is_error") is True or said.get("success") is False:
        return StepError("tool_error", str(said.get("error") or said.get("message") or "")[:500])
    error = said.get("error")
    if error and len(said) == 1:
        return StepError("tool_error", str(error)[:500])
    if str(said.get("status", "")).lower() in {"error", "failed", "failure"}:
        return StepError("tool_error", str(error or said.get("message") or "")[:500])
    if not said and _ERROR_START.match(result):
        return StepError("tool_error", result.strip()[:500])
    return exit_code_failure(result)
