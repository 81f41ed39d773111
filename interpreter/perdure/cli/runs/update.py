"""`perdure runs update`."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import click

from perdure.cli.durations import Duration
from perdure.cli.lazy import command
from perdure.cli.opening import looking
from perdure.cli.output import as_json, emit
from perdure.cli.runs.signal import payload
from perdure.cli.settings import Settings, settings
from perdure.values import JSON


@command("update")
@click.argument("run")
@click.argument("name")
@click.argument("data", nargs=-1, metavar="[JSON | KEY=VALUE]...")
@click.option("--id", "id_", metavar="ID", help="Names the update: the same id again is the same update.")
@click.option(
    "--wait", type=click.Choice(("accepted", "completed")), default="completed", show_default=True,
    help="Wait until it is accepted, and print its id; or until it is handled, and print its reply.",
)  # fmt: skip
@click.option("--timeout", type=Duration(), help="How long to wait at most (90s, 5m); the update stays.")
def update(run: str, name: str, data: tuple[str, ...], id_: str | None, wait: str, timeout: float | None) -> None:
    """Send the update NAME to the run RUN, with JSON or with key=value pairs as its data, and print its reply.

    Some process must be moving the run; until then the update waits. Exit code 1 where it is refused, or where
    its handler fails.
    """
    chosen = settings()
    known = id_ or uuid4().hex
    reply = asyncio.run(_sent(chosen, run, name, payload(data), known, wait, timeout))
    if wait == "accepted":
        emit(chosen.output, {"run": run, "update": known, "status": "accepted"}, known)
    else:
        emit(chosen.output, {"run": run, "update": known, "status": "completed", "reply": reply}, as_json(reply))


async def _sent(chosen: Settings, run: str, name: str, data: JSON, id_: str, wait: str, timeout: float | None) -> JSON:
    async with looking(chosen) as engine:
        try:
            async with asyncio.timeout(timeout):
                return await engine.run(run).update(name, data, id=id_, wait=wait)
        except TimeoutError:
            raise TimeoutError(f"the update waits to be handled; ask again with --id {id_}") from None
