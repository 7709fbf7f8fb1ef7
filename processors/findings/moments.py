"""Normalises dates and times of day, so that `2024-05-17T16:00` and 'May 17 at 4 PM' compare equal."""

from __future__ import annotations

import re
from collections.abc import Iterator

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
ISO = re.compile(r"\b\d{4}-(?P<month>\d\d)-(?P<day>\d\d)")
WRITTEN = (
    re.compile(rf"\b{MONTH} {DAY}\b", re.IGNORECASE),
    re.compile(rf"\b{DAY}(?: of)? {MONTH}\b", re.IGNORECASE),
)
CLOCK = re.compile(
    r"(?<![\d:])(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::\d\d)?(?:\s?(?P<half>[ap])\.?m\b)?|\s?(?P<bare>[ap])\.?m\b)",
    re.IGNORECASE,
)
ISO_HINT = re.compile(r"-\d\d-\d\d")
WRITTEN_HINT = re.compile(rf" (?:(?<=[a-z.] )\d|(?<=[\ddfht] )(?:{'|'.join(MONTHS)}))")
CLOCK_HINT = re.compile(r":\d\d")
BARE_HINT = re.compile(r"m(?:(?<=[\s\d][ap]m)|(?<=[\s\d][ap]\.m))\b")
"""Each hint occurs in every text that its full pattern matches. It starts with a literal character, for which a text is
searched many times faster than for a digit class; most texts contain no date or time."""
NOON = 12
HOURS = 24


def moments(text: str) -> Iterator[str]:
    """List the days (without year) and times of day that a text names."""
    folded = text.casefold()
    if ISO_HINT.search(folded):
        yield from _dates(text)
    if WRITTEN_HINT.search(folded):
        yield from _written_days(text)
    if CLOCK_HINT.search(folded) or BARE_HINT.search(folded):
        yield from _times(text)


def _dates(text: str) -> Iterator[str]:
    for match in ISO.finditer(text):
        yield f"day {int(match['month'])}-{int(match['day'])}"


def _written_days(text: str) -> Iterator[str]:
    for pattern in WRITTEN:
        for match in pattern.finditer(text):
            yield f"day {MONTHS.index(match['month'].lower()) + 1}-{int(match['day'])}"


def _times(text: str) -> Iterator[str]:
    for match in CLOCK.finditer(text):
        hour, half = int(match["hour"]), (match["half"] or match["bare"] or "").lower()
        if hour >= HOURS:
            continue
        if half:
            hour = hour % NOON + (NOON if half == "p" else 0)
        yield f"time {hour}:{match['minute'] or '00'}"
