"""`perdure activities list`."""

from __future__ import annotations

from dataclasses import asdict

from perdure.cli.lazy import command
from perdure.cli.output import emit, table
from perdure.cli.settings import settings
from perdure.cli.streams import results_only


@command("list")
def list_() -> None:
    """List the activities that are installed: built-in ones, those of packages, the project's own."""
    from perdure.cli.activities.registry import loaded

    chosen = settings()
    with results_only():
        registry = loaded(chosen)
        found = [registry.describe(name) for name in registry.names()]
    text = table(
        ("name", "takes", "summary"),
        [(one.name, ", ".join(_parameters(one.arguments)), _summary(one.summary, one.deprecated)) for one in found],
    )
    rows = [asdict(one) for one in found]
    emit(chosen.output, {"activities": rows}, text, rows=rows)


def _parameters(schema: dict[str, object]) -> list[str]:
    """Names of the arguments; a question mark stands behind those that may be left out."""
    properties, required = schema.get("properties"), schema.get("required")
    names = properties if isinstance(properties, dict) else {}
    needed = required if isinstance(required, list) else []
    return [name if name in needed else f"{name}?" for name in names]


def _summary(summary: str, deprecated: str | None) -> str:
    return summary if deprecated is None else f"deprecated: {deprecated}"
