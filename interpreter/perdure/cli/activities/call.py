"""`perdure activities call`: one call, without a run and without retries."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from perdure.cli.exits import FAILED, OK, complain
from perdure.cli.inputs import read_pairs, read_whole
from perdure.cli.lazy import command
from perdure.cli.output import as_json, emit
from perdure.cli.settings import Settings, settings
from perdure.cli.streams import results_only
from perdure.errors import InvalidInput
from perdure.values import JSON

if TYPE_CHECKING:
    from perdure.activities import Registry


@command("call")
@click.argument("name")
@click.option("-i", "pairs", multiple=True, metavar="KEY=VALUE", help="An argument; KEY:=JSON for JSON. Repeatable.")
@click.option("--input", "whole", metavar="@FILE|-|JSON", help="All arguments as one JSON mapping.")
def call(name: str, pairs: tuple[str, ...], whole: str | None) -> int:
    """Call the activity NAME once and print its result; a failure is printed too, with exit code 1."""
    from perdure.activities import ActivityFailure
    from perdure.cli.activities.registry import loaded, require

    chosen = settings()
    given = {} if whole is None else read_whole(whole)
    if not isinstance(given, dict):
        raise InvalidInput("--input must be a mapping from names to values")
    with results_only():
        registry = loaded(chosen)
        require(registry, name)
        arguments = {**given, **read_pairs(pairs, registry.describe(name).arguments)}
        try:
            result, error = asyncio.run(_call(registry, name, arguments)), None
        except ActivityFailure as failure:
            result, error = None, failure.error
    if error is not None:
        _show_failure(chosen, name, error)
        return FAILED
    emit(chosen.output, {"activity": name, "result": result}, as_json(result))
    return OK


async def _call(registry: Registry, name: str, arguments: dict[str, JSON]) -> JSON:
    from perdure.activities import Context

    run = f"call-{uuid4().hex[:12]}"
    context = Context(run_id=run, workflow="", address=name, attempt=1, idempotency_key=f"{run}/{name}/1")
    try:
        return await registry.call(name, arguments, context)
    finally:
        await registry.aclose()


def _show_failure(chosen: Settings, name: str, error: dict[str, Any]) -> None:
    if chosen.output == "table":
        complain(f"{error['type']}: {error['message']}")
    emit(chosen.output, {"activity": name, "error": error}, as_json(error))
