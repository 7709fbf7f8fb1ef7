"""OTLP's protobuf messages as the hot loop wants them: the same wire format, read only as deep as needed.

protobuf writes a string, bytes and a message alike, so the official descriptors with some fields re-declared as bytes
read the same bodies. Two variants follow from that:

* `LAZY`: attributes, events, links and other small messages stay bytes. They repeat from span to span, so most are
  looked up instead of parsed (five times faster), and a malformed one costs only itself.
* `OPEN`: every string and message stays bytes. `mend` uses it to take a body apart that does not parse as a whole,
  drops the parts that are broken, and puts the rest together again.

Source: protobuf encoding guide, "Length-Delimited Records"; opentelemetry-proto 1.x.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from collector.losses import Losses

MessageClass: TypeAlias = Any
"""A message class made at run time: protobuf has no static type for its fields."""

MAX_VALUE_DEPTH: Final = 30
"""Kvlists and arrays inside one another. protobuf's own limit of 100 messages allows 31, so both encodings agree."""

_FILES: Final = tuple(module.DESCRIPTOR for module in (trace_pb2, logs_pb2, metrics_pb2, common_pb2, resource_pb2))
_LAZY_FIELDS: Final = frozenset(
    {"attributes", "filtered_attributes", "metadata", "events", "links", "status", "resource", "scope", "body"}
    | {"exemplars", "entity_refs", "array_value", "kvlist_value"}
)
_VALUE_TREE: Final = frozenset({"KeyValue", "AnyValue", "ArrayValue", "KeyValueList"})
_PARTS: Final = frozenset(
    {"KeyValue", "AnyValue", "Event", "Link", "Status", "Resource", "EntityRef", "InstrumentationScope", "Exemplar"}
)
"""Messages that a record can lose and still be stored. Losing any other message is losing a record."""
_Field: TypeAlias = descriptor_pb2.FieldDescriptorProto


def _declare_bytes(field: _Field, *, lazily: bool) -> None:
    is_message = field.type == _Field.TYPE_MESSAGE
    if lazily and not (is_message and field.name in _LAZY_FIELDS):
        return
    if is_message or field.type == _Field.TYPE_STRING:
        field.type = _Field.TYPE_BYTES
        field.ClearField("type_name")


def _redeclare(file: FileDescriptor, *, lazily: bool) -> dict[str, MessageClass]:
    """Return the classes of a file's messages by full name, with message fields (and strings) turned to bytes."""
    proto = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(proto)
    del proto.dependency[:]
    pending = list(proto.message_type)
    while pending:
        message = pending.pop()
        pending.extend(message.nested_type)
        for field in message.field:
            _declare_bytes(field, lazily=lazily)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    pending_types = [pool.FindMessageTypeByName(f"{file.package}.{name}") for name in file.message_types_by_name]
    classes: dict[str, MessageClass] = {}
    while pending_types:
        kind = pending_types.pop()
        pending_types.extend(kind.nested_types)
        classes[kind.full_name] = message_factory.GetMessageClass(kind)
    return classes


_LAZY: Final = {name: kind for file in _FILES for name, kind in _redeclare(file, lazily=True).items()}
_OPEN: Final = {name: kind for file in _FILES for name, kind in _redeclare(file, lazily=False).items()}


def lazy(official: type[Message]) -> MessageClass:
    """Return the variant of an official message that leaves its small parts as bytes."""
    return _LAZY[official.DESCRIPTOR.full_name]


def mend(official: type[Message], raw: bytes, losses: Losses) -> bytes | None:
    """Return the message without its broken parts and with U+FFFD for what is not UTF-8; None if nothing is left.

    What is lost is counted: a span, log record or metric as rejected, anything smaller as dropped. A value is kept
    whole or not at all, since an array without one of its items would say something else.
    """
    return _mend(cast("Descriptor", official.DESCRIPTOR), raw, losses, 0)


def _mend(kind: Descriptor, raw: bytes, losses: Losses, depth: int) -> bytes | None:
    if _parses(kind, raw):
        return raw
    if depth > 3 * MAX_VALUE_DEPTH:
        return None
    try:
        message = _OPEN[kind.full_name].FromString(raw)
    except DecodeError:
        return None
    for opened, content in message.ListFields():
        field = kind.fields_by_name[opened.name]
        if field.type not in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE}:
            continue
        mended = [_mend_part(field, part, losses, depth) for part in (content if field.is_repeated else [content])]
        kept = [part for part in mended if part is not None]
        if len(kept) < len(mended) and kind.name in _VALUE_TREE:
            return None
        message.ClearField(field.name)
        if field.is_repeated:
            getattr(message, field.name).extend(kept)
        elif kept:
            setattr(message, field.name, kept[0])
    repaired: bytes = message.SerializeToString()
    return repaired


def _parses(kind: Descriptor, raw: bytes) -> bool:
    try:
        message_factory.GetMessageClass(kind).FromString(raw)
    except DecodeError:
        return False
    return True


def _mend_part(field: FieldDescriptor, part: bytes, losses: Losses, depth: int) -> bytes | None:
    kind, parent = field.message_type, field.containing_type
    if kind is None or parent is None:
        text = part.decode(errors="replace").encode()
        if text != part:
            losses.drop(f"{field.name} was not UTF-8, U+FFFD stands where it was not")
        return text
    mended = _mend(kind, part, losses, depth + 1)
    if mended is None and parent.name not in _VALUE_TREE:
        (losses.drop if kind.name in _PARTS else losses.reject)(f"{kind.name} is not valid protobuf")
    return mended
