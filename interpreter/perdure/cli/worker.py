"""`perdure worker`: moves the runs of a store until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os

import click

from perdure.cli.durations import Duration
from perdure.cli.entry import YOUNG
from perdure.cli.exits import complain
from perdure.cli.interrupts import interrupts
from perdure.cli.lazy import command
from perdure.cli.opening import SECRETS, working
from perdure.cli.queues import Queue, chosen_queues
from perdure.cli.settings import Settings, settings
from perdure.cli.showable import one_line
from perdure.cli.streams import results_only

log = logging.getLogger("perdure.worker")


@command("worker")
@click.option(
    "--concurrency", type=click.IntRange(1), default=1000, show_default=True, help="Activities that run at a time."
)
@click.option(
    "--queue",
    "queues",
    type=Queue(),
    multiple=True,
    metavar="NAME[=N]",
    help="Run only activities of this queue, N at a time; steps that name none are in `default`. Repeatable.",
)
@click.option("--secrets", metavar="PLACE", help=SECRETS)
@click.option(
    "--grace", type=Duration(), default=10.0, show_default="10s",
    help="How long running activities may go on after the first signal to stop.",
)  # fmt: skip
def worker(concurrency: int, queues: tuple[tuple[str, int | None], ...], secrets: str | None, grace: float) -> None:
    """Move the runs of a store until SIGINT or SIGTERM; a second signal exits at once."""
    chosen = settings()
    with results_only():
        limits = chosen_queues(chosen, queues, concurrency)
        asyncio.run(_work(chosen, concurrency, limits, secrets, grace))


async def _work(
    chosen: Settings, concurrency: int, queues: dict[str, int] | None, secrets: str | None, grace: float
) -> None:
    with interrupts() as asked:
        async with working(chosen, concurrency=concurrency, queues=queues, secrets=secrets, grace=grace):
            if not chosen.quiet:
                complain(f"worker {os.getpid()} on {one_line(chosen.store)}; Ctrl-C stops it", label=False)
            collect_seldom()
            await asked.wait()
            if not chosen.quiet:
                complain("stopping; a second signal exits at once", label=False)


def collect_seldom() -> None:
    """What is loaded now stays: collections need not look at it, or they show as pauses of 15 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
