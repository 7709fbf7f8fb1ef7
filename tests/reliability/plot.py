"""Curves over time as a self-contained SVG, one panel under another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_LEFT, _WIDTH, _HEIGHT, _GAP, _TOP = 60, 640, 110, 44, 40
_COLOUR: Final = "#3b7dd8"


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    """With its unit."""
    values: Sequence[float]


def curves_svg(title: str, seconds: Sequence[float], panels: Sequence[Panel]) -> str:
    """Return an SVG in which every panel starts at zero and shares the axis of seconds."""
    height = _TOP + len(panels) * (_HEIGHT + _GAP)
    drawn = [_panel(panel, seconds, _TOP + number * (_HEIGHT + _GAP)) for number, panel in enumerate(panels)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 40}" height="{height}">',
            "<style>text { font: 11px sans-serif }</style>",
            f'<rect width="100%" height="100%" fill="#fff"/><text x="10" y="20">{escape(title)}</text>',
            *drawn,
            "</svg>\n",
        ]
    )


def _panel(panel: Panel, seconds: Sequence[float], top: int) -> str:
    longest, most = max(seconds), max(panel.values) or 1.0
    points = " ".join(
        f"{_LEFT + _WIDTH * at / longest:.1f},{top + _HEIGHT * (1 - value / most):.1f}"
        for at, value in zip(seconds, panel.values, strict=True)
    )
    bottom = top + _HEIGHT
    return (
        f'<text x="{_LEFT}" y="{top - 6}">{escape(panel.title)}</text>'
        f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#bbb"/>'
        f'<text x="{_LEFT - 6}" y="{top + 9}" text-anchor="end">{most:,.0f}</text>'
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">0</text>'
        f'<text x="{_LEFT + _WIDTH}" y="{bottom + 14}" text-anchor="end">{longest:.0f} s</text>'
        f'<polyline points="{points}" fill="none" stroke="{_COLOUR}" stroke-width="1.5"/>'
    )
