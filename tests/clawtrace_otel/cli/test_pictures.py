"""Trees and flame graphs: the money that stands in them is the session's."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawtrace_otel.cli.flame_graph import html_page, speedscope, svg
from clawtrace_otel.cli.output import usd
from clawtrace_otel.cli.steps import StepNode, StepTree, own_usd, tree_of
from clawtrace_otel.cli.tree import MOST_STEPS, rich_tree


def node(number: int, parent: int | None, amount: Decimal | None = Decimal(1), name: str = "step") -> StepNode:
    """Return a tool step."""
    return StepNode(
        step_id=f"s{number}",
        parent_step_id=None if parent is None else f"s{parent}",
        kind="tool",
        name=name,
        error_type=None,
        self_usd=amount,
        carried_usd=None,
    )


def tree(*nodes: StepNode) -> StepTree:
    """Return the tree of steps in causal order."""
    return tree_of({made.step_id: made for made in nodes})


amounts = st.none() | st.decimals(min_value=0, max_value=100, places=12)
trees = st.lists(st.tuples(st.none() | st.integers(0, 30), amounts), max_size=30).map(
    lambda drawn: tree(*(node(number, parent, amount) for number, (parent, amount) in enumerate(drawn)))
)


@given(trees)
def test_every_dollar_stands_in_the_tree_once(drawn: StepTree) -> None:
    """Whatever the parents, every step is walked once and the roots sum up to all steps."""
    assert sorted(step.step_id for _, step in drawn.walk()) == sorted(drawn.nodes)
    known = [step.self_usd for step in drawn.nodes.values() if step.self_usd is not None]
    assert drawn.session_usd == (sum(known, Decimal(0)) if known else None)


@given(trees)
def test_speedscope_weighs_every_dollar_once(drawn: StepTree) -> None:
    """The weights are micro-dollars and sum up to the session; every frame index exists."""
    document = json.loads(speedscope(drawn, "a session"))
    profile = document["profiles"][0]
    assert abs(sum(profile["weights"]) - float((drawn.session_usd or 0) * 1_000_000)) < 1e-3
    assert len(profile["weights"]) == len(profile["samples"])
    assert all(0 <= frame < len(document["shared"]["frames"]) for stack in profile["samples"] for frame in stack)


def test_boxes_lie_under_their_parents() -> None:
    """In the picture a child is as wide as its share and lies within its parent."""
    drawn = svg(tree(node(0, None, Decimal(0)), node(1, 0, Decimal(3)), node(2, 0, Decimal(1))), "a session")
    boxes = [(float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"', drawn)]
    assert boxes == [(0.0, 1200.0), (0.0, 900.0), (900.0, 300.0)]


def test_hostile_names_stay_text() -> None:
    """Names and ids cannot break out of the markup or steer a terminal, and the picture stays well-formed."""
    hostile = "</text><script>alert(1)</script>\x1b[2J\x00\n"
    made = tree(node(0, None, name=hostile))
    page = html_page(made, hostile)
    assert "<script>" not in page
    assert "\x1b" not in page
    ElementTree.fromstring(svg(made, hostile))
    assert "\x1b" not in str(rich_tree(made, hostile).children[0].label)


def test_an_unpriced_session_has_an_empty_picture() -> None:
    """Steps without a price are drawn in the tree as unknown and take no width."""
    made = tree(node(0, None, None), node(1, 0, None))
    assert str(rich_tree(made, "a session").label) == "a session  -"
    assert str(rich_tree(made, "a session").children[0].label) == "tool step  -  self -"
    assert "<rect" not in svg(made, "a session")
    assert json.loads(speedscope(made, "a session"))["profiles"][0]["samples"] == []


def test_a_known_cost_is_known_above_it_and_nowhere_else() -> None:
    """What stands over a priced step has its cost; what stands beside it stays unknown."""
    made = tree(node(0, None, None), node(1, 0, Decimal(3)), node(2, 0, None))
    assert [made.total_usd[step_id] for step_id in ("s0", "s1", "s2")] == [Decimal(3), Decimal(3), None]


@pytest.mark.parametrize("below", [(Decimal(0), None), (None, Decimal(0))])
def test_an_unknown_cost_does_not_turn_into_nothing_above_it(below: tuple[Decimal | None, ...]) -> None:
    """An agent that bills nothing itself costs an unknown amount where a call under it does, in whatever order."""
    made = tree(node(0, None, Decimal(0)), *(node(number, 0, amount) for number, amount in enumerate(below, 1)))
    assert made.total_usd["s0"] is None
    assert str(rich_tree(made, "a session").children[0].label) == "tool step  -  self $0.00"


@pytest.mark.parametrize(
    ("billed", "attributed", "own"), [("0.3", "0", "0"), ("0.3", "0.1", "0.1"), (None, "0", None), (None, "0.1", "0.1")]
)
def test_a_call_without_a_price_did_not_cost_nothing(billed: str | None, attributed: str, own: str | None) -> None:
    """Zero is what a priced call passed on in full; a call that nobody could price shows no figure."""
    bill = None if billed is None else Decimal(billed)
    assert own_usd(bill, Decimal(attributed)) == (None if own is None else Decimal(own))


def test_a_huge_tree_is_cut() -> None:
    """A tree of many steps says how many it leaves out."""
    drawn = rich_tree(tree(*(node(number, None) for number in range(MOST_STEPS + 5))), "a session")
    assert "5 more steps" in str(drawn.children[-1].label)


def test_money_for_people() -> None:
    """At least cents, no trailing noise, unknown is a dash, and tiny amounts are not shown as zero."""
    shown = [usd(Decimal(amount)) for amount in ("0", "1.5", "0.013904", "1234.5", "0.00000001")]
    assert [*shown, usd(None)] == ["$0.00", "$1.50", "$0.013904", "$1,234.50", "$1.0e-8", "-"]
