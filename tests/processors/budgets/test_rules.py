"""A user's budgets as a file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from processors.budgets import Budgets
from processors.errors import BudgetFileError

RULE = "- {rule: a, per: session, limit_usd: 1}"


def test_a_file_says_what_it_says() -> None:
    """Every kind of rule is read, money exactly."""
    text = """\
webhook_from: HOOK
budgets:
- rule: one-session
  per: session
  limit_usd: 0.10
- {rule: research, per: day, agent: Research-*, limit_usd: 20}
- {rule: rereading, per: agent, finding: repeated_call, limit_count: 3}
- {rule: waste, per: session, finding: any, limit_usd: 0.000001}
"""
    budgets = Budgets.parse(text, "budgets.yaml")
    assert [rule.limit_usd for rule in budgets.rules] == [Decimal("0.10"), Decimal(20), None, Decimal("0.000001")]
    assert (budgets.webhook, budgets.webhook_from) == (None, "HOOK")
    research = budgets.rules[1]
    assert [research.concerns(name) for name in ("research-1", "RESEARCH-", "other", None)] == [
        True,
        True,
        False,
        False,
    ]
    assert budgets.rules[0].concerns(None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the document is empty"),
        ("budgets: []\n", "line 1: budgets"),
        ("- rule: a\n", "line 1: document"),
        ("budgets:\n- rule: a\n  per: week\n  limit_usd: 1\n", "line 3: budgets.0.per"),
        ("budgets:\n- rule: a\n  per: day\n", "line 2: budgets.0: give either limit_usd or limit_count"),
        ("budgets:\n- {rule: a, per: day, limit_usd: 1, limit_count: 1}\n", "line 2: budgets.0: give either"),
        ("budgets:\n- {rule: a, per: day, limit_count: 1}\n", "line 2: budgets.0: limit_count counts findings"),
        ("budgets:\n- rule: a\n  per: day\n  limit_usd: -1\n", "line 4: budgets.0.limit_usd"),
        ("budgets:\n- rule: a\n  per: day\n  limit_usd: true\n", "line 4: budgets.0.limit_usd"),
        ("budgets:\n- rule: a\n  per: day\n  limit_usd: '1'\n", "line 4: budgets.0.limit_usd"),
        ("budgets:\n- rule: a\n  per: day\n  limit_usd: 1e99\n", "line 4: budgets.0.limit_usd"),
        (
            "budgets:\n- rule: a\n  per: day\n  finding: repeated\n  limit_count: 1\n",
            "line 4: budgets.0.finding: there",
        ),
        ("budgets:\n- rule: 'a b'\n  per: day\n  limit_usd: 1\n", "line 2: budgets.0.rule"),
        (f"budgets:\n{RULE}\n{RULE}\n", "line 3: the rule 'a' is there twice"),
        (f"budgets:\n{RULE}\nlimits: 1\n", "line 3: limits"),
        ("budgets:\n- {rule: a, per: day, limit: 1, limit_usd: 1}\n", "line 2: budgets.0.limit"),
        (f"webhook: https://h/x\nwebhook_from: A\nbudgets:\n{RULE}\n", "document: webhook and webhook_from"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Whatever is wrong in the file, the error names the file, the line and the rule."""
    path = tmp_path / "budgets.yaml"
    path.write_text(text)
    with pytest.raises(BudgetFileError) as caught:
        Budgets.read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://h/SECRET", "https://SECRET@", "SECRET", "https://h/SECRET x", "http://h:x/SECRET"]
)
def test_a_wrong_webhook_is_refused_without_repeating_it(url: str) -> None:
    """An address may hold a secret: neither the message nor what it is chained to shows it."""
    with pytest.raises(BudgetFileError, match=r"line 1: webhook: a webhook is an address") as caught:
        Budgets.parse(f"webhook: '{url}'\nbudgets:\n{RULE}\n", "budgets.yaml")
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """A missing file and one that is no text are errors of the same kind."""
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "missing.yaml", binary):
        with pytest.raises(BudgetFileError, match="cannot be read as UTF-8 text"):
            Budgets.read(path)
