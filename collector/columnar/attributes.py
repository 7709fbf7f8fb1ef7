"""The attributes of many spans as JSON text: each distinct attribute is read and written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from collector.columnar.messages import KEY_VALUES, DeclinedError
from collector.decode_protobuf import ProtobufCodec
from collector.limits import AttributeLimits
from collector.losses import Losses
from collector.values import Json, write_json

_STRING: Final = "string_value"
_INT: Final = "int_value"
_NONE: Final = pa.table(
    {"row": pa.array([], pa.int64()), "key": pa.array([], pa.string()), "value": pa.array([], pa.string())}
)


@dataclass(frozen=True, slots=True)
class AttributeColumn:
    """The attributes of a column of spans, none of which has a key twice."""

    lists: pa.ListArray
    """Per span its attributes, as bytes."""
    entries: pa.DictionaryArray
    """The same attributes in one column, by distinct bytes."""
    keys: pa.DictionaryArray
    """The key of each distinct attribute."""
    values: pa.StructArray
    """The value of each distinct attribute: a column per type, null where it is of another."""

    def texts(self, codec: ProtobufCodec) -> pa.StringArray:
        """Return each span's attributes as one JSON object. Raises DeclinedError where a value cannot be kept whole."""
        members = self._members(codec).take(self.entries.indices)
        joined = pc.binary_join(pa.ListArray.from_arrays(self.lists.offsets, members), ",")
        return pc.binary_join_element_wise("{", joined, "}", "")

    def strings_at(self, keys: frozenset[str]) -> pa.Table:
        """Return `row`, `key` and `value` of the attributes of these keys that are strings.

        Raises DeclinedError where one of them is, on the wire, of another type as well.
        """
        wanted = pa.array([key in keys for key in self.keys.dictionary.to_pylist()], pa.bool_())
        if wanted.true_count == 0:
            return _NONE
        wanted = pc.and_(wanted.take(self.keys.indices), self.values.field(_STRING).is_valid())
        if self._are_of_other_types(wanted):
            raise DeclinedError("a value is of several types")
        places = pc.indices_nonzero(wanted.take(self.entries.indices))
        found = self.entries.indices.take(places)
        return pa.table(
            {
                "row": pc.list_parent_indices(self.lists).take(places),
                "key": self.keys.dictionary.take(self.keys.indices.take(found)),
                "value": self.values.field(_STRING).take(found),
            }
        )

    def _are_of_other_types(self, strings: pa.BooleanArray) -> bool:
        others = (self.values.field(field.name).filter(strings) for field in self.values.type if field.name != _STRING)
        return any(column.null_count < len(column) for column in others)

    def _members(self, codec: ProtobufCodec) -> pa.StringArray:
        """Return each distinct attribute as the text of a member of a JSON object."""
        names = [write_json(key) + b":" for key in self.keys.dictionary.to_pylist()]
        parts = [
            part
            for name, value in zip(self.keys.indices.to_pylist(), self._values(codec), strict=True)
            for part in (names[name], write_json(value))
        ]
        ends = pa.array([0, *accumulate(map(len, parts))][::2], pa.int32())
        return pa.StringArray.from_buffers(len(self.keys), ends.buffers()[1], pa.py_buffer(b"".join(parts)))

    def _values(self, codec: ProtobufCodec) -> list[Json]:
        """Return the value of each distinct attribute."""
        both = list(zip(self.values.field(_STRING).to_pylist(), self.values.field(_INT).to_pylist(), strict=True))
        values: list[Json] = [integer if string is None else string for string, integer in both]
        for index in self._neither_string_nor_int(both):
            values[index] = self._other_value(index, codec)
        return values

    def _neither_string_nor_int(self, both: Sequence[tuple[str | None, int | None]]) -> set[int]:
        """Return which values are of other types, of none, or (on the wire) of several."""
        found = {index for index, (string, integer) in enumerate(both) if (string is None) == (integer is None)}
        for field in self.values.type:
            column = self.values.field(field.name)
            if field.name not in {_STRING, _INT} and column.null_count < len(column):
                found.update(pc.indices_nonzero(column.is_valid()).to_pylist())
        return found

    def _other_value(self, index: int, codec: ProtobufCodec) -> Json:
        losses = Losses()
        attribute = codec.attributes([self.entries.dictionary[index].as_py()], losses)
        if losses.message():
            raise DeclinedError(losses.message())
        (value,) = attribute.values()
        return value


def read_attributes(lists: pa.ListArray, limits: AttributeLimits) -> AttributeColumn:
    """Return the attributes of spans. Raises DeclinedError past a limit, and for a key that is empty or repeats."""
    entries = lists.flatten().dictionary_encode()
    longest = pc.max(pc.binary_length(entries.dictionary)).as_py() or 0
    most = pc.max(pc.list_value_length(lists)).as_py() or 0
    if longest > limits.value_bytes or most > limits.count:
        raise DeclinedError("attributes past a limit")
    read = KEY_VALUES.read(entries.dictionary)
    keys = read.column("key").dictionary_encode()
    if pc.any(pc.equal(keys.dictionary, "")).as_py():
        raise DeclinedError("a key is empty")
    places = pc.multiply(pc.list_parent_indices(lists).cast(pa.int64()), len(keys.dictionary))
    if pc.count_distinct(pc.add(places, keys.indices.take(entries.indices))).as_py() < len(entries):
        raise DeclinedError("a span has a key twice")
    return AttributeColumn(lists, entries, keys, read.column("value"))
