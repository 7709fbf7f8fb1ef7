"""The world a simulated agent works in: files, searches, a job, a flaky service; it knows which calls were needless."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random

from tests.simulator import texts
from tests.simulator.plan import PlannedCall
from tests.simulator.tokens import Kind

SUFFIXES = {Kind.PROSE: "md", Kind.TABLE: "csv", Kind.JSON: "json", Kind.CODE: "py"}
ROLES = ("read", "write", "search", "status", "fetch")
VOCABULARIES = (
    ("read_file", "edit_file", "web_search", "get_job_status", "fetch_rates"),
    ("Read", "Edit", "WebSearch", "TaskStatus", "WebFetch"),
    ("get_document", "update_document", "search_docs", "check_build", "get_url"),
)


def canonical(arguments: dict[str, object]) -> str:
    """Write arguments the way normalisation does."""
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"))


@dataclass(slots=True)
class File:
    """A file, and whether its present content was read already."""

    path: str
    kind: Kind
    content: str
    read: bool = False


@dataclass(slots=True)
class World:
    """Plans calls; each method returns the calls of one undertaking, to be made one after the other."""

    random: Random
    prefix: str
    typical: int
    names: dict[str, str] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.names = self.names or dict(zip(ROLES, self.random.choice(VOCABULARIES), strict=True))

    def _call(
        self,
        role: str,
        arguments: dict[str, object],
        result: str,
        kind: Kind = Kind.PROSE,
        *,
        error: str | None = None,
        waste: str | None = None,
    ) -> PlannedCall:
        self.count += 1
        return PlannedCall(
            key=f"{self.prefix}t{self.count}",
            tool=self.names[role],
            arguments=canonical(arguments),
            result=result,
            kind=kind,
            error=error,
            waste=waste,
            seconds=self.random.uniform(0.1, 3),
        )

    def _size(self) -> int:
        return round(self.typical * self.random.lognormvariate(0, 0.8)) + 40

    def read_new(self) -> list[PlannedCall]:
        """Read a file for the first time."""
        kind = self.random.choice(list(SUFFIXES))
        path = f"{texts.word(self.random)}/{texts.word(self.random)}.{SUFFIXES[kind]}"
        self.files.append(File(path, kind, texts.make(self.random, kind, self._size())))
        return [self._read(self.files[-1])]

    def _read(self, file: File, *, disguised: bool = False) -> PlannedCall:
        path = f"./{file.path}" if disguised else file.path
        waste = "repeated_call" if file.read else None
        file.read = True
        return self._call("read", {"path": path}, file.content, file.kind, waste=waste)

    def read_again(self) -> list[PlannedCall]:
        """Read a file that was read before; needless unless it was written since."""
        if not self.files:
            return self.read_new()
        return [self._read(self.random.choice(self.files), disguised=self.random.random() < 0.2)]

    def read_several(self) -> list[PlannedCall]:
        """Read a few files at once, perhaps one of them needlessly."""
        calls = [call for _ in range(self.random.randint(2, 3)) for call in self.read_new()]
        again = self.random.choice(self.files[: -len(calls)]) if len(self.files) > len(calls) else None
        return calls + ([self._read(again)] if again is not None and self.random.random() < 0.5 else [])

    def write(self) -> list[PlannedCall]:
        """Change a file."""
        if not self.files:
            return self.read_new()
        file = self.random.choice(self.files)
        old, new = texts.sentence(self.random, 8), texts.sentence(self.random, 8)
        file.content += f"\n{new}"
        file.read = False
        return [self._call("write", {"path": file.path, "old": old, "new": new}, f"Edited {file.path}.")]

    def write_and_check(self) -> list[PlannedCall]:
        """Change a file and look at it."""
        calls = self.write()
        written = next((file for file in self.files if not file.read), None)
        return calls + ([self._read(written)] if written else [])

    def pages(self) -> list[PlannedCall]:
        """Read a long file page by page."""
        path = f"{texts.word(self.random)}.log"
        return [
            self._call(
                "read",
                {"path": path, "offset": 100 * page, "limit": 100},
                texts.make(self.random, Kind.TABLE, self._size()),
                Kind.TABLE,
            )
            for page in range(self.random.randint(2, 4))
        ]

    def days(self) -> list[PlannedCall]:
        """Read the logs of two days."""
        service = texts.word(self.random)
        return [
            self._call(
                "read", {"path": f"{service}-2026-03-{day}.log"}, texts.make(self.random, Kind.PROSE, self._size())
            )
            for day in ("11", "12")
        ]

    def search(self) -> list[PlannedCall]:
        """Search once."""
        query = " ".join(texts.word(self.random) for _ in range(4))
        return [self._call("search", {"query": query}, self._hits(), Kind.JSON)]

    def search_reworded(self) -> list[PlannedCall]:
        """Search, and search again in other words with the same hits."""
        words, hits = [texts.word(self.random) for _ in range(4)], self._hits()
        reworded = f"{words[2]} {words[0]} about {words[1]} overview"
        return [
            self._call("search", {"query": " ".join(words)}, hits, Kind.JSON),
            self._call("search", {"query": reworded}, hits, Kind.JSON, waste="rephrased_query"),
        ]

    def _hits(self) -> str:
        return texts.make(self.random, Kind.JSON, self._size())

    def flaky(self) -> list[PlannedCall]:
        """Call a service that is down and works at the second try."""
        currency = texts.word(self.random).upper()
        return [
            self._call("fetch", {"currency": currency}, "503 Service Unavailable", error="503"),
            self._call("fetch", {"currency": currency}, f"1 {currency} = {self.random.random():.4f}"),
        ]

    def broken(self) -> list[PlannedCall]:
        """Make a call that cannot work, and make it again."""
        path, missing = f"{texts.word(self.random)}.yml", "Error: no such file"
        return [
            self._call("read", {"path": path}, missing, error="FileNotFoundError"),
            self._call("read", {"path": path}, missing, error="FileNotFoundError", waste="failed_retry"),
        ]

    def poll(self) -> list[PlannedCall]:
        """Ask for a job's state until it is done."""
        job = f"job-{self.random.randint(100, 999)}"
        waiting = [
            self._call("status", {"id": job}, '{"state": "running"}', Kind.JSON, waste="poll_loop" if seen else None)
            for seen in range(self.random.randint(3, 5))
        ]
        return [*waiting, self._call("status", {"id": job}, '{"state": "done", "exit": 0}', Kind.JSON)]
