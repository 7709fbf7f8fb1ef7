"""OTLP messages to Arrow, by the descriptors of `collector.wire`: small messages stay bytes."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from ptars import HandlerPool

from collector.wire import lazy


class DeclinedError(Exception):
    """A request holds something that is to be decoded row by row."""


class MessageColumns:
    """Reads messages of one type: a field becomes a column, a repeated field a column of lists."""

    def __init__(self, official: type[Message]) -> None:
        descriptor = lazy(official).DESCRIPTOR
        self._handler = HandlerPool([descriptor.file]).get_for_message(descriptor)

    def read(self, messages: pa.BinaryArray) -> pa.RecordBatch:
        """Return one row per message. Raises DeclinedError where one is malformed or has text that is not UTF-8."""
        try:
            return self._handler.array_to_record_batch(messages)
        except ValueError as error:
            raise DeclinedError(str(error)) from error


TRACES: Final = MessageColumns(TracesData)
KEY_VALUES: Final = MessageColumns(KeyValue)
"""A value that is an array or a kvlist stays bytes."""
