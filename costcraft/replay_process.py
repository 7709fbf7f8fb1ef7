"""The child process in which a user's environment runs: one for many replays, replaced when it breaks or overruns."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol, TypeAlias, cast

from costcraft.errors import EnvironmentFaultError

Calls: TypeAlias = "list[tuple[str, str]]"
"""Tools with their arguments as JSON, in order."""


class Environment(Protocol):
    """A world that a task's tool calls act on."""

    def reset(self) -> None:
        """Return to the state in which the task began."""
        ...

    def call(self, tool: str, arguments: Mapping[str, object]) -> object:
        """Run one tool and return its result; a tool that fails raises."""
        ...

    def check(self) -> bool:
        """Return whether the oracle passes the present state."""
        ...


EnvironmentFactory = Callable[[str | None], Environment]
"""Makes the environment of a task id; what `--environment package.module:name` names."""


@dataclass(slots=True)
class ReplayProcess:
    """Replays one run at a time; started when first needed. Not for several threads at once."""

    environment: str
    """`package.module:name` of an `EnvironmentFactory`."""
    time_limit_s: float
    _process: SpawnProcess | None = field(default=None, repr=False)
    _pipe: Connection | None = field(default=None, repr=False)

    def replay(self, task_id: str | None, calls: Calls) -> bool:
        """Return whether the oracle passes after these calls.

        Raises `EnvironmentFaultError` where the environment cannot be loaded, breaks, or overruns its time.
        """
        answer = self._answer(task_id, calls)
        if answer is None:
            self.close()
            raise EnvironmentFaultError(f"{self.environment} took longer than {self.time_limit_s:g} s")
        passed, fault = answer
        if fault:
            raise EnvironmentFaultError(f"{self.environment}: {fault}")
        return passed

    def _answer(self, task_id: str | None, calls: Calls) -> tuple[bool, str] | None:
        """Return the child's answer, None where it did not come in time."""
        pipe = self._started()
        try:
            pipe.send((task_id, calls))
            return cast("tuple[bool, str]", pipe.recv()) if pipe.poll(self.time_limit_s) else None
        except (EOFError, OSError) as error:
            self.close()
            raise EnvironmentFaultError(f"{self.environment} took its process down") from error

    def close(self) -> None:
        """Stop the process at once."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if process is not None and pipe is not None:
            process.kill()
            process.join()
            pipe.close()

    def _started(self) -> Connection:
        if self._pipe is None:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=_child, args=(theirs, self.environment), daemon=True)
            self._process.start()
            theirs.close()
        return self._pipe


def load_environment(named: str) -> EnvironmentFactory:
    """Import what `package.module:name` names. Raises `EnvironmentFaultError` where there is none."""
    module, _, name = named.partition(":")
    try:
        factory = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise EnvironmentFaultError(
            f"--environment {named}: give package.module:name of a callable ({error})"
        ) from error
    return cast("EnvironmentFactory", factory)


def _child(pipe: Connection, named: str) -> None:
    """Replay what comes until the other end is closed; die with the parent, however it dies, also in a replay."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()
    while True:
        try:
            task_id, calls = pipe.recv()
        except EOFError:
            return
        try:
            answer = _replay(load_environment(named)(task_id), calls), ""
        except Exception as error:  # noqa: BLE001 - a user's code: whatever it raises goes back as words
            traceback.print_exc()
            answer = False, f"{type(error).__name__}: {error}"
        pipe.send(answer)


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _replay(environment: Environment, calls: Calls) -> bool:
    environment.reset()
    for tool, arguments in calls:
        parsed = json.loads(arguments)
        try:
            environment.call(tool, parsed if isinstance(parsed, dict) else {"input": parsed})
        except Exception:  # noqa: BLE001, S112 - a tool may fail in a replay as it may fail in a run
            continue
    return environment.check()
