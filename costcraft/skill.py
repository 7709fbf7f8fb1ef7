"""A SKILL.md as a value: front matter, sections, and the rules that CostCraft manages inside them.

Format: Agent Skills (YAML front matter with `name` and `description`, then Markdown). Everything a person wrote is
kept to the letter; a managed rule is one bullet that ends in a comment with its id and its counters, so that a later
run recognises it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import yaml

from costcraft.errors import SkillFormatError

SECTIONS: Final = ("Trigger", "Workflow", "Stop rules", "Artifact checklist", "Cost control")
"""The sections every finished skill has, in order; a base skill may have others beside them."""

MAX_NAME: Final = 64
MAX_DESCRIPTION: Final = 1024
MAX_COMPATIBILITY: Final = 500
BYTES_PER_TOKEN: Final = 4
"""English prose in the vocabularies of current models; used where no tokenizer may be assumed."""

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_RULE = re.compile(
    r"- (?P<text>\S.*?) <!-- rule:(?P<id>[0-9a-f]{12}) helpful:(?P<helpful>\d+) harmful:(?P<harmful>\d+) -->"
)
_FENCE = re.compile(r"\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class ManagedRule:
    """One rule that CostCraft wrote, with how often later sessions spoke for and against it."""

    rule_id: str
    text: str
    helpful: int = 0
    harmful: int = 0

    def render(self) -> str:
        """Return the rule as one Markdown bullet."""
        return f"- {self.text} <!-- rule:{self.rule_id} helpful:{self.helpful} harmful:{self.harmful} -->"


@dataclass(frozen=True, slots=True)
class Section:
    """A second-level heading, the text a person wrote under it, and the managed rules after that text."""

    title: str
    text: str = ""
    rules: tuple[ManagedRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Skill:
    """A parsed SKILL.md. `front_matter` keeps unknown keys; `preamble` is what stands before the first section."""

    front_matter: dict[str, object] = field(default_factory=dict)
    preamble: str = ""
    sections: tuple[Section, ...] = ()

    @property
    def name(self) -> str:
        """The skill's name; empty where the front matter has none."""
        return str(self.front_matter.get("name", ""))

    @property
    def description(self) -> str:
        """When to use the skill; empty where the front matter has none."""
        return str(self.front_matter.get("description", ""))

    @property
    def rules(self) -> tuple[ManagedRule, ...]:
        """Every managed rule, in the order of the document."""
        return tuple(rule for section in self.sections for rule in section.rules)

    def section(self, title: str) -> Section | None:
        """Return the section of that title, compared without case."""
        return next((s for s in self.sections if s.title.casefold() == title.casefold()), None)

    def with_rules(self, rules: Iterable[tuple[str, ManagedRule]]) -> Skill:
        """Return the skill with exactly these managed rules, given as (section title, rule), all else unchanged."""
        by_section: dict[str, list[ManagedRule]] = {}
        for title, rule in rules:
            by_section.setdefault(title.casefold(), []).append(rule)
        known = {section.title.casefold() for section in self.sections}
        missing = [title for title in SECTIONS if title.casefold() in by_section and title.casefold() not in known]
        sections = (*self.sections, *(Section(title) for title in missing))
        return replace(
            self,
            sections=tuple(replace(s, rules=tuple(by_section.get(s.title.casefold(), ()))) for s in sections),
        )


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text takes in a prompt, from its UTF-8 size."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def parse(document: str) -> Skill:
    """Read a SKILL.md. Raises `SkillFormatError` where the front matter is missing or is not a YAML mapping."""
    document = document.replace("\r\n", "\n")
    match = _FRONT_MATTER.match(document)
    if match is None:
        raise SkillFormatError("line 1: a SKILL.md begins with YAML front matter between two lines of ---")
    front_matter = _front_matter(match.group(1))
    preamble, sections = _split_sections(document[match.end() :])
    return Skill(front_matter, preamble, sections)


def render(skill: Skill) -> str:
    """Write a SKILL.md; `parse(render(skill)) == skill` for every skill that `parse` returns."""
    head = yaml.safe_dump(skill.front_matter, sort_keys=False, allow_unicode=True, width=1000)
    blocks = [f"---\n{head}---"]
    if skill.preamble:
        blocks.append(skill.preamble)
    for section in skill.sections:
        blocks.append(f"## {section.title}")
        if section.text:
            blocks.append(section.text)
        if section.rules:
            blocks.append("\n".join(rule.render() for rule in section.rules))
    return "\n\n".join(blocks) + "\n"


def _front_matter(text: str) -> dict[str, object]:
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 2
        raise SkillFormatError(f"line {line}: the front matter is not valid YAML") from error
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise SkillFormatError("line 2: the front matter must be a YAML mapping with text keys, such as name: ...")
    return loaded


def _split_sections(body: str) -> tuple[str, tuple[Section, ...]]:
    title: str | None = None
    preamble, fenced = "", False
    lines: list[str] = []
    sections: list[Section] = []
    for line in body.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        if not fenced and line.startswith("## ") and line[3:].strip():
            if title is None:
                preamble = _trim(lines)
            else:
                sections.append(_section(title, lines))
            title, lines = line[3:].strip(), []
        else:
            lines.append(line)
    if title is None:
        return _trim(lines), ()
    return preamble, (*sections, _section(title, lines))


def _section(title: str, lines: list[str]) -> Section:
    rules, text = [], []
    for line in lines:
        match = _RULE.fullmatch(line)
        if match:
            rules.append(ManagedRule(match["id"], match["text"], int(match["helpful"]), int(match["harmful"])))
        else:
            text.append(line)
    return Section(title, _trim(text), tuple(rules))


def _trim(lines: list[str]) -> str:
    return "\n".join(lines).strip("\n")
