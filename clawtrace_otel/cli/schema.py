"""`clawtrace schema`: the JSON Schema of what the program writes."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Document(StrEnum):
    """What has a schema."""

    TRACECARD = "tracecard"


def schema(document: Annotated[Document, typer.Argument(help="Of which document.")]) -> None:
    """Print a JSON Schema."""
    from processors.tracecard import TraceCard

    models = {Document.TRACECARD: TraceCard}
    typer.echo(json.dumps(models[document].model_json_schema(by_alias=True), indent=2))
