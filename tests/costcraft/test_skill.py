"""A SKILL.md survives reading and writing, and what a person wrote is never changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costcraft.errors import SkillFormatError
from costcraft.skill import ManagedRule, Skill, parse, render

BASE = """---
name: order-desk
description: Use for questions about customers' orders.
license: Apache-2.0
---

Answer in the customer's language.

## Workflow

1. Look the order up.

```sh
## not a heading
```

## House rules

- Never promise a date.
"""

prose = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\x85"), max_size=60
)


@given(name=prose, extra=prose, body=st.lists(prose, max_size=8))
def test_a_parsed_skill_survives_rendering(name: str, extra: str, body: list[str]) -> None:
    """`parse(render(skill)) == skill` for whatever Markdown stands under the front matter."""
    skill = parse(render(Skill({"name": name, "x": extra})) + "\n".join(body))
    assert parse(render(skill)) == skill


def test_a_persons_text_is_kept_to_the_letter() -> None:
    """Adding managed rules changes no line that was there before."""
    rule = ManagedRule("0123456789ab", "Call `get_order` once and reuse its result.", helpful=2)
    written = render(parse(BASE).with_rules([("Cost control", rule)]))
    assert [line for line in BASE.splitlines() if line] == [
        line for line in written.splitlines() if line and line not in (rule.render(), "## Cost control")
    ]


def test_a_managed_rule_keeps_its_id_and_counters() -> None:
    """A rule that was written is found again with its id and counters."""
    rule = ManagedRule("0123456789ab", "Stop after the first refusal.", helpful=3, harmful=1)
    assert parse(render(parse(BASE).with_rules([("Stop rules", rule)]))).rules == (rule,)


def test_a_heading_inside_a_code_fence_is_no_section() -> None:
    """Only headings outside code fences begin a section."""
    assert [section.title for section in parse(BASE).sections] == ["Workflow", "House rules"]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("# A skill\n", "line 1: a SKILL.md begins with YAML front matter"),
        ("---\nname: [\n---\n", "the front matter is not valid YAML"),
        ("---\n- a\n---\n", "must be a YAML mapping"),
        ("---\n!!python/object/apply:os.system ['true']\n---\n", "the front matter is not valid YAML"),
    ],
)
def test_an_unreadable_skill_says_what_is_wrong(document: str, says: str) -> None:
    """A file that is no skill is refused with the line and the reason."""
    with pytest.raises(SkillFormatError, match=says.replace("[", r"\[")):
        parse(document)
