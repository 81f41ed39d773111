"""`perdure dev`: watches the project; after each change checks, tests and deploys what it concerns, and keeps a worker.

Runs none of the project's code itself. A round is a process, the worker is one, and both see the code as it is when
they start.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from perdure.cli.developing.affected import Round, concerned, everything
from perdure.cli.exits import INTERRUPTED, OK, complain
from perdure.cli.lazy import command
from perdure.cli.opening import SECRETS
from perdure.cli.queues import Queue
from perdure.cli.settings import Settings, settings
from perdure.cli.testing.watch import PAUSE, Times, times
from perdure.errors import InvalidInput

GRACE: Final = "2s"
"""How long running activities may go on when the worker is started anew; they run again afterwards."""

PATIENCE: Final = 10.0
"""Seconds after which a process that was told to stop is ended."""

SETTLED: Final = 10
"""Looks at files that go on changing before they are taken as they are."""

NAMED: Final = 5
"""Changed files that are named."""


@command("dev")
@click.option("--no-tests", is_flag=True, help="Do not run the tests.")
@click.option("--no-worker", is_flag=True, help="Do not run a worker; definitions are deployed all the same.")
@click.option(
    "--queue", "queues", type=Queue(), multiple=True, metavar="NAME[=N]",
    help="Run only activities of this queue, N at a time. Repeatable.",
)  # fmt: skip
@click.option("--secrets", metavar="PLACE", help=SECRETS)
@click.option("--round", "once", is_flag=True, hidden=True)
def dev(
    no_tests: bool, no_worker: bool, queues: tuple[tuple[str, int | None], ...], secrets: str | None, once: bool
) -> int:
    """Watch the project: check, test and deploy what has changed, and run a worker with the code as it is.

    A definition with errors is not deployed, the one before stays. The worker is started anew when activities or
    settings have changed; runs go on where they were. Ctrl-C ends it.
    """
    chosen = settings()
    if once:
        from perdure.cli.developing.round import run_round

        return run_round(chosen, Round(**json.load(sys.stdin)), tests=not no_tests)
    if not chosen.keeps:
        raise InvalidInput("dev needs a store that outlives a process, not memory://")
    words = ["--queue=" + (name if limit is None else f"{name}={limit}") for name, limit in queues]
    words += [f"--secrets={secrets}"] if secrets else []
    with _Bench(chosen, tests=not no_tests, worker=None if no_worker else words) as bench:
        bench.watch()
    return OK


class _Bench:
    """The processes of one `perdure dev`; `worker` holds the worker's words, None where there is to be none."""

    def __init__(self, chosen: Settings, *, tests: bool, worker: Sequence[str] | None) -> None:
        self.chosen = chosen
        self.tests = tests
        self.words = worker
        self.worker: subprocess.Popen[bytes] | None = None
        self.round: subprocess.Popen[bytes] | None = None
        self.stopping = False

    def __enter__(self) -> _Bench:
        self.before = {number: signal.signal(number, self.heard) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            if self.worker is not None and self.worker.poll() is None:
                self.say("stopping; a second signal exits at once")
            self.end(self.round)
            self.end(self.worker)
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def heard(self, number: int, frame: Any) -> None:
        """The first signal asks to stop; the second ends everything at once, as a crash would."""
        if self.stopping:
            for process in (self.round, self.worker):
                if process is not None and process.poll() is None:
                    process.kill()
            os._exit(INTERRUPTED)
        self.stopping = True

    def watch(self) -> None:
        """Rounds, one after each change, until told to stop."""
        folders = [*dict.fromkeys((Path.cwd().resolve(), self.chosen.root.resolve()))]
        seen = times(folders)
        self.go(everything())
        while not self.stopping:
            self.say("waiting for a change; Ctrl-C ends it")
            wanted = None
            while not wanted and not self.stopping:
                now = self.changed(folders, seen)
                paths = [path for path in {**seen, **now} if seen.get(path) != now.get(path)]
                seen, wanted = now, concerned(paths) if paths else None
            if wanted and not self.stopping:
                self.say(f"\n{time.strftime('%H:%M:%S')} {self.named(paths)} changed")
                self.go(wanted)

    def changed(self, folders: Sequence[Path], seen: Times) -> Times:
        """The times of the files, as soon as they are others and do not change any more, or it is time to stop."""
        now = seen
        while not self.stopping and now == seen:
            time.sleep(PAUSE)
            self.mourn()
            now = times(folders)
        for _ in range(SETTLED):
            time.sleep(PAUSE / 3)
            before, now = now, times(folders)
            if before == now:
                break
        return now

    def go(self, wanted: Round) -> None:
        """One round; the worker is started anew where the code is other code and loads."""
        self.round = self.start("dev", "--round", *([] if self.tests else ["--no-tests"]), talk=asdict(wanted))
        while self.round.poll() is None and not self.stopping:
            time.sleep(PAUSE / 6)
        if self.stopping or self.words is None:
            return
        if self.round.returncode != OK:
            runs = self.worker is not None and self.worker.poll() is None
            self.say("the worker keeps the code it has" if runs else "the worker is started once they load")
        elif wanted.code or self.worker is None:
            self.renew()

    def renew(self) -> None:
        """Starts the worker, or starts it anew once it has stopped."""
        again = self.worker is not None
        self.end(self.worker)
        if not self.stopping:
            self.worker = self.start("worker", f"--grace={GRACE}", *(self.words or ()))
            self.say(f"worker {self.worker.pid} {'restarted' if again else 'started'}")

    def mourn(self) -> None:
        """Says that the worker has ended by itself; the next round starts it again."""
        if self.worker is not None and self.worker.poll() is not None:
            self.say(f"the worker has ended with {self.worker.returncode}; it is started again with the next change")
            self.worker = None

    def start(self, *words: str, talk: Any = None) -> subprocess.Popen[bytes]:
        """A `perdure` of its own, in its own group: Ctrl-C is for this process, which passes it on."""
        module = "perdure.cli" if talk is not None else "perdure.cli.developing.attended"
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words, *self.shared(quiet=talk is None)],
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            start_new_session=True,
        )
        if talk is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                pipe.write(json.dumps(talk).encode())
        return process

    def shared(self, *, quiet: bool) -> Iterator[str]:
        """The global options, as they were given here."""
        if self.chosen.told:
            yield f"--store={self.chosen.told}"
        for name in dict.fromkeys(self.chosen.more_activities):
            yield f"--activities={name}"
        yield f"--color={self.chosen.color}"
        yield from ["--verbose"] * self.chosen.louder
        if quiet or self.chosen.quiet:
            yield "--quiet"
        if self.chosen.debug:
            yield "--debug"

    def end(self, process: subprocess.Popen[bytes] | None) -> None:
        """Tells a process to stop and waits until it has; ends it where it does not."""
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def named(self, paths: Sequence[Path]) -> str:
        shown = [os.path.relpath(path) for path in sorted(paths)[:NAMED]]
        more = len(paths) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")

    def say(self, words: str) -> None:
        if not self.chosen.quiet:
            complain(words, label=False)
