"""The picture of an evaluation: one dot per pair, cost ratio on a logarithmic axis, coloured by regime.

An `Evaluation` comes in; out goes a self-contained SVG that any browser shows.
"""

from __future__ import annotations

import math
from html import escape
from typing import Final

from costcraft.evaluate import Evaluation, Regime
from costcraft.statistics import Interval

COLOURS: Final = {
    Regime.PASS_PASS: "#3b7dd8",
    Regime.REGRESSION: "#d1352b",
    Regime.RECOVERY: "#2a9d4a",
    Regime.FAIL_FAIL: "#8a8a8a",
    Regime.PARTIAL_UP: "#7cc48d",
    Regime.PARTIAL_DOWN: "#e3938d",
    Regime.UNJUDGED: "#c9b458",
}
_LEFT, _WIDTH, _ROW, _TOP = 220, 480, 18, 60


def cost_ratio_svg(evaluation: Evaluation) -> str:
    """Return an SVG of every pair with a known cost ratio, cheapest first, and the total ratio with its interval."""
    pairs = sorted((p for p in evaluation.pairs if p.cost_ratio), key=lambda p: (p.cost_ratio or 0, p.task_id))
    ratios = [pair.cost_ratio for pair in pairs if pair.cost_ratio]
    reach = max([math.log2(2), *(abs(math.log2(ratio)) for ratio in ratios)])
    rows = [_dot(index, pair.task_id, pair.cost_ratio or 1, pair.regime, reach) for index, pair in enumerate(pairs)]
    height = _TOP + _ROW * (len(pairs) + 2)
    total = evaluation.total_cost_ratio
    band = _band(total, reach, height) if total else ""
    centre = _x(1.0, reach)
    title = f"Cost of {evaluation.candidate} over {evaluation.baseline}, by task"
    said = f"{evaluation.verdict}; total ratio {total:.3f}" if total else str(evaluation.verdict)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 40}" height="{height}">',
            "<style>text { font: 11px sans-serif }</style>",
            f'<text x="10" y="20">{escape(title)}</text>',
            f'<text x="10" y="38">{escape(said)}</text>',
            band,
            f'<line x1="{centre:.1f}" x2="{centre:.1f}" y1="{_TOP - 10}" y2="{height - 20}" stroke="#444"/>',
            *(_tick(factor, reach, height) for factor in (2**-reach, 1.0, 2**reach)),
            *rows,
            "</svg>",
        ]
    )


def _x(ratio: float, reach: float) -> float:
    return _LEFT + _WIDTH / 2 * (1 + max(-1.0, min(1.0, math.log2(ratio) / reach)))


def _dot(index: int, task_id: str, ratio: float, regime: Regime, reach: float) -> str:
    y = _TOP + _ROW * index
    label = escape(f"{task_id}: {ratio:.3f}, {regime}")
    return (
        f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(task_id[:34])}</text>'
        f'<circle cx="{_x(ratio, reach):.1f}" cy="{y}" r="5" fill="{COLOURS[regime]}"><title>{label}</title></circle>'
    )


def _band(total: Interval, reach: float, height: int) -> str:
    low, high = _x(max(total.low, 2**-reach), reach), _x(max(total.high, 2**-reach), reach)
    return (
        f'<rect x="{low:.1f}" y="{_TOP - 10}" width="{high - low:.1f}" height="{height - _TOP - 10}" fill="#3b7dd822"/>'
    )


def _tick(ratio: float, reach: float, height: int) -> str:
    return f'<text x="{_x(ratio, reach):.1f}" y="{height - 6}" text-anchor="middle">{ratio:.2f}</text>'
