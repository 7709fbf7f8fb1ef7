"""Metrics, in whichever encoding, to rows of `collector.columns.METRIC_POINTS`, one per data point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from collector.decode_rows import Codec, Raw, Row, optional_identifier
from collector.losses import Losses, MalformedFieldError
from collector.values import Json, json_double, json_map, write_json

METRIC_TYPES: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
"""The fields of which a metric has one."""
_NO_DATA: Final = "{}"


class MetricCodec(Codec, Protocol):
    """What an encoding says about fields that may be absent."""

    def metric_data(self, metric: Raw) -> tuple[str, Raw] | None:
        """Return which of `METRIC_TYPES` a metric is, and its data; None where it has none."""
        ...

    def number(self, point: Raw) -> int | float | None:
        """Return `as_int` or `as_double` of a point or exemplar, whichever is set."""
        ...

    def present(self, point: Raw, name: str) -> float | None:
        """Return an optional field; None where it is not set."""
        ...

    def exemplar(self, raw: Raw, losses: Losses) -> Raw:
        """Return an exemplar by whose field names it can be read. Raises MalformedFieldError."""
        ...


def point_rows(metrics: Sequence[Raw], codec: MetricCodec, losses: Losses) -> list[Row]:
    """Return the rows of all data points; a metric without data is counted as rejected."""
    losses.admit(len(metrics))
    rows: list[Row] = []
    for metric in metrics:
        found = codec.metric_data(metric)
        if found is None:
            losses.reject("metric: it has no data")
            continue
        kind, data = found
        metadata = json_map(codec.attributes(metric.metadata, losses)) if metric.metadata else None
        head = (
            metric.name,
            metric.description,
            metric.unit,
            kind,
            data.aggregation_temporality if kind in _HAS_TEMPORALITY else 0,
            data.is_monotonic if kind == "sum" else None,
        )
        describe = _DESCRIBE[kind]
        losses.admit(len(data.data_points))
        for point in data.data_points:
            details = describe(point, codec)
            if metadata is not None:
                details["metadata"] = metadata
            if kind != "summary" and point.exemplars:
                details["exemplars"] = _exemplars(point.exemplars, codec, losses)
            rows.append((*head, *_figures(kind, point, codec, losses), _text(details), point.flags))
    return rows


def _figures(kind: str, point: Raw, codec: MetricCodec, losses: Losses) -> Row:
    """Return the columns from `attributes` to `sum`."""
    value: int | float | None = None
    count = total = None
    if kind in {"gauge", "sum"}:
        value = codec.number(point)
    else:
        count = point.count
        total = point.sum if kind == "summary" else codec.present(point, "sum")
    return (
        write_json(codec.attributes(point.attributes, losses)),
        point.start_time_unix_nano,
        point.time_unix_nano,
        value if isinstance(value, int) else None,
        value if isinstance(value, float) else None,
        count,
        total,
    )


def _text(details: dict[str, Json]) -> bytes | str:
    return write_json(details) if details else _NO_DATA


def _number_point(_point: Raw, _codec: MetricCodec) -> dict[str, Json]:
    return {}


def _extremes(point: Raw, codec: MetricCodec) -> dict[str, Json]:
    found = ((name, codec.present(point, name)) for name in ("min", "max"))
    return {name: json_double(value) for name, value in found if value is not None}


def _histogram_point(point: Raw, codec: MetricCodec) -> dict[str, Json]:
    return {
        "bucket_counts": list(point.bucket_counts),
        "explicit_bounds": [json_double(bound) for bound in point.explicit_bounds],
        **_extremes(point, codec),
    }


def _exponential_point(point: Raw, codec: MetricCodec) -> dict[str, Json]:
    return {
        "scale": point.scale,
        "zero_count": point.zero_count,
        "zero_threshold": json_double(point.zero_threshold),
        "positive": _buckets(point.positive),
        "negative": _buckets(point.negative),
        **_extremes(point, codec),
    }


def _buckets(buckets: Raw) -> Json:
    return {"offset": buckets.offset, "bucket_counts": list(buckets.bucket_counts)}


def _summary_point(point: Raw, _codec: MetricCodec) -> dict[str, Json]:
    return {
        "quantile_values": [
            {"quantile": json_double(at.quantile), "value": json_double(at.value)} for at in point.quantile_values
        ]
    }


def _exemplars(raws: Sequence[Raw], codec: MetricCodec, losses: Losses) -> Json:
    losses.admit(len(raws))
    exemplars: list[Json] = []
    for raw in raws:
        try:
            exemplar = codec.exemplar(raw, losses)
        except MalformedFieldError as error:
            losses.drop(f"exemplar: {error}")
            continue
        text: dict[str, Json] = {"time_unix_nano": exemplar.time_unix_nano}
        value = codec.number(exemplar)
        if value is not None:
            text["value"] = json_double(value) if isinstance(value, float) else value
        for name in ("trace_id", "span_id"):
            identifier = optional_identifier(getattr(exemplar, name), name, codec, losses)
            if identifier is not None:
                text[name] = identifier
        if exemplar.filtered_attributes:
            text["filtered_attributes"] = json_map(codec.attributes(exemplar.filtered_attributes, losses))
        exemplars.append(text)
    return exemplars


_HAS_TEMPORALITY: Final = frozenset({"sum", "histogram", "exponential_histogram"})
_DESCRIBE: Final[dict[str, Callable[[Raw, MetricCodec], dict[str, Json]]]] = {
    "gauge": _number_point,
    "sum": _number_point,
    "histogram": _histogram_point,
    "exponential_histogram": _exponential_point,
    "summary": _summary_point,
}
