"""A step tree as a flame graph: width is USD, depth is who caused whom.

Formats: speedscope's file format (https://www.speedscope.app/file-format-schema.json, 'sampled' profile) and SVG 1.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.output import shown, usd

if TYPE_CHECKING:
    from clawtrace_otel.cli.steps import StepNode, StepTree

_WIDTH: Final = 1200
_ROW: Final = 20
_LETTER: Final = 6.6
_NARROWEST: Final = 0.3
"""Pixels below which a step is not drawn."""
_COLOURS: Final = {
    "llm": "#e8a15c",
    "embedding": "#e8c15c",
    "tool": "#6fa8dc",
    "agent": "#93c47d",
    "context": "#bbbbbb",
}
_OTHER: Final = "#d9d2e9"


def speedscope(tree: StepTree, title: str) -> str:
    """Return a speedscope document; one sample per step, weighed in micro-dollars of its own cost."""
    frames: dict[str, int] = {}
    samples: list[list[int]] = []
    weights: list[float] = []
    stack: list[int] = []
    for depth, node in tree.walk():
        del stack[depth:]
        stack.append(frames.setdefault(shown(node.label), len(frames)))
        if node.self_usd:
            samples.append(list(stack))
            weights.append(float(node.self_usd * 1_000_000))
    profile = {
        "type": "sampled",
        "name": f"{title} (micro-USD)",
        "unit": "none",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }
    document = {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": "clawtrace",
        "name": title,
        "shared": {"frames": [{"name": name} for name in frames]},
        "profiles": [profile],
    }
    return json.dumps(document, ensure_ascii=False) + "\n"


def svg(tree: StepTree, title: str) -> str:
    """Return one SVG image that needs nothing else; a step's figures appear when the pointer rests on it."""
    boxes = list(_boxes(tree))
    height = (max((depth for depth, *_ in boxes), default=0) + 2) * _ROW + 4
    head = f'<text x="4" y="14" font-weight="bold">{_words(title)}  {usd(tree.session_usd)}</text>'
    drawn = "\n".join(_rectangle(tree, *box) for box in boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'font-family="monospace" font-size="11">\n{head}\n{drawn}\n</svg>\n'
    )


def html_page(tree: StepTree, title: str) -> str:
    """Return one HTML page that needs nothing else."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_words(title)}</title></head>\n'
        f"<body>\n{svg(tree, title)}</body></html>\n"
    )


def _boxes(tree: StepTree) -> Iterator[tuple[int, float, float, StepNode]]:
    """Yield (depth, left, width, step) in pixels; children lie side by side from their parent's left edge."""
    whole = tree.session_usd
    if not whole:
        return
    edges: list[Decimal] = [Decimal(0)]
    for depth, node in tree.walk():
        del edges[depth + 1 :]
        left, cost = edges[depth], tree.total_usd[node.step_id] or Decimal(0)
        edges[depth] = left + cost
        edges.append(left)
        width = float(cost / whole) * _WIDTH
        if width >= _NARROWEST:
            yield depth, float(left / whole) * _WIDTH, width, node


def _rectangle(tree: StepTree, depth: int, left: float, width: float, node: StepNode) -> str:
    top = (depth + 1) * _ROW
    total = usd(tree.total_usd[node.step_id])
    own = f"{usd(node.self_usd)}, of which carried: {usd(node.carried_usd)}"
    found = f"\n{', '.join(node.findings)}" if node.findings else ""
    tip = f"{shown(node.label)}\nwith all below: {total}\nby itself: {own}{found}"
    letters = int(width / _LETTER) - 1
    words = shown(node.label)
    label = words if len(words) <= letters else f"{words[: letters - 1]}…" if letters > 2 else ""  # noqa: PLR2004 - two letters say nothing
    edge = "#cc0000" if node.error_type is not None or node.findings else "#ffffff"
    return (
        f'<g><title>{escape(tip)}</title><rect x="{left:.2f}" y="{top}" width="{width:.2f}" height="{_ROW - 1}" '
        f'fill="{_COLOURS.get(node.kind, _OTHER)}" stroke="{edge}" stroke-width="0.5"/>'
        f'<text x="{left + 3:.2f}" y="{top + 13}">{_words(label)}</text></g>'
    )


def _words(text: str) -> str:
    return escape(shown(text))
