"""The tools that a model was told of, from the shapes in which requests carry them."""

from __future__ import annotations

from collections.abc import Mapping

from processors.model import ToolDefinition
from processors.normalise.values import Json, canonical, mapping, sequence, structured


def tool_definitions(value: object) -> tuple[ToolDefinition, ...] | None:
    """Return the tools in a list of definitions or of their JSON texts; None where there is none."""
    plain = structured(value)
    entries = [plain] if isinstance(plain, Mapping) else sequence(plain)
    found = (_definition(mapping(structured(entry))) for entry in entries)
    return tuple(tool for tool in found if tool is not None) or None


def _definition(item: Mapping[str, Json]) -> ToolDefinition | None:
    function = mapping(item.get("function")) or item
    name = function.get("name")
    if not isinstance(name, str):
        return None
    schemas = (function[key] for key in ("parameters", "inputSchema", "input_schema") if function.get(key))
    schema = next(schemas, None)
    hints = mapping(item.get("annotations"))
    return ToolDefinition(
        name=name,
        description=str(function.get("description") or ""),
        parameters=canonical(structured(schema)) if schema is not None else "",
        read_only_hint=_hint(hints.get("readOnlyHint")),
        destructive_hint=_hint(hints.get("destructiveHint")),
    )


def _hint(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None
