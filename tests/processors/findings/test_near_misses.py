"""What real agents do that looks like waste and is not, with the tools of many trades."""

from __future__ import annotations

from dataclasses import replace

import pytest

from processors.model import Message, ModelCall, Session, Step, Text
from tests.processors.findings.stories import OTHER, REPORT, call, flagged, told
from tests.simulator.plan import PlannedCall

TICKET = '{"id":"T-55","subject":"Login loops","state":"open","owner":"Imogen Vance"}'
GRAPHQL = "query { issue(id: 7) { title state } }"
MUTATION = "mutation { closeIssue(id: 7) { ok } }"


def shell(key: str, command: str, result: str) -> PlannedCall:
    """Plan a command line."""
    return call(key, "bash", result, command=command)


@pytest.mark.parametrize(
    ("look", "change"),
    [
        (("get_ticket", {"ticket_id": "T-55"}), ("resolve_ticket", {"ticket_id": "T-55"})),
        (("get_key", {"key_id": "k-9"}), ("rotate_key", {"key_id": "k-9"})),
        (("graphql", {"query": GRAPHQL}), ("graphql", {"query": MUTATION})),
        (("run_tests", {"suite": "unit"}), ("edit_file", {"path": "src/parser.py", "new": "x"})),
        (("get_ticket", {"ticket_id": "T-55"}), ("login", {"user": "svc"})),
        (("browser_get_text", {"selector": "#total"}), ("browser_click", {"selector": "#apply"})),
        (("bash", {"command": "kubectl get pods"}), ("bash", {"command": "kubectl apply -f web.yaml"})),
        (("bash", {"command": "pip list"}), ("bash", {"command": "pip install pyyaml && python -c 1"})),
        (("bash", {"command": "gh issue view 5"}), ("bash", {"command": "gh issue close 5"})),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else None,
)
def test_looking_again_after_a_change(look: tuple[str, dict[str, str]], change: tuple[str, dict[str, str]]) -> None:
    """Looking again after what is known to change the thing is work, also where the answer stayed the same."""
    session = told(
        call("a", look[0], TICKET, **look[1]),
        call("w", change[0], "ok", **change[1]),
        call("b", look[0], TICKET, **look[1]),
    )
    assert flagged(session, "repeated_call") == set()


@pytest.mark.parametrize(
    ("look", "other"),
    [
        (("get_ticket", {"ticket_id": "T-55"}), ("resolve_hostname", {"host": "db.internal"})),
        (("get_ticket", {"ticket_id": "T-55"}), ("graphql", {"query": MUTATION})),
        (("get_test_report", {"run_id": "r-1"}), ("edit_file", {"path": "notes.md", "new": "x"})),
        (("read_file", {"path": "report.csv"}), ("browser_click", {"selector": "#apply"})),
        (("bash", {"command": "cat report.csv"}), ("bash", {"command": "echo update install"})),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else None,
)
def test_looking_again_after_something_else(
    look: tuple[str, dict[str, str]], other: tuple[str, dict[str, str]]
) -> None:
    """What changes nothing, or another thing, excuses no second look."""
    session = told(
        call("a", look[0], REPORT, **look[1]),
        call("x", other[0], "ok", **other[1]),
        call("b", look[0], REPORT, **look[1]),
    )
    assert flagged(session, "repeated_call") == {"b"}


def test_a_mutation_sent_twice() -> None:
    """A GraphQL mutation is a write: sending it twice is no repeated read."""
    done = '{"data":{"addComment":{"ok":true,"comment":"created"}}}'
    add = 'mutation { addComment(id: 7, body: "hello") { ok } }'
    session = told(call("a", "graphql", done, query=add), call("b", "graphql", done, query=add))
    assert flagged(session, "repeated_call") == set()


@pytest.mark.parametrize("tool", ["execute_trade", "run_pipeline", "next_page", "increase_volume", "kick_off_build"])
def test_an_action_taken_twice(tool: str) -> None:
    """Acting twice with the same acknowledgement is no repeated look."""
    done = "The action was carried out by the back end as it was asked."
    assert flagged(told(call("a", tool, done, name="n"), call("b", tool, done, name="n")), "repeated_call") == set()


@pytest.mark.parametrize("tool", ["run_tests", "run_query", "execute_python_code", "word_count", "exchange_rates"])
def test_a_look_taken_twice(tool: str) -> None:
    """Looking up, testing and computing the same twice is a repeat, whatever verb the name begins with."""
    assert flagged(told(call("a", tool, REPORT, name="n"), call("b", tool, REPORT, name="n")), "repeated_call") == {"b"}


@pytest.mark.parametrize("remedy", ["pip install pyyaml", "python -m http.server &", "export TOKEN=1; ./login.sh"])
def test_a_failing_call_after_a_remedy(remedy: str) -> None:
    """A call that failed before something that may have helped, and after it, was not made unchanged."""
    failing = ("ModuleNotFoundError: yaml", "exit status 1")
    session = told(
        call("a", "bash", *failing, command="python main.py"),
        shell("w", remedy, "ok"),
        call("b", "bash", *failing, command="python main.py"),
    )
    assert flagged(session, "failed_retry") == set()


@pytest.mark.parametrize(("asked", "wasted"), [("Please check that again.", set()), ("Write the summary.", {"b"})])
def test_what_the_user_wants_to_be_looked_at_again(asked: str, wasted: set[str]) -> None:
    """A user who asks for another look gets one; any other message excuses nothing."""
    session = _with_message(
        told(call("a", "read_file", REPORT, path="report.csv"), call("b", "read_file", REPORT, path="report.csv")),
        asked,
    )
    assert flagged(session, "repeated_call") == wasted


def _with_message(session: Session, text: str) -> Session:
    """Let the user write something after the first tool result."""
    return replace(session, steps=tuple(_told(step, Message("user", (Text(text),))) for step in session.steps))


def _told(step: Step, said: Message) -> Step:
    if not isinstance(step, ModelCall) or step.input_messages is None:
        return step
    roles = [message.role for message in step.input_messages]
    if "tool" not in roles:
        return step
    after = roles.index("tool") + 1
    return replace(step, input_messages=(*step.input_messages[:after], said, *step.input_messages[after:]))


def test_a_poll_whose_last_answer_sounds_like_waiting() -> None:
    """'Running' may be what was waited for; the answers before it are a poll all the same."""
    waits = [call(key, "list_pods", "web-1 ContainerCreating, image being pulled", ns="web") for key in "abc"]
    session = told(*waits, call("d", "list_pods", "web-1 Running", ns="web"))
    assert flagged(session, "repeated_call") == set()


IDLE = call("a", "read_file", "Halcyon is kept by the platform guild, argocd deploys it.", path="about.txt")


@pytest.mark.parametrize(
    ("parts", "end"),
    [
        ((call("a", "get_order", '{"state":"delivered","carrier":"hermes"}', order_id="A-1"),
          call("w", "refund_order", "ok", order_id="A-1")), "The refund is on its way."),
        ((call("w", "write_file", "ok", path="o.txt", content="x"), shell("a", "cat o.txt", "alpha beta delta")), "OK"),
        ((call("a", "get_job", '{"state":"running","worker":"kestrel"}', id="j"),
          call("b", "get_job", '{"state":"done"}', id="j")), "It is done."),
        ((call("a", "list_messages", '[{"subject":"Welcome Imogen","sender":"desk"}]', folder="in"),
          call("b", "list_messages", '[{"subject":"Approval granted"}]', folder="in")), "Approval granted."),
        ((shell("a", "git status", "modified: walker.py\nuntracked: emitter.py"), shell("w", "git add -A", "")), "OK"),
        ((call("a", "get_system_health", "healthy: database reachable, cache warm", of="web"),), "I went ahead."),
        ((call("a", "think", "logged: maybe compare both currencies", thought="maybe compare both currencies"),), "OK"),
        ((call("a", "list_files", "walker.py\nlexer.py\nemitter.py\nscanner.py", path="src"),), "There are four."),
        ((call("a", "find_owners", '{"owners":["Ann","Beatrix","Cosima","Dorothea"]}', of="src"),), "I count 4."),
    ],
    ids=["before", "after", "not yet", "before the news", "a sweep", "verdict", "own", "lines", "items"],
)  # fmt: skip
def test_a_look_that_was_used_in_silence(parts: tuple[PlannedCall, ...], end: str) -> None:
    """A look before or after a change, in vain, or to count, was used although nothing of it is repeated."""
    assert "a" not in flagged(told(*parts, end), "unused_result")


def test_a_look_at_something_else_than_what_was_changed() -> None:
    """A write to another target makes no use of a result, nor one to another thing under the same id."""
    idle = call("s", "list_shipments", '[{"carrier":"hermes","depot":"Quayside","van":"blue"}]', order_id="A-1")
    session = told(idle, call("w", "confirm_order", "ok", order_id="A-1"), "The order is confirmed.")
    assert flagged(session, "unused_result") == {"s"}
    session = told(IDLE, call("w", "write_file", "ok", path="other.csv", content=OTHER), "The file is there.")
    assert "a" in flagged(session, "unused_result")
