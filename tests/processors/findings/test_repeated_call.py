"""The case matrix of repeated calls: what fires, and what is near it and must not."""

from __future__ import annotations

import pytest

from processors.effects import Access, ToolRule
from processors.model import ToolDefinition
from tests.processors.findings.stories import OTHER, REPORT, announced, call, delegate, findings, flagged, told
from tests.simulator.recording import NO_CONTENT

DETECTOR = "repeated_call"


def test_reading_again_what_nobody_changed() -> None:
    """A second read of an unchanged file is waste, and names the first read as what it repeats."""
    session = told(call("a", "read_file", REPORT, path="report.csv"), call("b", "read_file", REPORT, path="report.csv"))
    (found,) = findings(session, DETECTOR)
    assert (found.step_ids, found.related_step_ids, found.soft) == (("b",), ("a",), False)
    assert found.evidence["count"] == 2


def test_what_a_repeat_cost_and_would_have_saved() -> None:
    """A repeat's saving holds the whole turn that it took; its waste is what the ledger gave it."""
    session = told(call("a", "read_file", REPORT, path="report.csv"), call("b", "read_file", REPORT, path="report.csv"))
    (found,) = findings(session, DETECTOR)
    assert found.wasted_usd is not None
    assert found.saving_usd is not None
    assert 0 < found.wasted_usd < found.saving_usd


@pytest.mark.parametrize(
    ("option", "wasted"),
    [({"limit": 5}, set()), ({"sheet_name": "b"}, set()), ({"verbose": True}, {"b"})],
    ids=["pages", "names", "neither"],
)
def test_an_option_that_one_of_two_calls_has(option: dict[str, object], wasted: set[str]) -> None:
    """An option that chooses a part or names a thing asks something else; any other does not while answers agree."""
    path = "reports/of/the/whole/year/by/region/and/by/quarter/for/everyone/to/read/figures.csv"
    session = told(call("a", "read_file", REPORT, path=path), call("b", "read_file", REPORT, path=path, **option))
    assert flagged(session, DETECTOR) == wasted


def test_reading_again_after_a_write_to_the_same_file() -> None:
    """Checking one's own edit is work."""
    session = told(
        call("a", "read_file", REPORT, path="report.csv"),
        call("w", "edit_file", "Edited.", path="./report.csv", new="x"),
        call("b", "read_file", f"{REPORT}eastern,99\n", path="report.csv"),
    )
    assert flagged(session, DETECTOR) == set()


def test_reading_again_after_a_write_to_another_file() -> None:
    """A write to another target does not excuse a repeat."""
    session = told(
        call("a", "read_file", REPORT, path="report.csv"),
        call("w", "edit_file", "Edited.", path="other.csv", new="x"),
        call("b", "read_file", REPORT, path="report.csv"),
    )
    assert flagged(session, DETECTOR) == {"b"}


def test_an_edit_that_changed_nothing_is_checked() -> None:
    """One write to the target between two equal answers excuses the second: it found out that nothing changed."""
    session = told(
        call("a", "read_file", REPORT, path="report.csv"),
        call("w", "edit_file", "Edited.", path="report.csv", new="x"),
        call("b", "read_file", REPORT, path="report.csv"),
    )
    assert findings(session, DETECTOR) == []


def test_an_edit_and_its_revert_make_a_soft_finding() -> None:
    """Equal answers around an edit and its revert are suspected, not claimed."""
    session = told(
        call("a", "read_file", REPORT, path="report.csv"),
        call("w", "edit_file", "Edited.", path="report.csv", old="1", new="2"),
        call("r", "edit_file", "Edited.", path="report.csv", old="2", new="1"),
        call("b", "read_file", REPORT, path="report.csv"),
    )
    (found,) = findings(session, DETECTOR)
    assert (found.step_ids, found.soft) == (("b",), True)


def test_pages_of_one_file() -> None:
    """Calls that differ in their offset ask different questions."""
    pages = [call(f"p{n}", "read_file", f"{REPORT}page {n}", path="long.csv", offset=n * 100) for n in range(4)]
    assert flagged(told(*pages), DETECTOR) == set()


def test_pages_with_equal_content() -> None:
    """Even where two pages are equal, their offsets make them different questions."""
    pages = [call(f"p{n}", "read_file", REPORT, path="long.csv", offset=n * 100, limit=100) for n in range(3)]
    assert flagged(told(*pages), DETECTOR) == set()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"query": "population of Austria"}, {"query": "population of Australia"}),
        ({"path": "app-2026-03-11.log"}, {"path": "app-2026-03-12.log"}),
        ({"command": "sleep 5"}, {"command": "sleep 10"}),
        ({"user_id": "mia_li_3668"}, {"user_id": "mia_li_3669"}),
        ({"city": "Paris", "units": "metric"}, {"city": "Parma", "units": "metric"}),
    ],
)
def test_similar_arguments_with_another_meaning(first: dict[str, object], second: dict[str, object]) -> None:
    """Another name, number or id is another question, even where the answers are equal."""
    session = told(call("a", "read_info", REPORT, **first), call("b", "read_info", REPORT, **second))
    assert flagged(session, DETECTOR) == set()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"path": "report.csv"}, {"path": "./report.csv"}),
        ({"path": "/work/report.csv"}, {"path": "/work//report.csv"}),
        ({"path": "report.csv", "description": "Look"}, {"path": "report.csv", "description": "Look once more"}),
        ({"query": "northern region sales of last year"}, {"query": "the northern region sales last year"}),
        ({"path": "report.csv", "encoding": None}, {"path": "report.csv"}),
    ],
)
def test_one_question_written_in_two_ways(first: dict[str, object], second: dict[str, object]) -> None:
    """Spelling of paths, explanations and idle options do not make another question."""
    session = told(call("a", "read_file", REPORT, **first), call("b", "read_file", REPORT, **second))
    assert flagged(session, DETECTOR) == {"b"}


def test_polling_until_something_changes() -> None:
    """Equal answers before a changed one are polling, not repetition."""
    states = ['{"state": "running"}'] * 4 + ['{"state": "done"}']
    session = told(*(call(f"p{n}", "get_job_status", state, id="job-1") for n, state in enumerate(states)))
    assert findings(session, DETECTOR) == []
    (poll,) = findings(session, "poll_loop")
    assert (poll.step_ids, poll.soft) == (("p1", "p2", "p3"), True)


def test_a_file_that_someone_else_changed() -> None:
    """Reads before an unexplained change were a look-out, not repetition."""
    session = told(
        call("a", "read_file", REPORT, path="out.csv"),
        call("b", "read_file", REPORT, path="out.csv"),
        call("c", "read_file", OTHER, path="out.csv"),
    )
    assert findings(session, DETECTOR) == []


def test_a_state_asked_for_again_while_it_is_pending() -> None:
    """Asking again for something that is pending is never repetition, however long it stays so."""
    session = told(*(call(f"p{n}", "get_job_status", '{"state": "pending"}', id="job-1") for n in range(2)))
    assert findings(session, DETECTOR) == []


def test_a_retry_that_succeeds() -> None:
    """A call that failed first is repaired, not repeated."""
    session = told(
        call("a", "fetch_rates", "503 Service Unavailable", "503", currency="EUR"),
        call("b", "fetch_rates", REPORT, currency="EUR"),
    )
    assert findings(session, DETECTOR) == []


def test_the_same_call_by_two_parallel_sub_agents() -> None:
    """Two sub-agents do not know of each other's answers: neither repeats the other."""
    session = told(
        (
            delegate("left", call("a", "read_file", REPORT, path="report.csv"), "Northern is 1200."),
            delegate("right", call("b", "read_file", REPORT, path="report.csv"), "Northern is 1200 here too."),
        ),
    )
    assert flagged(session, DETECTOR) == set()


def test_the_same_call_twice_in_one_turn() -> None:
    """A model that asks for the same thing twice at once repeats itself."""
    session = told((call("a", "read_file", REPORT, path="r.csv"), call("b", "read_file", REPORT, path="r.csv")))
    assert flagged(session, DETECTOR) == {"b"}


def test_a_repeated_write() -> None:
    """Doing something twice is not asking twice."""
    session = told(*(call(f"w{n}", "send_email", f"Queued for delivery. {REPORT}", to="a@b.example") for n in range(2)))
    assert findings(session, DETECTOR) == []


def test_acknowledgements_of_unknown_tools() -> None:
    """Equal short acknowledgements of a tool of unknown effect show nothing."""
    session = told(*(call(f"x{n}", "advance", "ok", by=1) for n in range(3)))
    assert findings(session, DETECTOR) == []


def test_a_tool_that_an_mcp_server_calls_read_only() -> None:
    """A hint goes before the verb in a tool's name."""
    story = told(*(call(f"x{n}", "update_view", "ok", id="7") for n in range(2)))
    assert flagged(story, DETECTOR) == set()
    hinted = announced(story, ToolDefinition(name="update_view", read_only_hint=True))
    assert flagged(hinted, DETECTOR) == {"x1"}


def test_a_write_that_an_mcp_server_announced() -> None:
    """A tool that a server calls writing excuses a repeat of what it writes to."""
    story = told(
        call("a", "read_file", REPORT, path="r.csv"),
        call("w", "reconcile", "ok", path="r.csv"),
        call("b", "read_file", REPORT, path="r.csv"),
    )
    assert flagged(story, DETECTOR) == {"b"}
    assert flagged(announced(story, ToolDefinition(name="reconcile", destructive_hint=True)), DETECTOR) == set()


def test_a_users_rule_for_a_tool() -> None:
    """A user's mapping goes before the verb in a tool's name."""
    story = told(*(call(f"x{n}", "crm_sync", "ok", id="7") for n in range(2)))
    rule = ToolRule(pattern="crm_*", access=Access.READ)
    assert (flagged(story, DETECTOR), flagged(story, DETECTOR, rule)) == (set(), {"x1"})


@pytest.mark.parametrize("command", ["cat report.csv", "head -n 50 report.csv | grep n", "git status && git diff"])
def test_shell_commands_that_read(command: str) -> None:
    """A shell command whose verbs only read repeats itself."""
    session = told(*(call(f"x{n}", "Bash", REPORT, command=command) for n in range(2)))
    assert flagged(session, DETECTOR) == {"x1"}


@pytest.mark.parametrize(
    "command", ["sed -i s/1/2/ report.csv", "echo x >> report.csv", "rm report.csv", "git checkout main"]
)
def test_shell_commands_that_write_between_reads(command: str) -> None:
    """A shell command that writes to a file excuses reading that file again."""
    session = told(
        call("a", "Bash", REPORT, command="cat report.csv"),
        call("w", "Bash", "", command=command),
        call("b", "Bash", REPORT, command="cat report.csv"),
    )
    assert flagged(session, DETECTOR) == set()


def test_a_command_of_unknown_effect_between_equal_answers() -> None:
    """Equal answers show that a command of unknown effect changed nothing; where they are unknown it may have."""
    parts = (
        call("a", "Bash", REPORT, command="cat report.csv"),
        call("w", "Bash", "trained", command="python train.py"),
        call("b", "Bash", REPORT, command="cat report.csv"),
    )
    assert flagged(told(*parts), DETECTOR) == {"b"}
    assert flagged(told(*parts, capture=NO_CONTENT), DETECTOR) == set()


def test_answers_that_differ_only_in_their_time() -> None:
    """A time, a duration or a request's number in an answer does not make it another answer."""
    session = told(
        call(
            "a",
            "web_fetch",
            f"{REPORT}fetched 2026-03-11T10:00:00Z in 0.31 s, request id: 77ab21",
            url="http://x.example",
        ),
        call(
            "b",
            "web_fetch",
            f"{REPORT}fetched 2026-03-11T10:02:07Z in 0.29 s, request id: 90fe33",
            url="http://x.example",
        ),
    )
    assert flagged(session, DETECTOR) == {"b"}


def test_asking_for_the_time_again() -> None:
    """A clock's answer is new by nature."""
    session = told(
        *(call(f"x{n}", "get_current_time", "It is 10:00 on a fine day in spring", zone="UTC") for n in range(2))
    )
    assert findings(session, DETECTOR) == []


def test_reading_again_what_was_compacted_away() -> None:
    """An answer that left the prompt has to be asked for again."""
    parts = (
        call("a", "read_file", REPORT * 40, path="report.csv"),
        call("x", "read_file", OTHER * 40, path="other.csv"),
        call("b", "read_file", REPORT * 40, path="report.csv"),
    )
    assert flagged(told(*parts), DETECTOR) == {"b"}
    assert flagged(told(*parts, compact_above=2_500), DETECTOR) == set()


def test_without_results_equal_arguments_are_enough() -> None:
    """Where results were not captured, a repeat with nothing possibly written between fires and says so."""
    parts = (call("a", "read_file", REPORT, path="report.csv"), call("b", "read_file", REPORT, path="report.csv"))
    (found,) = findings(told(*parts, capture=NO_CONTENT), DETECTOR)
    assert (found.step_ids, "not captured" in found.note) == (("b",), True)


def test_without_results_the_same_call_on_end_may_be_a_poll() -> None:
    """Three equal calls on end with unknown answers are suspected only; with other work between, they are waste."""
    same = [call(f"x{n}", "fetch_page", REPORT, page="start") for n in range(3)]
    (found,) = findings(told(*same, capture=NO_CONTENT), DETECTOR)
    assert (found.step_ids, found.soft) == (("x1", "x2"), True)
    apart = (
        same[0],
        call("a", "read_file", OTHER, path="a"),
        same[1],
        call("b", "read_file", OTHER, path="b"),
        same[2],
    )
    assert flagged(told(*apart, capture=NO_CONTENT), DETECTOR) == {"x1", "x2"}


def test_without_results_answers_of_another_length_differ() -> None:
    """Where results were not captured, their token counts still show that an answer changed."""
    parts = (call("a", "read_file", REPORT, path="out.csv"), call("b", "read_file", REPORT * 5, path="out.csv"))
    assert flagged(told(*parts, capture=NO_CONTENT), DETECTOR) == set()
