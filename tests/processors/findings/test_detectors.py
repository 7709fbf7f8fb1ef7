"""Every other detector: where it fires, and a near miss where it must not."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from processors.findings import gaps
from processors.model import Message, ModelCall, Reasoning, Session, Text, ToolRequest
from tests.processors.findings.stories import OTHER, REPORT, call, delegate, findings, flagged, told, view_of
from tests.simulator.agent import run
from tests.simulator.plan import Plan, Turn
from tests.simulator.provider import AutomaticCache
from tests.simulator.recording import NO_CONTENT, Capture, record
from tests.simulator.tokens import Tokenizer

MISSING = "Error: no such file"
HITS = '[{"title": "Northern sales", "url": "http://a.example/1"}, {"title": "Western sales", "url": "http://a.example/2"}]'


def test_the_same_failing_call_again() -> None:
    """A failing call repeated unchanged with the same error is waste; the first failure is not."""
    session = told(*(call(f"x{n}", "read_file", MISSING, "ENOENT", path="gone.yml") for n in range(3)))
    (found,) = findings(session, "failed_retry")
    assert (found.step_ids, found.related_step_ids) == (("x1", "x2"), ("x0",))


def test_a_failing_shell_command_again() -> None:
    """The same failing command again, with nothing changed between, is waste."""
    session = told(*(call(f"x{n}", "Bash", "1 failed: test_sum", "exit_code_1", command="pytest -q") for n in range(2)))
    assert flagged(session, "failed_retry") == {"x1"}


def test_running_failing_tests_again_after_an_edit() -> None:
    """A test that still fails after the code was changed was worth running."""
    session = told(
        call("a", "Bash", "1 failed: test_sum", "exit_code_1", command="pytest -q"),
        call("w", "Edit", "Edited.", file_path="sum.py", old_string="1", new_string="2"),
        call("b", "Bash", "1 failed: test_sum", "exit_code_1", command="pytest -q"),
    )
    assert flagged(session, "failed_retry") == set()


def test_retries_that_at_last_succeed() -> None:
    """Retries of a passing failure were needed, also those that failed."""
    session = told(
        call("a", "fetch_rates", "503 Service Unavailable", "503", currency="EUR"),
        call("b", "fetch_rates", "503 Service Unavailable", "503", currency="EUR"),
        call("c", "fetch_rates", REPORT, currency="EUR"),
    )
    assert flagged(session, "failed_retry") == set()


def test_three_failing_reads_of_different_offsets() -> None:
    """A changed call is another try."""
    session = told(*(call(f"x{n}", "read_file", MISSING, "ENOENT", path="gone.yml", offset=n * 50) for n in range(3)))
    assert flagged(session, "failed_retry") == set()


def test_the_same_call_with_another_error() -> None:
    """Another error is news."""
    session = told(
        call("a", "read_file", MISSING, "ENOENT", path="gone.yml"),
        call("b", "read_file", "Error: permission denied", "EACCES", path="gone.yml"),
    )
    assert flagged(session, "failed_retry") == set()


def test_a_poll_of_two() -> None:
    """Looking twice is no loop."""
    session = told(
        *(call(f"p{n}", "get_job_status", state, id="j") for n, state in enumerate(["running"] * 2 + ["done"]))
    )
    assert findings(session, "poll_loop") == []


def test_a_search_in_other_words_with_the_same_hits() -> None:
    """A search reworded without success is waste."""
    session = told(
        call("a", "web_search", HITS, query="northern region sales figures"),
        call("b", "web_search", HITS, query="figures for sales in the northern region by area"),
    )
    assert flagged(session, "rephrased_query") == {"b"}


def test_a_search_in_other_words_with_other_hits() -> None:
    """A search reworded with success is work."""
    session = told(
        call("a", "web_search", HITS, query="northern region sales figures"),
        call("b", "web_search", HITS.replace("Western", "Eastern"), query="figures for sales in the northern region"),
    )
    assert flagged(session, "rephrased_query") == set()


def test_searches_for_different_names() -> None:
    """Searches for Austria and for Australia are two questions, even where they find the same."""
    session = told(
        call("a", "web_search", HITS, query="sales figures of Austria"),
        call("b", "web_search", HITS, query="figures about sales for Australia"),
        call("c", "web_search", HITS, query="sales of 2023 in figures"),
        call("d", "web_search", HITS, query="figures: sales in 2024"),
    )
    assert flagged(session, "rephrased_query") == set()


@pytest.mark.parametrize(
    ("first", "then"),
    [("recipe for chocolate cake", "recipe for vanilla cake"), ("sales by region", "sales by quarter")],
)
def test_searches_for_another_thing_in_the_same_words(first: str, then: str) -> None:
    """A query in which one word gave way to another asks for something else, even where it finds the same."""
    session = told(call("a", "web_search", HITS, query=first), call("b", "web_search", HITS, query=then))
    assert flagged(session, "rephrased_query") == set()


def test_searches_that_find_nothing() -> None:
    """That two wordings both find nothing is worth knowing."""
    session = told(
        call("a", "web_search", "No results found.", query="northern region sales figures"),
        call("b", "web_search", "No results found.", query="figures for all sales by northern region"),
    )
    assert flagged(session, "rephrased_query") == set()


def test_a_round_of_calls_made_three_times() -> None:
    """A round of different calls with the same results three times over is a cycle; the first round is not waste."""
    rounds = [
        part
        for n in range(3)
        for part in (
            call(f"a{n}", "read_file", REPORT, path="a.csv"),
            call(f"b{n}", "Bash", "1 failed: assertion in test_sum at line 3", "exit_code_1", command="pytest -q"),
        )
    ]
    (found,) = findings(told(*rounds), "cycle")
    assert found.step_ids == ("a1", "b1", "a2", "b2")


def test_a_round_with_progress() -> None:
    """A round whose results move is work."""
    rounds = [
        part
        for n in range(4)
        for part in (
            call(f"a{n}", "read_file", f"{REPORT}row {n}\n", path="a.csv"),
            call(f"b{n}", "Bash", f"{4 - n} failed: assertions in test_sum", "exit_code_1", command="pytest -q"),
        )
    ]
    assert findings(told(*rounds), "cycle") == []


def test_a_result_that_was_never_used() -> None:
    """A read of which nothing appears later is unused."""
    session = told(
        call("a", "read_file", REPORT, path="a.csv"),
        call("b", "read_file", OTHER, path="b.csv"),
        "The forecast is 7100.",
    )
    assert flagged(session, "unused_result") == {"a"}


def test_a_result_used_in_a_later_argument() -> None:
    """A value that comes back in an argument was used."""
    session = told(
        call("a", "find_customer", '{"id": "C-77120", "email": "ada@mail.example", "tier": "gold"}', name="Ada"),
        call("b", "cancel_order", "Cancelled.", customer="C-77120"),
        "It is cancelled.",
    )
    assert flagged(session, "unused_result") == set()


def test_a_result_used_in_other_spelling() -> None:
    """Dates and figures are used however they are written."""
    row = '{"departure": "2026-05-17T16:00:00", "gate": "closed", "fare": "abc"}'
    for said in ("It leaves on May 17.", "It leaves at 4 PM.", "It leaves on the 17th of May."):
        session = told(call("a", "get_flight", row, number="XY1"), said)
        assert flagged(session, "unused_result") == set()


def test_a_result_that_was_computed_with() -> None:
    """A figure that stands nowhere else may be the sum of a result's figures."""
    session = told(call("a", "read_file", REPORT, path="a.csv"), "Together they sold 10200.")
    assert flagged(session, "unused_result") == set()


def test_a_negative_answer() -> None:
    """That something does not exist is worth knowing, although no word of it is repeated."""
    session = told(
        call("a", "search_orders", "No matching orders found for this customer", name="Ada"), "Nothing to do."
    )
    assert flagged(session, "unused_result") == set()


def test_usage_without_content() -> None:
    """Without content nothing can be said about use, and the gaps say so."""
    view = view_of(told(call("a", "read_file", REPORT, path="a.csv"), capture=NO_CONTENT))
    assert flagged(view.session, "unused_result") == set()
    assert any("unused results" in gap for gap in gaps(view))


def test_a_sub_agent_that_was_never_used() -> None:
    """A sub-agent of whose answer nothing appears later is unused, with all that it cost."""
    helper = delegate(
        "helper", call("a", "read_file", REPORT, path="a.csv"), "Northern sold least of the three regions."
    )
    session = told(helper, call("b", "read_file", OTHER, path="b.csv"), "The forecast begins with 7100.")
    (found,) = findings(session, "unused_sub_agent")
    assert found.step_ids == ("helper-agent",)
    assert found.saving_usd is not None
    assert found.saving_usd > (view_of(session).ledger.money("helper-agent").subtree or 0)


def test_a_sub_agent_that_was_used_or_acted() -> None:
    """A sub-agent whose answer is repeated, or that wrote something, did its work."""
    told_of = delegate("helper", call("a", "read_file", REPORT, path="a.csv"), "Northern sold least.")
    acted = delegate(
        "writer", call("w", "send_email", "Sent.", to="ada@mail.example"), "Everyone heard of the figures."
    )
    session = told(told_of, acted, "The northern one sold least.")
    assert flagged(session, "unused_sub_agent") == set()


@pytest.mark.parametrize(
    ("answered", "written"),
    [
        (
            "Northern sold least of the three regions.",
            "Sales were weakest in the north, so look at that regional office.",
        ),
        ("The sums per quarter are 8100 and 9300.", "Both quarters together make 17400."),
        ("I compared every row with the ledger. They are consistent.", "The forecast begins with 7100."),
        ("Rows 3 to 9 were compared with the ledger.", "The helper looked into it, so I am done."),
        ("Rows 3 to 9 were compared with the ledger.", "It was reviewed; the forecast begins with 7100."),
        ("Nothing stands out among the departments.", "The forecast begins with 7100."),
    ],
    ids=["paraphrased", "computed with", "a judgement inside", "named", "spoken of", "a negative answer"],
)
def test_a_sub_agent_that_was_used_in_other_words(answered: str, written: str) -> None:
    """A sub-agent whose answer comes back paraphrased, summed, as a judgement or by its name was of use."""
    helper = delegate("helper", call("a", "read_file", REPORT, path="a.csv"), answered)
    assert flagged(told(helper, call("b", "read_file", OTHER, path="b.csv"), written), "unused_sub_agent") == set()


def test_a_sub_agent_whose_use_nobody_saw() -> None:
    """Where what the parent wrote later was not captured, nothing is said about its sub-agent."""
    helper = delegate(
        "helper", call("a", "read_file", REPORT, path="a.csv"), "Northern sold least of the three regions."
    )
    session = told(helper, call("b", "read_file", OTHER, path="b.csv"), "The forecast begins with 7100.")
    last = max(step.started_at for step in session.steps if isinstance(step, ModelCall))
    unseen = tuple(
        replace(step, output_messages=None) if isinstance(step, ModelCall) and step.started_at == last else step
        for step in session.steps
    )
    assert flagged(replace(session, steps=unseen), "unused_sub_agent") == set()


def test_a_large_result_of_which_little_was_used() -> None:
    """A result that makes up much of the bill and of which one value was used is oversized."""
    rows = "".join(f"customer-{n}-{n * n:06d}\n" for n in range(900))
    later = [call(f"x{n}", "read_file", f"{REPORT}{n}", path=f"{n}.csv") for n in range(4)]
    session = told(call("big", "list_customers", rows), *later, "It is customer-7-000049.")
    (found,) = findings(session, "oversized_result")
    assert (found.step_ids, found.saving_usd) == (("big",), None)
    assert found.wasted_usd is not None
    assert 0 < found.wasted_usd < view_of(session).ledger.money("big").carried


def cached_plan(*, missed: bool = False, pause: float = 1.0) -> Plan:
    """Plan four turns over a prompt long enough to be cached; something happens before the third."""
    turns = [
        Turn(key=f"c{n}", calls=(call(f"t{n}", "read_file", f"{REPORT}{n}", path=f"{n}.csv"),), pause=1.0)
        for n in range(4)
    ]
    turns[2] = replace(turns[2], missed=missed, pause=pause)
    system = "You read tables and say what stands in them. " * 200
    return Plan(key="main", agent="main", system=system, task="Read.", turns=(*turns, Turn(key="c4", text="Read.")))


def recorded(plan: Plan) -> Session:
    """Run a plan against a caching provider."""
    return record(run(plan, AutomaticCache(), Tokenizer.draw(Random(1))), "openai")


def test_a_cache_that_broke() -> None:
    """An extended prompt that reads nothing from the cache paid for it afresh."""
    (found,) = findings(recorded(cached_plan(missed=True)), "cache_break")
    assert found.step_ids == ("c2",)
    assert found.wasted_usd is not None
    assert found.wasted_usd > 0


def test_a_cache_that_expired() -> None:
    """A first call and a pause that outlasts the cache break nothing."""
    assert findings(recorded(cached_plan()), "cache_break") == []
    assert findings(recorded(cached_plan(pause=3_600)), "cache_break") == []


def test_a_broken_cache_names_what_changed() -> None:
    """Where content was captured, the finding says where the prompt began to differ."""
    session = recorded(cached_plan(missed=True))
    steps = tuple(
        replace(step, system_instructions=(Text("Now it is later."),)) if step.step_id == "c2" else step
        for step in session.steps
        if isinstance(step, ModelCall)
    )
    others = tuple(step for step in session.steps if not isinstance(step, ModelCall))
    (found,) = findings(replace(session, steps=(*steps, *others)), "cache_break")
    assert "system message" in found.note


def test_a_prompt_that_grew_without_end() -> None:
    """A prompt of more than ten times its first size, carried at more than the work's cost, is pointed out softly."""
    long = "The northern region sold more than the western one did. " * 300
    reads = [call(f"x{n}", "read_file", f"{n} {long}", path=f"{n}.md") for n in range(12)]
    found = findings(told(*reads), "context_growth")
    assert [finding.soft for finding in found] == [True]
    assert findings(told(*reads[:2]), "context_growth") == []


def test_growth_is_judged_where_some_calls_report_usage() -> None:
    """Only where no call reported its tokens is the growth of prompts unknown."""
    session = told(call("a", "read_file", REPORT, path="a.csv"))
    for lost, said in (({"main-turn0"}, False), ({"main-turn0", "main-turn1"}, True)):
        steps = tuple(
            replace(step, usage=None) if isinstance(step, ModelCall) and step.step_id in lost else step
            for step in session.steps
        )
        assert any("growth of prompts" in gap for gap in gaps(view_of(replace(session, steps=steps)))) is said


def thinking(session: Session, step_id: str) -> Session:
    """Let a call have written nothing but reasoning."""
    answer = (Message("assistant", (Reasoning(),)),)
    steps = tuple(
        replace(step, output_messages=answer) if isinstance(step, ModelCall) and step.step_id == step_id else step
        for step in session.steps
    )
    return replace(session, steps=steps)


def test_a_call_that_only_reasoned() -> None:
    """A call without text or tool call, followed by another, wrote only reasoning; the last call may be cut off."""
    session = told("Let me see.", call("a", "read_file", REPORT, path="a.csv"), "Northern 1200.")
    assert flagged(thinking(session, "main-turn0"), "thinking_only") == {"main-turn0"}
    assert flagged(thinking(session, "main-turn2"), "thinking_only") == set()
    assert flagged(session, "thinking_only") == set()


def doubled(session: Session, step_id: str, later_ns: int) -> Session:
    """Send one model call again, so much later."""
    call_ = next(step for step in session.steps if isinstance(step, ModelCall) and step.step_id == step_id)
    again = replace(call_, step_id="again", started_at=call_.started_at + later_ns, ended_at=call_.ended_at + later_ns)
    return replace(session, steps=(*session.steps, again), contexts=())


def test_the_same_prompt_sent_again() -> None:
    """The same prompt with the same answer, one after the other, was sent once too often."""
    session = doubled(told("Northern 1200."), "main-turn0", 60_000_000_000)
    (found,) = findings(session, "duplicate_llm_call")
    assert (found.step_ids, found.related_step_ids, found.evidence["count"]) == (("again",), ("main-turn0",), 2)
    assert found.wasted_usd == view_of(session).ledger.money("again").billed


def test_another_answer_to_the_same_prompt() -> None:
    """The same prompt that led to another request, be it only by its arguments, was not sent for nothing."""
    session = doubled(told(call("a", "read_file", REPORT, path="a.csv"), "1200."), "main-turn0", 60_000_000_000)
    assert flagged(session, "duplicate_llm_call") == {"again"}
    other = (Message("assistant", (ToolRequest("b", "read_file", '{"path":"b.csv"}'),)),)
    (again,) = (step for step in session.steps if step.step_id == "again" and isinstance(step, ModelCall))
    steps = (*session.steps[:-1], replace(again, output_messages=other))
    assert flagged(replace(session, steps=steps), "duplicate_llm_call") == set()


def test_samples_taken_at_once() -> None:
    """Calls at the same time are sampling on purpose."""
    assert flagged(doubled(told("Northern 1200."), "main-turn0", 0), "duplicate_llm_call") == set()


def test_silence_is_explained() -> None:
    """A detector without its evidence stays silent and the gaps say why."""
    story = (call("a", "read_file", REPORT, path="a.csv"), call("b", "read_file", REPORT, path="a.csv"))
    view = view_of(told(*story, capture=Capture(content=False, arguments=False)))
    assert findings(view.session) == []
    said = " / ".join(gaps(view))
    for missing in ("repeated calls", "unused results", "cycles", "identical model calls"):
        assert missing in said


def test_findings_are_ordered_and_stable() -> None:
    """The most expensive finding comes first; ids and order do not depend on the order of steps."""
    session = told(
        call("a", "read_file", REPORT, path="a.csv"),
        call("b", "read_file", REPORT, path="a.csv"),
        call("c", "read_file", MISSING, "ENOENT", path="c.csv"),
        call("d", "read_file", MISSING, "ENOENT", path="c.csv"),
    )
    found = findings(session)
    costs = [finding.saving_usd or finding.wasted_usd or 0 for finding in found]
    assert costs == sorted(costs, reverse=True)
    assert findings(replace(session, steps=session.steps[::-1])) == found
    assert len({finding.finding_id for finding in found}) == len(found)
