"""Repairs OTLP/JSON requests that do not convert as a whole: valid records are kept, the others counted.

The JSON counterpart of `collector.wire.mend`: a field set to null counts as absent (ProtoJSON), a lone surrogate
becomes U+FFFD, a broken value costs its attribute, a broken span itself.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeVar, get_args, get_type_hints

import msgspec

from collector import otlp_json as otlp
from collector.losses import Losses

_P = TypeVar("_P", bound=otlp.Part)
_VALUE_TREE: Final = frozenset({otlp.KeyValue, otlp.AnyValue, otlp.ArrayValue, otlp.KeyValueList})
_PARTS: Final = frozenset(
    {otlp.KeyValue, otlp.AnyValue, otlp.Event, otlp.Link, otlp.Status, otlp.Resource, otlp.InstrumentationScope}
    | {otlp.Exemplar}
)
"""What a record can lose and still be stored."""


def mend(kind: type[_P], raw: object, losses: Losses) -> _P | None:
    """Return the struct without its broken parts; None if it is broken itself. Losses are counted by kind."""
    mended = _mend(kind, _without_surrogates(raw, losses), losses)
    return None if mended is None else msgspec.convert(mended, kind, strict=False)


def _mend(kind: type[otlp.Part], raw: object, losses: Losses) -> dict[str, object] | None:
    if not isinstance(raw, dict):
        return None
    if _converts(raw, kind):
        return raw
    mended: dict[str, object] = {}
    for name, (part, hint) in _fields(kind).items():
        content = raw.get(name)
        if content is None:
            continue
        if part is None:
            if not _converts(content, hint):
                return None
            mended[name] = content
            continue
        found, many = _mend_parts(part, content, losses, inside_value=kind in _VALUE_TREE), isinstance(content, list)
        if found is None:
            return None
        if many:
            mended[name] = found
        elif found:
            mended[name] = found[0]
    return mended if _converts(mended, kind) else None


def _mend_parts(
    part: type[otlp.Part], content: object, losses: Losses, *, inside_value: bool
) -> list[dict[str, object]] | None:
    """Return the sound ones; None where one is broken inside a value, which is kept whole or not at all."""
    kept = []
    for item in content if isinstance(content, list) else [content]:
        mended = _mend(part, item, losses)
        if mended is not None:
            kept.append(mended)
        elif inside_value:
            return None
        else:
            reason = f"{part.__name__} is not what OTLP/JSON allows{_why(item, part)}"
            (losses.drop if part in _PARTS else losses.reject)(reason)
    return kept


def _converts(raw: object, hint: object) -> bool:
    try:
        msgspec.convert(raw, hint, strict=False)
    except (msgspec.ValidationError, ValueError):
        return False
    return True


def _why(raw: object, kind: type[otlp.Part]) -> str:
    try:
        msgspec.convert(raw, kind, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        return f": {error}"
    return ""


@cache
def _fields(kind: type[otlp.Part]) -> dict[str, tuple[type[otlp.Part] | None, object]]:
    """Return by JSON name the struct that a field holds (one or a list of it), if any, and the field's type."""
    hints = get_type_hints(kind, include_extras=True)
    fields = msgspec.structs.fields(kind)
    return {field.encode_name: (_part(hints[field.name]), hints[field.name]) for field in fields}


def _part(hint: object) -> type[otlp.Part] | None:
    for candidate in (hint, *get_args(hint)):
        if isinstance(candidate, type) and issubclass(candidate, otlp.Part):
            return candidate
    return None


def _without_surrogates(raw: object, losses: Losses) -> object:
    if isinstance(raw, str):
        if raw.isascii():
            return raw
        clean = raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if clean != raw:
            losses.drop("a string held half a surrogate pair, U+FFFD stands for it")
        return clean
    if isinstance(raw, list):
        return [_without_surrogates(item, losses) for item in raw]
    if isinstance(raw, dict):
        return {str(_without_surrogates(key, losses)): _without_surrogates(item, losses) for key, item in raw.items()}
    return raw
