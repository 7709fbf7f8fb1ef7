"""The eight session hooks of an agent runtime, mapped to spans.

For runtimes that call back instead of running inside a `with`: hooks may come from any thread or task, in any order,
twice or not at all. They never raise into the agent, and no span stays open after its session has ended.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, Unpack

from opentelemetry import context as otel_context

from clawtrace_otel import semconv
from clawtrace_otel.content import clean, content_captured, messages_json, text_or_json
from clawtrace_otel.hook_session import End, Ending, HookSession, Key
from clawtrace_otel.operations import AgentSpan, ModelResponse, Start, checked_usage, response_attributes
from clawtrace_otel.session import by_agent, in_session
from clawtrace_otel.spans import (
    Attributes,
    ModelRequest,
    SessionLabels,
    agent_start,
    model_start,
    session_start,
    tool_start,
)
from clawtrace_otel.usage import Usage

OPEN_SESSIONS: Final = 10_000
"""Sessions that may be open at once; past it the one that started first is ended, marked as unfinished."""
ENDED_SESSIONS: Final = 10_000
"""Ended sessions that are remembered, so that a late hook does not open them again."""

Hook = ParamSpec("Hook")
_logger = logging.getLogger("clawtrace_otel")
_every: weakref.WeakSet[SessionHooks] = weakref.WeakSet()


def _never_raises(hook: Callable[Hook, None]) -> Callable[Hook, None]:
    @wraps(hook)
    def guarded(*args: Hook.args, **kwargs: Hook.kwargs) -> None:
        try:
            hook(*args, **kwargs)
        except Exception:
            _logger.warning("hook %s was not recorded", hook.__name__, exc_info=True)

    return guarded


class SessionHooks:
    """Turns hooks into the same spans that the context managers make.

    Every hook names its session and, below it, the call or sub-agent by the caller's own id; `parent_id` is the id of
    the sub-agent or tool call that something happens in, by default the session's agent. Content and token counts
    follow the rules of the context managers. Ids are compared as text.
    """

    def __init__(self, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, HookSession] = {}
        self._ended: dict[str, None] = {}
        _every.add(self)
        atexit.register(_close_if_alive, weakref.ref(self))

    @_never_raises
    def session_start(self, session_id: str, *, agent_name: str | None = None, **labels: Unpack[SessionLabels]) -> None:
        """Open the session; a second start of an open session changes nothing."""
        start = session_start(agent_name, labels)
        conversation_id = str(labels.get("conversation_id") or session_id)
        with self._lock:
            session = self._sessions.get(str(session_id))
            endings = [] if session else self._open(str(session_id), conversation_id, start)
            if session:
                session.announce(start)
        _apply(endings)

    @_never_raises
    def session_end(self, session_id: str, *, error: BaseException | str | None = None) -> None:
        """End the session and whatever is still open in it."""
        with self._lock:
            session = self._sessions.pop(str(session_id), None)
            endings = session.close(self._clock(), error, ended_by_caller=True) if session else []
            if session:
                self._remember(str(session_id))
        _apply(endings)

    @_never_raises
    def llm_input(
        self,
        session_id: str,
        call_id: str,
        model: str | None = None,
        *,
        parent_id: str | None = None,
        **request: Unpack[ModelRequest],
    ) -> None:
        """Begin a model call."""
        self._start(session_id, ("llm", str(call_id)), model_start(model, request), parent_id)

    @_never_raises
    def llm_output(
        self,
        session_id: str,
        call_id: str,
        *,
        usage: Usage | None = None,
        error: BaseException | str | None = None,
        **response: Unpack[ModelResponse],
    ) -> None:
        """End a model call with what the provider answered and counted."""
        attributes = {**response_attributes(response), **checked_usage(usage or {})}
        self._end(session_id, ("llm", str(call_id)), End(self._clock(), attributes, model_start(None, {}), error))

    @_never_raises
    def before_tool_call(
        self,
        session_id: str,
        call_id: str,
        name: str | None = None,
        *,
        arguments: object = None,
        parent_id: str | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        """Begin a tool call."""
        start = tool_start(name, str(call_id), arguments, attributes)
        self._start(session_id, ("tool", str(call_id)), start, parent_id)

    @_never_raises
    def after_tool_call(
        self,
        session_id: str,
        call_id: str,
        *,
        name: str | None = None,
        result: object = None,
        error: BaseException | str | None = None,
    ) -> None:
        """End a tool call; `name` serves only where no `before_tool_call` came."""
        attributes = {semconv.TOOL_CALL_RESULT: text_or_json(result) if content_captured() else None}
        alone = tool_start(name, str(call_id), None, None)
        self._end(session_id, ("tool", str(call_id)), End(self._clock(), attributes, alone, error))

    @_never_raises
    def subagent_spawning(
        self,
        session_id: str,
        subagent_id: str,
        agent_name: str | None = None,
        *,
        parent_id: str | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        """Begin a sub-agent; its own calls name it as their `parent_id`."""
        start = agent_start(agent_name, {semconv.AGENT_ID: str(subagent_id), **(attributes or {})})
        self._start(session_id, ("agent", str(subagent_id)), start, parent_id)

    @_never_raises
    def subagent_ended(
        self,
        session_id: str,
        subagent_id: str,
        *,
        output_messages: object = None,
        error: BaseException | str | None = None,
    ) -> None:
        """End a sub-agent with its answer."""
        answer = messages_json(output_messages, "assistant") if content_captured() else None
        alone = agent_start(None, {semconv.AGENT_ID: str(subagent_id)})
        end = End(self._clock(), {semconv.OUTPUT_MESSAGES: answer}, alone, error)
        self._end(session_id, ("agent", str(subagent_id)), end)

    @_never_raises
    def close(self) -> None:
        """End every open session, marked as unfinished; runs by itself when the interpreter exits."""
        with self._lock:
            sessions, self._sessions = self._sessions, {}
            for session_id in sessions:
                self._remember(session_id)
            at = self._clock()
            endings = [e for s in sessions.values() for e in s.close(at, None, ended_by_caller=False)]
        _apply(endings)

    def _start(self, session_id: str, key: Key, start: Start, parent_id: str | None) -> None:
        with self._lock:
            session, endings = self._session(str(session_id), key)
            if session is not None:
                endings += session.start(key, start, parent_id, self._clock())
        _apply(endings)

    def _end(self, session_id: str, key: Key, end: End) -> None:
        with self._lock:
            session, endings = self._session(str(session_id), key)
            if session is not None:
                endings += session.end(key, end)
        _apply(endings)

    def _session(self, session_id: str, key: Key) -> tuple[HookSession | None, list[Ending]]:
        """Find the session; one that was never started is opened, marked, and one that has ended stays so."""
        endings: list[Ending] = []
        if session_id in self._ended:
            _logger.warning("a hook of %s %s came after the end of session %s", *key, session_id)
            return None, endings
        if session_id not in self._sessions:
            start = session_start(None, {"attributes": {semconv.HOOK_GAP: "missing_start"}})
            endings = self._open(session_id, session_id, start)
            self._sessions[session_id].announced = False
        return self._sessions[session_id], endings

    def _open(self, session_id: str, conversation_id: str, start: Start) -> list[Ending]:
        self._ended.pop(session_id, None)
        context = in_session(clean(session_id), clean(conversation_id), otel_context.get_current())
        name = start.attributes.get(semconv.AGENT_NAME)
        if isinstance(name, str):
            context = by_agent(name, context)
        self._sessions[session_id] = HookSession(start.begin(AgentSpan, context, self._clock()))
        if len(self._sessions) <= OPEN_SESSIONS:
            return []
        oldest = next(iter(self._sessions))
        self._remember(oldest)
        return self._sessions.pop(oldest).close(self._clock(), None, ended_by_caller=False)

    def _remember(self, session_id: str) -> None:
        self._ended[session_id] = None
        if len(self._ended) > ENDED_SESSIONS:
            del self._ended[next(iter(self._ended))]


def end_open_sessions() -> None:
    """End the open sessions of every `SessionHooks` in this process, marked as unfinished."""
    for hooks in list(_every):
        hooks.close()


def _close_if_alive(reference: weakref.ref[SessionHooks]) -> None:
    hooks = reference()
    if hooks is not None:
        hooks.close()


def _apply(endings: list[Ending]) -> None:
    for ending in endings:
        ending.apply()
