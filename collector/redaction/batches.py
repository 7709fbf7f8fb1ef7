"""Redaction of whole batches: one search over each column, and work only on the rows in which it finds something."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import re2

from collector.redaction.attributes import Attributes, noted
from collector.redaction.contents import ContentNames, Contents
from collector.redaction.marks import Marks
from collector.redaction.patterns import ESCAPED, SECRETS
from collector.redaction.personal import personal_patterns
from collector.redaction.rules import Redaction
from collector.redaction.texts import Counts, Texts
from collector.store import Batch
from collector.values import Json, write_json

_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id", "correlation_value"})
_JSON: Final = frozenset({"attributes", "events", "links", "body", "data"})
_CONTENT_TEXT: Final = frozenset({"status_message"})
_read_json: Final = msgspec.json.Decoder().decode
_CACHED: Final = 1000
_LINKED: Final = "trace:"


class BatchRedactor:
    """Redacts batches.

    `correlation_attributes` are the names whose values stand in a batch's correlations too.
    """

    def __init__(
        self,
        redaction: Redaction,
        key: bytes,
        *,
        names: ContentNames | None = None,
        correlation_attributes: frozenset[str] = frozenset(),
    ) -> None:
        marks = Marks(key)
        own = (*redaction.patterns, *personal_patterns(redaction.personal))
        patterns = (*own, *(SECRETS if redaction.secrets else ()))
        texts = Texts(patterns, marks, names=redaction.secrets)
        contents = Contents(redaction.content, names or ContentNames(), marks)
        anchors = [pattern.anchor for pattern in patterns]
        anchors += [_key_anchor(rule.name) for rule in redaction.attributes if rule.action != "keep"]
        whole = contents.everything or None in anchors
        anchor = "|".join(anchor for anchor in (*anchors, ESCAPED) if anchor)
        self._means = _Means(
            texts=texts,
            contents=contents,
            attributes=Attributes(redaction, texts, contents, marks),
            correlated=correlation_attributes,
            anchor=None if whole else re2.compile(anchor.encode()),
        )

    def begin(self) -> BatchRedaction:
        """Return the redaction of one batch, for one thread, whose rows may come in parts."""
        return BatchRedaction(self._means)

    def redact(self, batch: Batch) -> tuple[Batch, Counts]:
        """Return the batch as it may be stored, in the same layout, and how many values of each kind were redacted."""
        begun = self.begin()
        made = replace(
            batch,
            spans=begun.rows(batch.spans),
            logs=begun.rows(batch.logs),
            metric_points=begun.rows(batch.metric_points),
        )
        return begun.finish(made), begun.counts


@dataclass(frozen=True, slots=True)
class _Means:
    """What all batches are redacted with."""

    texts: Texts
    contents: Contents
    attributes: Attributes
    correlated: frozenset[str]
    anchor: re2._Regexp | None
    """Where nothing of it is found nothing is to be redacted; None where every row is to be taken apart."""
    shared: dict[tuple[str, str], tuple[str, Counts, dict[str, str]]] = field(default_factory=dict)
    """What became of texts that blocks of rows share, by column and text."""


class BatchRedaction:
    """The redaction of one batch: first its rows, in any number of parts, then what joins them."""

    def __init__(self, means: _Means) -> None:
        self.counts: Counts = Counter()
        """How many values of each kind were redacted so far."""
        self._means = means
        self._replaced: dict[str, str] = {}

    def rows(self, table: pa.Table) -> pa.Table:
        """Return rows of one kind as they may be stored."""
        if not table.num_rows:
            return table
        note = "data" not in table.column_names
        parts = [self._part(part, note=note) for part in table.to_batches()]
        return pa.Table.from_batches(parts, table.schema)

    def finish(self, batch: Batch) -> Batch:
        """Return a batch of redacted rows with its correlations: last, when it is known what became of their values."""
        return replace(
            batch,
            logs=self._column(batch.logs, "correlation_value", self._correlation),
            correlations=self._column(
                self._column(batch.correlations, "value", self._correlation), "joined_value", self._correlation
            ),
        )

    def _part(self, part: pa.RecordBatch, *, note: bool) -> pa.RecordBatch:
        columns = {name: part.column(name) for name in part.schema.names}
        own = [name for name in columns if pa.types.is_string(part.schema.field(name).type) and name not in _IDS]
        rows = self._hits(columns, own, part.num_rows)
        if rows:
            taken = {name: columns[name].take(pa.array(rows)).to_pylist() for name in own}
            for index in range(len(rows)):
                counts: Counts = Counter()
                self._row(taken, index, counts, note=note)
                self.counts.update(counts)
            mask = pa.array(_mask(rows, part.num_rows))
            for name in own:
                columns[name] = pc.replace_with_mask(columns[name], mask, pa.array(taken[name], pa.string()))
        for name, kind in zip(part.schema.names, part.schema.types, strict=True):
            if pa.types.is_dictionary(kind):
                columns[name] = self._dictionary(name, columns[name])
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=part.schema)

    def _hits(self, columns: Mapping[str, pa.Array], own: Sequence[str], size: int) -> list[int]:
        """Return the rows that have to be taken apart."""
        if self._means.anchor is None:
            return list(range(size))
        found = {row for name in own if name in _JSON for row in rows_with(self._means.anchor, columns[name])}
        plain = [columns[name] for name in own if name not in _JSON]
        # The line breaks keep a word at a row's beginning apart from the row before it.
        joined = pc.binary_join_element_wise("", *plain, "\n", null_handling="replace", null_replacement="")
        found.update(rows_with(self._means.anchor, joined))
        return sorted(found)

    def _row(self, taken: dict[str, list[str | None]], index: int, counts: Counts, *, note: bool) -> None:
        """Redact one row in place."""
        attributes: dict[str, Json] = {}
        for name, texts in taken.items():
            text = texts[index]
            if text is None:
                continue
            if name == "attributes":
                attributes = self._means.attributes.redacted(_object(text), counts, self._noted)
            elif name in {"events", "links"}:
                texts[index] = self._records(text, counts)
            elif name in {"body", "data"}:
                value = _read_json(text)
                value = self._means.contents.body(value, counts) if name == "body" else value
                value = self._means.texts.value(value, counts)
                texts[index] = None if value is None else write_json(value).decode()
            else:
                kept = self._means.contents.text(text, counts) if name in _CONTENT_TEXT else text
                texts[index] = self._means.texts.text(kept, counts)
        taken["attributes"][index] = write_json(noted(attributes, counts) if note else attributes).decode()

    def _records(self, text: str, counts: Counts) -> str:
        """Redact a span's events or links, which carry attributes of their own."""
        records = cast("list[dict[str, Json]]", _read_json(text))
        for record in records:
            inside = record.get("attributes")
            for name, value in record.items():
                if name != "attributes" and isinstance(value, str):
                    record[name] = self._means.texts.text(value, counts)
            if isinstance(inside, dict):
                record["attributes"] = self._means.attributes.redacted(inside, counts)
        return write_json(cast("Json", records)).decode()

    def _dictionary(self, name: str, column: pa.DictionaryArray) -> pa.DictionaryArray:
        """Redact what blocks of rows share: each distinct value once, and remembered."""
        before = column.dictionary.to_pylist()
        after = [self._shared_text(name, text) for text in before]
        if after == before:
            return column
        return pa.DictionaryArray.from_arrays(column.indices, pa.array(after, column.type.value_type))

    def _shared_text(self, name: str, text: str) -> str:
        shared = self._means.shared
        known = shared.get((name, text))
        if known is None:
            if len(shared) >= _CACHED:
                shared.clear()
            known = shared[name, text] = self._look_at_shared(name, text)
        redacted, counts, replaced = known
        self.counts.update(counts)
        self._replaced.update(replaced)
        return redacted

    def _look_at_shared(self, name: str, text: str) -> tuple[str, Counts, dict[str, str]]:
        counts: Counts = Counter()
        if not name.endswith("_attributes"):
            return self._means.texts.text(text, counts), counts, {}
        outer, self._replaced = self._replaced, {}
        attributes = _object(text)
        redacted = self._means.attributes.redacted(attributes, counts, self._noted)
        replaced, self._replaced = self._replaced, outer
        if redacted == attributes:
            return text, counts, replaced
        return write_json(noted(redacted, counts)).decode(), counts, replaced

    def _noted(self, name: str, value: Json, mark: Json) -> None:
        if name in self._means.correlated and isinstance(value, str) and isinstance(mark, str):
            self._replaced[value] = mark

    def _correlation(self, text: str | None) -> str | None:
        if text is None or text.startswith(_LINKED):
            return text
        known = self._replaced.get(text)
        return self._means.texts.text(text, Counter()) if known is None else known

    def _column(self, table: pa.Table, name: str, change: Callable[[str | None], str | None]) -> pa.Table:
        if not table.num_rows:
            return table
        position = table.schema.get_field_index(name)
        before = table.column(position)
        if not self._replaced and self._means.anchor is not None and not self._found(before):
            return table
        after = pa.array([change(text) for text in before.to_pylist()], pa.string())
        return table.set_column(position, table.schema.field(position), after)

    def _found(self, column: pa.ChunkedArray) -> bool:
        """Whether a look at the values of a column is needed; they are few and short."""
        text = "\n".join(value for value in column.to_pylist() if value is not None)
        return self._means.anchor is None or self._means.anchor.search(text.encode()) is not None


def rows_with(anchor: re2._Regexp, column: pa.Array) -> list[int]:
    """Return the rows of a string column in which a pattern is found, by searches over all of its bytes at once."""
    _, offset_buffer, data = column.buffers()
    if data is None or not len(column):
        return []
    offsets = memoryview(offset_buffer).cast("i")[column.offset : column.offset + len(column) + 1]
    text, position, end = memoryview(data), offsets[0], offsets[-1]
    rows: list[int] = []
    while position < end and (match := anchor.search(text, position, end)) is not None:
        row = bisect_right(offsets, match.start()) - 1
        rows.append(row)
        position = offsets[row + 1]
    return rows


def _object(text: str) -> dict[str, Json]:
    return cast("dict[str, Json]", _read_json(text))


def _mask(rows: Sequence[int], size: int) -> list[bool]:
    mask = [False] * size
    for row in rows:
        mask[row] = True
    return mask


def _key_anchor(name: str) -> str:
    """Return the anchor of an attribute's name in the JSON text of its set."""
    quoted = write_json(name.removesuffix("*")).decode()
    escaped: str = re2.escape(quoted[:-1] if name.endswith("*") else quoted)
    return escaped
