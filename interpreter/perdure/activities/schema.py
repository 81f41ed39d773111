"""How pydantic writes the JSON Schemas of activities: without made-up titles, without warnings.

Imported only when a schema is asked for: it brings in the slow half of pydantic.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema


class PlainSchema(GenerateJsonSchema):
    """JSON Schema that says what was declared and nothing else."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No titles derived from names: they only repeat the key."""
        return False

    def emit_warning(self, kind: Any, detail: str) -> None:
        """A default that JSON cannot hold is simply left out."""
