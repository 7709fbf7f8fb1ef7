"""The steps of a session as pictures need them: a tree with what each step cost by itself and with all below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from clawtrace_otel.cli.questions import literal

if TYPE_CHECKING:
    from clawtrace_otel.cli.reader import SessionReader

_PAGE: Final = 2_000
_COLUMNS: Final = "step_index, step_id, parent_step_id, kind, name, error_type, cost_usd, attributed_usd, carried_usd"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepNode:
    """One step. USD; None where unknown."""

    step_id: str
    parent_step_id: str | None
    kind: str
    name: str
    error_type: str | None
    self_usd: Decimal | None
    """What the ledger attributes to the step; None for a call without a price."""
    carried_usd: Decimal | None
    findings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The step's name with its kind, as pictures show it."""
        return self.name if self.kind in {"llm", "context"} else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class StepTree:
    """Steps with their children in causal order; a step whose parent is unknown is a root."""

    nodes: Mapping[str, StepNode]
    children: Mapping[str | None, Sequence[str]]
    total_usd: Mapping[str, Decimal | None]
    """What each step and everything below it cost, as far as it is known; None where nothing of it is."""

    @property
    def session_usd(self) -> Decimal | None:
        """The sum over the roots, as far as it is known; None where nothing is."""
        return _sum(self.total_usd[root] for root in self.children.get(None, ()))

    def walk(self) -> Iterator[tuple[int, StepNode]]:
        """Yield (depth, step), a parent before its children."""
        waiting = [(0, step_id) for step_id in reversed(self.children.get(None, ()))]
        while waiting:
            depth, step_id = waiting.pop()
            yield depth, self.nodes[step_id]
            waiting += [(depth + 1, child) for child in reversed(self.children.get(step_id, ()))]


def step_tree(reader: SessionReader, session_id: str) -> StepTree:
    """Return a session's tree, read in pages."""
    from clawtrace_otel.cli.output import rows_of

    flagged = _flagged(reader, session_id)
    nodes: dict[str, StepNode] = {}
    last = -1
    while True:
        where = f"session_id = {literal(session_id)} AND step_index > {last}"
        query = f"SELECT {_COLUMNS} FROM steps WHERE {where} ORDER BY step_index LIMIT {_PAGE}"  # noqa: S608 - quoted
        rows = rows_of(reader.query(query).table)
        if not rows:
            return tree_of(nodes)
        for index, step_id, parent, kind, name, error, cost, attributed, carried in rows:
            last = int(str(index))
            nodes[str(step_id)] = StepNode(
                step_id=str(step_id),
                parent_step_id=None if parent is None else str(parent),
                kind=str(kind),
                name=str(name),
                error_type=None if error is None else str(error),
                self_usd=own_usd(_money(cost), _money(attributed)),
                carried_usd=_money(carried),
                findings=flagged.get(str(step_id), ()),
            )


def tree_of(nodes: Mapping[str, StepNode]) -> StepTree:
    """Return the tree of steps that are listed in causal order. A parent that is missing or comes later is none."""
    children: dict[str | None, list[str]] = {}
    depths: dict[str, int] = {}
    for step_id, node in nodes.items():
        parent = node.parent_step_id if node.parent_step_id in depths else None
        depths[step_id] = 0 if parent is None else depths[parent] + 1
        children.setdefault(parent, []).append(step_id)
    total = {step_id: node.self_usd for step_id, node in nodes.items()}
    for step_id in sorted(nodes, key=depths.__getitem__, reverse=True):
        parent = nodes[step_id].parent_step_id
        if depths[step_id] > 0 and parent is not None:
            total[parent] = _together(total[parent], total[step_id])
    return StepTree(nodes, children, total)


def own_usd(billed: Decimal | None, attributed: Decimal | None) -> Decimal | None:
    """Return what a step cost by itself: nothing attributed to a step without a bill is not known, rather than 0."""
    return attributed if attributed or billed is not None else None


def _together(above: Decimal | None, below: Decimal | None) -> Decimal | None:
    """Add what is known; nothing and an unknown amount are an unknown amount, rather than 0."""
    both_known = above is not None and below is not None
    return _sum((above, below)) if both_known or above or below else None


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _flagged(reader: SessionReader, session_id: str) -> dict[str, tuple[str, ...]]:
    query = f"SELECT detector, step_ids FROM findings WHERE session_id = {literal(session_id)} ORDER BY detector"  # noqa: S608 - quoted
    table = reader.query(query).table
    found: dict[str, tuple[str, ...]] = {}
    for detector, step_ids in zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True):
        for step_id in step_ids or ():
            found[step_id] = (*found.get(step_id, ()), detector)
    return found


def _money(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
