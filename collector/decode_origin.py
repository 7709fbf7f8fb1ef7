"""Where records came from, resource and scope, to the columns that a block of rows shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collector.decode_rows import Codec, Raw, Row
from collector.losses import Losses, MalformedFieldError
from collector.values import Json, write_json


@dataclass(frozen=True, slots=True)
class Block:
    """Records one after another that came under one resource and scope."""

    origin: Row
    """The shared columns in their order, but for `received_at`."""
    size: int


def resource_columns(raw: Raw, schema_url: str, codec: Codec, losses: Losses) -> tuple[dict[str, Json], Row]:
    """Return a resource's attributes, and its columns."""
    resource = _read(raw, codec.resource, losses)
    attributes = {} if resource is None else codec.attributes(resource.attributes, losses)
    name = attributes.get("service.name")
    return attributes, (
        name if isinstance(name, str) else None,
        write_json(attributes),
        0 if resource is None else resource.dropped_attributes_count,
        schema_url,
    )


def scope_columns(raw: Raw, schema_url: str, codec: Codec, losses: Losses) -> Row:
    """Return a scope's columns."""
    scope = _read(raw, codec.scope, losses)
    if scope is None:
        return ("", "", "{}", 0, schema_url)
    attributes = write_json(codec.attributes(scope.attributes, losses)) if scope.attributes else "{}"
    return (scope.name, scope.version, attributes, scope.dropped_attributes_count, schema_url)


def _read(raw: Raw, read: Callable[[Raw, Losses], Raw], losses: Losses) -> Raw:
    """Return a resource or scope; None where it is absent or (counted) malformed."""
    if not raw:
        return None
    try:
        return read(raw, losses)
    except MalformedFieldError as error:
        losses.drop(f"{read.__name__}: {error}")
        return None
