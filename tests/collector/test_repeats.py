"""What keeps happening is logged once in a while."""

from __future__ import annotations

from collector.repeats import Repeats


def test_what_keeps_coming_is_said_now_and_then() -> None:
    """The first one is said, those after it are counted, and another message is said at once."""
    now = 0.0
    repeats = Repeats(every_s=30.0, clock=lambda: now)
    assert repeats.worth_saying("full") == "full"
    assert [repeats.worth_saying("full") for _ in range(9)] == [None] * 9
    now = 30.0
    assert repeats.worth_saying("full") == "full (9 more times since)"
    assert repeats.worth_saying("full") is None
    assert repeats.worth_saying("broken") == "broken"
    assert repeats.worth_saying("full") == "full"
