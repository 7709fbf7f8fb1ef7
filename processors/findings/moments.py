"""Dates and times of day in one spelling, so that `2024-05-17T16:00` and 'May 17 at 4 PM' are seen to be the same."""

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
NOON = 12
HOURS = 24


def moments(text: str) -> Iterator[str]:
    """List the days (without year) and times of day that a text names."""
    for match in ISO.finditer(text):
        yield f"day {int(match['month'])}-{int(match['day'])}"
    small = text.lower()
    for pattern in WRITTEN if any(month in small for month in MONTHS) else ():
        for match in pattern.finditer(text):
            yield f"day {MONTHS.index(match['month'].lower()) + 1}-{int(match['day'])}"
    for match in CLOCK.finditer(text):
        hour, half = int(match["hour"]), (match["half"] or match["bare"] or "").lower()
        if hour >= HOURS:
            continue
        if half:
            hour = hour % NOON + (NOON if half == "p" else 0)
        yield f"time {hour}:{match['minute'] or '00'}"
