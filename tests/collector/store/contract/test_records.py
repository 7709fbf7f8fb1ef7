"""The contract of `record_outcome` and `append_rows`: what is recorded beside the telemetry."""

from __future__ import annotations

import pytest

from collector.store import TelemetryStore
from tests.collector.store.builders import NOW, batch, session, span
from tests.collector.store.conftest import StoreUnderTest
from tests.collector.store.contract.traces import A, B, C, only, quiet


class TestOutcomes:
    def test_the_latest_counts(self, store: TelemetryStore) -> None:
        """Of several verdicts the last recorded is returned, with the last task and condition that any named."""
        first = {"session_id": "a", "task_id": "t", "score": 0.5, "recorded_at": NOW, "checks": [{"name": "c"}]}
        store.record_outcome(first)
        store.record_outcome({"session_id": "a", "condition": "new", "passed": False, "recorded_at": NOW - 5})
        store.record_outcome({"session_id": "b", "passed": True, "recorded_at": NOW})
        found = store.outcomes(["a", "c"])
        assert found.keys() == {"a"}
        assert (found["a"]["task_id"], found["a"]["condition"]) == ("t", "new")
        assert (found["a"]["score"], found["a"]["passed"], found["a"]["recorded_at"]) == (None, False, NOW - 5)

    def test_an_outcome_makes_its_session_pending(self, store: TelemetryStore) -> None:
        """A verdict on a compiled session brings its whole group back, once."""
        store.append(batch([span(A, 1), span(B, 2), span(C, 3)], edges=[(A, "v", None), (B, "v", None)]))
        for number, group in enumerate(quiet(store)):
            store.replace(group, session(f"s{number}"))
        store.record_outcome({"session_id": "s0", "passed": True, "recorded_at": NOW})
        (group,) = quiet(store)
        assert group.trace_ids == {A, B}
        store.replace(group, session("s0"))
        assert quiet(store) == []

    @pytest.mark.parametrize("named", [A, "conversation"])
    def test_an_outcome_may_come_before_the_session(self, store: TelemetryStore, named: str) -> None:
        """A verdict that came while its session was being compiled brings it back afterwards."""
        store.append(batch([span(A, 1)], edges=[(A, "conversation", None)]))
        (snapshot,) = quiet(store)
        store.record_outcome({"session_id": named, "passed": True, "recorded_at": NOW})
        store.replace(snapshot, session(named))
        (again,) = quiet(store)
        assert snapshot.trace_ids <= again.trace_ids
        store.replace(again, session(named))
        assert quiet(store) == []
        assert store.outcomes([named])[named]["passed"] is True

    def test_an_outcome_survives_recompilation(self, opened: StoreUnderTest) -> None:
        """`replace` never touches outcomes."""
        opened.store.append(batch([span(A, 1)]))
        opened.store.replace(only(opened.store), session("a"))
        opened.store.record_outcome({"session_id": "a", "score": 1.0, "recorded_at": NOW})
        opened.store.replace(only(opened.store), session("a"))
        assert opened.rows("outcomes", "session_id", "score") == [("a", 1.0)]

    @pytest.mark.parametrize("row", [{"recorded_at": NOW}, {"session_id": "a"}, {"session_id": "a", "verdict": 1}])
    def test_refuses_an_outcome_that_does_not_say_enough(self, store: TelemetryStore, row: dict[str, object]) -> None:
        """An outcome without a session or time, or with an unknown column, is refused."""
        with pytest.raises(ValueError, match=r"needs|no column"):
            store.record_outcome(row)


def test_append_rows_adds(opened: StoreUnderTest) -> None:
    """Patches and skills are added, never replaced, and only to tables that take them."""
    opened.store.append_rows("patches", [{"patch_id": "p", "session_ids": ("a", "b"), "evidence": [{"span": "1"}]}])
    opened.store.append_rows("patches", [{"patch_id": "p", "accepted": True}])
    assert opened.rows("patches", "patch_id", "session_ids", "accepted") == [("p", None, True), ("p", ["a", "b"], None)]
    with pytest.raises(ValueError, match="no table sessions"):
        opened.store.append_rows("sessions", [{"session_id": "a"}])
