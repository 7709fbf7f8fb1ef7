"""The effect of a tool call, from MCP hints, a user's rules, known names, verbs, and what the arguments name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise

from processors.effects import names
from processors.effects.shell import shell_effect
from processors.effects.targets import (
    CAMEL,
    SQL,
    SQL_CHANGE,
    SQL_KEYS,
    Json,
    canonical,
    graphql,
    leaves,
    named,
    names_place,
    parse,
    patched,
    sql_tables,
)
from processors.model import ModelCall, Session, ToolCall, ToolDefinition

NAMESPACE = re.compile(r"__|[./:]")
NOT_ACTING = names.READ_VERBS | names.RUN_WORDS | names.GIVEN
SCREEN = "the screen"
"""What tools of a browser act on and show where they name no address."""
GRAPH = "the graph"
"""What GraphQL documents read and change."""


class Access(StrEnum):
    """What a call does to the world."""

    READ = "read"
    WRITE = "write"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Effect:
    """What one call does, and to which targets."""

    access: Access
    targets: frozenset[str]
    anywhere: bool = False
    """True where the call may touch more than it names, as a program run in a shell may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRule:
    """What a user's configuration says about the tools whose name matches a pattern such as `crm_*`."""

    pattern: str
    access: Access | None = None
    target_arguments: tuple[str, ...] = ()
    usd_per_call: Decimal | None = None
    source: str = ""
    """Where the rule stands, in words for a user."""


@dataclass(slots=True)
class Effects:
    """Answers what a session's tool calls do."""

    definitions: Mapping[str, ToolDefinition] = field(default_factory=dict)
    rules: Sequence[ToolRule] = ()
    _known: dict[tuple[str, str | None], Effect] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, rules: Sequence[ToolRule] = ()) -> Effects:
        """Collect the tool definitions that a session's model calls were given."""
        found: dict[str, ToolDefinition] = {}
        seen: set[int] = set()
        for step in session.steps:
            if isinstance(step, ModelCall) and step.tool_definitions and id(step.tool_definitions) not in seen:
                seen.add(id(step.tool_definitions))
                found.update((definition.name, definition) for definition in step.tool_definitions)
        return cls(found, rules)

    def of_call(self, tool: ToolCall) -> Effect:
        """Find the effect of a call; the same name and arguments always have the same."""
        key = tool.name, tool.arguments
        if key not in self._known:
            self._known[key] = self._find(tool.name, tool.arguments)
        return self._known[key]

    def _find(self, name: str, arguments: str | None) -> Effect:
        said = (rule for rule in self.rules if rule.access is not None or rule.target_arguments)
        rule = next((rule for rule in said if fnmatchcase(name, rule.pattern)), None)
        targets = _rule_targets(rule, arguments) or named(arguments)
        hinted = _hinted(self.definitions.get(name)) or (rule.access if rule else None)
        if hinted is not None:
            return Effect(hinted, targets, anywhere=hinted is Access.READ and arguments is None)
        short = short_name(name)
        files = _patched(arguments)
        if files and _by_name(name, short, arguments) is not Access.READ:
            return Effect(Access.WRITE, files | targets)
        command = command_of(arguments) if name in names.SHELLS or short in names.SHELLS else None
        if command is not None:
            return _of_shell(command)
        statement = _statement(arguments)
        if statement is not None:
            return statement
        access = _by_name(name, short, arguments) or _by_description(self.definitions.get(name))
        if _is_about_screen(name, access, arguments):
            targets |= {SCREEN}
        return Effect(access, targets, anywhere=_reaches_further(name, access, arguments, targets))


def _reaches_further(name: str, access: Access, arguments: str | None, targets: frozenset[str]) -> bool:
    if arguments is None or (access is Access.UNKNOWN and not targets):
        return True
    words = words_of(name)
    if access is Access.WRITE:
        return not names.SESSION_VERBS.isdisjoint(words)
    lists = not names.LISTING_WORDS.isdisjoint(words)
    return _runs(words) or (access is Access.READ and lists and not names_place(arguments))


def _runs(words: Sequence[str]) -> bool:
    """Whether a tool runs a project; `get_test_report` does not."""
    verbs = (word for word in words if word in names.RUN_WORDS | names.READ_VERBS)
    return next(verbs, None) in names.RUN_WORDS


def _is_about_screen(name: str, access: Access, arguments: str | None) -> bool:
    words = words_of(name)
    if access is Access.WRITE:
        return not names.SCREEN_VERBS.isdisjoint(words)
    return not names.SCREEN_WORDS.isdisjoint(words) and not names_place(arguments)


def short_name(name: str) -> str:
    """Drop the namespaces of a tool's name: `mcp__github__create_issue` is `create_issue`."""
    return NAMESPACE.split(name)[-1] or name


@lru_cache(maxsize=1024)
def words_of(name: str) -> tuple[str, ...]:
    """Split a tool's name into lower-case words."""
    return tuple(word for word in re.split(r"[^a-z0-9]+", CAMEL.sub("_", short_name(name)).lower()) if word)


def command_of(arguments: str | None) -> str | None:
    """Find the command line in a shell tool's arguments."""
    parsed = parse(arguments)
    if isinstance(parsed, str):
        return parsed
    if not isinstance(parsed, dict):
        return None
    for key in names.COMMAND_ARGUMENTS:
        value = parsed.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
            return _joined([str(word) for word in value])
    return None


def _joined(argv: list[str]) -> str:
    return argv[-1] if len(argv) > 2 and argv[1].startswith("-") and "c" in argv[1] else " ".join(argv)  # noqa: PLR2004 - shell, -c, command


def _rule_targets(rule: ToolRule | None, arguments: str | None) -> frozenset[str]:
    if rule is None or not rule.target_arguments:
        return frozenset()
    return frozenset(canonical(text) for key, text in leaves(parse(arguments)) if key in rule.target_arguments)


def _hinted(definition: ToolDefinition | None) -> Access | None:
    if definition is None:
        return None
    if definition.read_only_hint is not None:
        return Access.READ if definition.read_only_hint else Access.WRITE
    return Access.WRITE if definition.destructive_hint else None


def _of_shell(command: str) -> Effect:
    found = shell_effect(command)
    targets = frozenset(map(canonical, found.writes if found.wrote else found.reads))
    if found.unknown and not (found.wrote and found.anywhere):
        return Effect(Access.UNKNOWN, frozenset(), anywhere=True)
    return Effect(Access.WRITE if found.wrote else Access.READ, targets, anywhere=found.anywhere or not targets)


def _patched(arguments: str | None) -> frozenset[str]:
    """Name the files of a patch that stands among some arguments, in a shell command too."""
    return frozenset[str]().union(*(patched(text) for _, text in leaves(parse(arguments)) if "\n" in text))


def _statement(arguments: str | None) -> Effect | None:
    """Recognise SQL and GraphQL among the arguments: they say whether they read, SQL also from which tables."""
    for key, text in leaves(parse(arguments)):
        if (operation := graphql(text)) is not None:
            return Effect(Access.WRITE if operation == "mutation" else Access.READ, frozenset({GRAPH}))
        found = SQL.match(text) if key.lower() in SQL_KEYS else None
        if found is not None:
            verb = found["verb"].split()[0].lower()
            reads = verb in ("select", "describe") or (verb == "with" and not SQL_CHANGE.search(text))
            return Effect(Access.READ if reads else Access.WRITE, sql_tables(text))
    return None


def _by_name(name: str, short: str, arguments: str | None) -> Access | None:
    operation = _operation(parse(arguments))
    if operation is not None:
        return operation
    for candidate in (name, short):
        if candidate in names.READERS:
            return Access.READ
        if candidate in names.WRITERS:
            return Access.WRITE
    return _by_verb(words_of(name))


def _operation(arguments: Json) -> Access | None:
    if not isinstance(arguments, dict):
        return None
    for key in names.OPERATION_ARGUMENTS:
        value = arguments.get(key)
        if isinstance(value, str) and value.lower() in names.HTTP_READS:
            return Access.READ
        if isinstance(value, str) and len(value) < 40 and " " not in value:  # noqa: PLR2004 - a verb, not a text
            found = _by_verb(words_of(value))
            if found is not None:
                return found
    return None


def _by_verb(words: Sequence[str]) -> Access | None:
    joined = "".join(words)
    if joined.startswith(("checkin", "checkout")):
        return Access.WRITE
    for position, word in enumerate(words):
        later = words[position + 1 :]
        closes = word == "resolve" and not names.CLOSED_BY_RESOLVING.isdisjoint(later)
        acts = word in names.ACTING_VERBS and later and NOT_ACTING.isdisjoint(later)
        if word in names.WRITE_VERBS or closes or acts:
            return Access.WRITE
        if word in names.READ_VERBS:
            joins = any(one in names.JOINING and two in names.WRITE_VERBS for one, two in pairwise(later))
            return Access.WRITE if joins else Access.READ
    return None


def _by_description(definition: ToolDefinition | None) -> Access:
    """Take the verb that a tool's description begins with."""
    first = definition.description.split(maxsplit=1)[:1] if definition is not None else []
    word = first[0].lower().rstrip("s.,:") if first else ""
    for spelled in (word, f"{word}e"):
        found = _by_verb([spelled])
        if found is not None:
            return found
    return Access.UNKNOWN
