"""What the HTTP routes under /api need from the rest of the program: reading (`Queries`) and changing (`Actions`).

`collector.query` answers questions; whoever wires the program together brings the deeds, since compiling cards is
the business of packages that the collector does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import pyarrow as pa

    from collector.export import Part
    from collector.skills import SkillReport


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The rows of a query, and whether the row cap cut them."""

    table: pa.Table
    truncated: bool = False


class Queries(Protocol):
    """Read-only SQL over the stable views."""

    def run(self, query: str, parameters: Sequence[object] = ()) -> QueryResult:
        """Return the rows of one SELECT-like statement. Raises `QueryError` with the HTTP status to answer.

        Blocks; the servers call it from a worker thread. `parameters` fill `?` in order.
        """
        ...

    def export(self) -> Iterator[Part]:
        """Yield everything that is stored, each part to be read before the next. Raises `QueryError` at the first."""
        ...


Finite = Annotated[float, Field(allow_inf_nan=False)]


class OutcomeCheck(BaseModel):
    """One thing an oracle looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    passed: bool
    expected: str | None = None
    got: str | None = None


class OutcomeReport(BaseModel):
    """An oracle's verdict on one session, as it comes over HTTP. At least `score` or `passed` is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: Finite | None = None
    passed: bool | None = None
    source: str = "oracle"
    name: str | None = None
    task_id: str | None = None
    condition: str | None = None
    checks: tuple[OutcomeCheck, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> OutcomeReport:
        if self.score is None and self.passed is None:
            raise ValueError("an outcome needs a score, or passed true or false")
        return self


@dataclass(frozen=True, slots=True)
class CompileCounts:
    """How many sessions were compiled, and how many could not be."""

    compiled: int
    failed: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted with a session, and why its bytes are still in the file, where they are."""

    spans: int
    logs: int
    metric_points: int
    not_erased: str | None = None


class Actions(Protocol):
    """What /api changes. Every call blocks and runs in a worker thread."""

    def compile(self, *, everything: bool) -> CompileCounts:
        """Compile the pending sessions now, or every session; the ingest queue was drained before."""
        ...

    def record_outcome(self, session_id: str, outcome: OutcomeReport) -> None:
        """Store a verdict. Raises `UnknownSessionError` where no such session is stored."""
        ...

    def record_skill(self, report: SkillReport) -> int:
        """Store a skill and its patches; return how many rows said something new."""
        ...

    def delete(self, session_id: str) -> Deletion:
        """Delete everything of a session. Raises `UnknownSessionError` where no such session is stored."""
        ...

    def compact(self) -> None:
        """Give back what deleted rows held. Raises `StoreError` where that cannot be done now."""
        ...
