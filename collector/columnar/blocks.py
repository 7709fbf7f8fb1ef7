"""What the spans of a request share: resource and scope."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from collector.decode_origin import Block, resource_columns, scope_columns
from collector.decode_protobuf import ProtobufCodec
from collector.losses import Losses
from collector.values import Json


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a request's spans, in the order of the spans."""

    scopes: list[Block] = field(default_factory=list)
    """One per scope."""
    resources: list[tuple[dict[str, Json], int]] = field(default_factory=list)
    """Each resource's attributes, and how many spans are under it."""


def read_blocks(resources: pa.StructArray, scopes: pa.StructArray, codec: ProtobufCodec, losses: Losses) -> Blocks:
    """Return the blocks of a request; what is malformed in them is counted."""
    blocks = Blocks()
    sizes = pc.list_value_length(scopes.field("spans")).to_pylist()
    scopes_left = zip(scopes.field("scope").to_pylist(), scopes.field("schema_url").to_pylist(), sizes, strict=True)
    for raw, schema_url, count in zip(
        resources.field("resource").to_pylist(),
        resources.field("schema_url").to_pylist(),
        pc.list_value_length(resources.field("scope_spans")).to_pylist(),
        strict=True,
    ):
        attributes, columns = resource_columns(raw, schema_url, codec, losses)
        under_it = list(islice(scopes_left, count))
        blocks.resources.append((attributes, sum(size for _, _, size in under_it)))
        for scope, scope_schema_url, size in under_it:
            origin = (*columns, *scope_columns(scope, scope_schema_url, codec, losses))
            blocks.scopes.append(Block(origin, size))
    return blocks
