"""Which session each trace and log record belongs to.

A session spans traces, one trace may hold conversations of sub-agents, the key is often on some spans only, and many
producers send none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from collector.model import LogRecord, Span
from processors.normalise.session_keys import PARENT_KEYS, Identity, Named, identity_of, key_of

FROM_TRACE = "trace"
"""The session's source where no attribute named it."""

_RESPONSE_ID = "gen_ai.response.id"
_PREVIOUS_RESPONSE = ("gen_ai.request.previous_response.id", "gen_ai.conversation.id")


@dataclass(slots=True)
class Bundle:
    """The signals of one session."""

    session_id: str
    source: str
    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    conversation_ids: set[str] = field(default_factory=set)


def bundles(spans: Sequence[Span], logs: Sequence[LogRecord]) -> list[Bundle]:
    """Divide the signals of a connected group into sessions, whatever order they came in."""
    response_ids = frozenset(
        value for span in spans if isinstance(value := span.attributes.get(_RESPONSE_ID), str) and value
    )
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: (span.start_time_unix_nano, span.trace_id, span.span_id)):
        traces[span.trace_id].append(span)
    records = sorted(logs, key=lambda record: record.timestamp)
    book = _Book(response_ids)
    for trace_id, members in traces.items():
        book.add_trace(trace_id, members)
    for record in records:
        book.add_record(record)
    book.stitch(traces)
    return book.divide(traces, records)


def _seen_twice(traces: Mapping[str, Sequence[Span]]) -> Iterator[tuple[str, str]]:
    """Yield pairs of traces in which two instrumentations saw one call: without a span around them each is a root.

    They name the same response and share their time; a server that repeats its ids does not share that.
    """
    named: dict[str, list[Span]] = defaultdict(list)
    for members in traces.values():
        for span in members:
            value = span.attributes.get(_RESPONSE_ID)
            if isinstance(value, str) and value:
                named[value].append(span)
    for spans in named.values():
        for one, other in pairwise(sorted(spans, key=lambda span: (span.start_time_unix_nano, span.span_id))):
            apart = one.trace_id != other.trace_id and one.scope.name != other.scope.name
            if apart and other.start_time_unix_nano <= one.end_time_unix_nano:
                yield one.trace_id, other.trace_id


class _Book:
    """What is known about traces and keys while signals are read."""

    def __init__(self, response_ids: frozenset[str]) -> None:
        self.response_ids = response_ids
        self.of_trace: dict[str, Named] = {}
        self.starts: dict[str, int] = {}
        self.owner: dict[Identity, Identity] = {}
        """A conversation's session, where it is not one itself."""
        self.seen: dict[Identity, tuple[int, str]] = {}
        """When a key was first seen and under which attribute."""
        self.group: dict[str, str] = {}
        """Traces without a key that belong together: each points to an older one of its group, the oldest to itself."""

    def add_trace(self, trace_id: str, members: Sequence[Span]) -> None:
        """Read a trace's keys: the root's names the session, the others are conversations in it."""
        self.starts[trace_id] = members[0].start_time_unix_nano
        present = {span.span_id for span in members}
        named = [(span, found) for span in members if (found := self._note(span, span.start_time_unix_nano))]
        if not named:
            return
        root = next((found for span, found in named if span.parent_span_id not in present), None)
        primary = root or named[0][1]
        self.of_trace[trace_id] = primary
        for _, found in named:
            self._subordinate(found.identity, primary.identity)

    def add_record(self, record: LogRecord) -> None:
        """Read a record's key; it also names a trace whose spans named none."""
        found = self._note(record, record.timestamp)
        if found is not None and record.trace_id is not None:
            if record.trace_id in self.of_trace:
                self._subordinate(found.identity, self.of_trace[record.trace_id].identity)
            else:
                self.of_trace[record.trace_id] = found
        if record.trace_id is not None:
            self.starts.setdefault(record.trace_id, record.timestamp)

    def _note(self, signal: Span | LogRecord, time: int) -> Named | None:
        found = key_of(signal, self.response_ids)
        if found is None:
            return None
        seen = (time, found.source)
        self.seen[found.identity] = min(self.seen.get(found.identity, seen), seen)
        for key in PARENT_KEYS:
            parent = signal.attributes.get(key)
            if isinstance(parent, str) and parent:
                self._subordinate(found.identity, identity_of(parent, signal))
        return found

    def _subordinate(self, part: Identity, whole: Identity) -> None:
        if self.session(whole) != self.session(part):
            self.owner.setdefault(part, whole)

    def session(self, identity: Identity) -> Identity:
        """Return the session that a key belongs to: itself, unless it is a conversation within another."""
        while identity in self.owner:
            identity = self.owner[identity]
        return identity

    def stitch(self, traces: Mapping[str, Sequence[Span]]) -> None:
        """Join traces without a key to those that they link to, that saw the same call, or that they continue."""
        for one, other in _seen_twice(traces):
            self._join(one, other)
        answered = {
            value: trace_id
            for trace_id in sorted(traces, reverse=True)
            for span in traces[trace_id]
            if isinstance(value := span.attributes.get(_RESPONSE_ID), str) and value
        }
        for trace_id in sorted(traces):
            for span in traces[trace_id]:
                for linked in {link.trace_id for link in span.links} & traces.keys():
                    self._join(trace_id, linked)
                for key in _PREVIOUS_RESPONSE:
                    value = span.attributes.get(key)
                    if isinstance(value, str) and value in answered:
                        self._join(trace_id, answered[value])

    def _join(self, one: str, other: str) -> None:
        one, other = self._leader(one), self._leader(other)
        if one != other:
            first, second = sorted((one, other), key=lambda trace: (self.starts[trace], trace))
            self.group[second] = first

    def _leader(self, trace_id: str) -> str:
        while (nearer := self.group.get(trace_id, trace_id)) != trace_id:
            self.group[trace_id] = self.group.get(nearer, nearer)
            trace_id = nearer
        return trace_id

    def divide(self, traces: Mapping[str, Sequence[Span]], records: Iterable[LogRecord]) -> list[Bundle]:
        """Return the bundles, oldest first."""
        keyed = self._keyed_leaders()
        names = self._names()
        found: dict[str, Bundle] = {}

        def bundle_of(trace_id: str | None, named: Named | None) -> Bundle | None:
            named = named or keyed.get(self._leader(trace_id)) if trace_id is not None else named
            if named is not None:
                session = self.session(named.identity)
                source = self.seen[session][1] if session in self.seen else named.source
                return found.setdefault(names[session], Bundle(names[session], source))
            if trace_id is None:
                return None
            leader = self._leader(trace_id)
            return found.setdefault(leader, Bundle(leader, FROM_TRACE))

        for trace_id, members in traces.items():
            bundle = bundle_of(trace_id, self.of_trace.get(trace_id))
            if bundle is not None:
                bundle.spans += members
                self._converse(bundle, members)
        for record in records:
            bundle = bundle_of(record.trace_id, key_of(record, self.response_ids) or self._trace_key(record))
            if bundle is not None:
                bundle.logs.append(record)
                self._converse(bundle, [record])
        return list(found.values())

    def _trace_key(self, record: LogRecord) -> Named | None:
        return self.of_trace.get(record.trace_id) if record.trace_id is not None else None

    def _keyed_leaders(self) -> dict[str, Named]:
        """Return the key of each group of joined traces: that of its oldest trace with one."""
        keyed: dict[str, Named] = {}
        for trace_id in sorted(self.of_trace, key=lambda trace: (self.starts.get(trace, 0), trace)):
            keyed.setdefault(self._leader(trace_id), self.of_trace[trace_id])
        return keyed

    def _names(self) -> dict[Identity, str]:
        """Return each session's id: its key, with the service behind it where another service used the same key."""
        names: dict[Identity, str] = {}
        taken: set[str] = set()
        known = set(self.seen) | set(self.owner.values())
        for identity in sorted(known, key=lambda identity: (self.seen.get(identity, (0, "")), identity)):
            if identity in self.owner:
                continue
            value, service = identity
            names[identity] = f"{value}@{service}" if value in taken else value
            taken.add(value)
        return names

    def _converse(self, bundle: Bundle, signals: Iterable[Span | LogRecord]) -> None:
        for signal in signals:
            found = key_of(signal, self.response_ids)
            if found is not None and found.identity[0] != bundle.session_id:
                bundle.conversation_ids.add(found.identity[0])
