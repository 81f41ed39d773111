"""Queues as they are given to a worker: `--queue NAME[=N]`, `PERDURE_QUEUES`, `queues` of the project."""

from __future__ import annotations

import click

from perdure.cli.settings import Settings


class Queue(click.ParamType[tuple[str, int | None]]):
    """A queue, and how many of its activities run at a time: `gpu`, `gpu=2`."""

    name = "queue"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | None]:
        if isinstance(value, tuple):
            return value
        name, sign, limit = str(value).partition("=")
        if sign and not (limit.isdecimal() and int(limit) >= 1):
            self.fail(f"{value!r} is no queue: write NAME or NAME=N, N from 1", param, ctx)
        return name, int(limit) if sign else None


def chosen_queues(
    chosen: Settings, given: tuple[tuple[str, int | None], ...], concurrency: int
) -> dict[str, int] | None:
    """The queues a worker serves, with their limits; None for all. What is given wins over environment and project."""
    pairs = given or tuple(Queue().convert(part, None, None) for part in chosen.queues)
    limits: dict[str, int] = {}
    for name, limit in pairs:
        if name in limits:
            raise click.UsageError(f"the queue {name!r} is named twice")
        limits[name] = concurrency if limit is None else limit
    return limits or None
