"""`clawtrace schema`: the JSON Schema of what the program writes."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Document(StrEnum):
    """What has a schema."""

    TRACECARD = "tracecard"
    PATCH = "patch"


def schema(document: Annotated[Document, typer.Argument(help="The document whose schema to print.")]) -> None:
    """Print a JSON Schema."""
    from costcraft.patch import SkillPatch
    from processors.tracecard import TraceCard

    schemas = {
        Document.TRACECARD: lambda: TraceCard.model_json_schema(by_alias=True),
        Document.PATCH: lambda: SkillPatch.model_json_schema(mode="serialization"),
    }
    typer.echo(json.dumps(schemas[document](), indent=2))
