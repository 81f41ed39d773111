"""Exit codes, and how an error becomes one of them with a message on standard error.

No traceback for anything a user can cause; with `--debug` it is shown.
"""

from __future__ import annotations

import contextlib
import errno
import sys
import traceback
from typing import Final

import click

from perdure.cli.showable import showable
from perdure.errors import (
    DefinitionError,
    InvalidInput,
    PerdureError,
    RunConflict,
    RunFailed,
    StoreError,
    UnknownRun,
    UnknownSchedule,
    UpdateRejected,
)

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
UNREACHABLE: Final = 5
STILL_OPEN: Final = 6
CONFLICT: Final = 7
CHANGED: Final = 10
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""What a shell reports of a program that SIGPIPE has ended."""


class NotFound(PerdureError):
    """There is no such thing."""


CODES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (NotFound, NOT_FOUND),
    (UnknownRun, NOT_FOUND),
    (UnknownSchedule, NOT_FOUND),
    (RunConflict, CONFLICT),
    (UpdateRejected, FAILED),
    (RunFailed, FAILED),
    (InvalidInput, USAGE),
    (StoreError, UNREACHABLE),
    (DefinitionError, FAILED),
    (TimeoutError, STILL_OPEN),
    (FileNotFoundError, NOT_FOUND),
)
"""The first that fits counts."""


def explain(problem: BaseException, *, debug: bool) -> int:
    """Say on standard error what went wrong; the exit code."""
    if isinstance(problem, click.exceptions.Exit):
        return problem.exit_code
    if debug and not isinstance(problem, click.ClickException | SystemExit):
        complain("".join(traceback.format_exception(problem)), label=False)
    match problem:
        case click.ClickException():
            _usage(problem)
            return problem.exit_code
        case BrokenPipeError():
            return BROKEN_PIPE
        case click.Abort() | KeyboardInterrupt() | EOFError():
            complain("interrupted", label=False)
            return INTERRUPTED
        case PerdureError():
            complain(problem.message)
        case TimeoutError():
            complain(str(problem) or "the wait timed out; the run goes on")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG | errno.EIO, filename=None):
            complain(f"the output cannot be written: {problem.strerror}")
            return UNREACHABLE
        case OSError():
            place = "" if problem.filename is None else f": {problem.filename}"
            complain(f"{problem.strerror or problem}{place}")
        case _:
            complain(f"a fault in Perdure: {type(problem).__name__}: {problem} (--debug shows where)")
    return next((code for kind, code in CODES if isinstance(problem, kind)), _other(problem))


def complain(message: str, *, label: bool = True) -> None:
    """A message on standard error, safe for a terminal; where nobody listens any more it is dropped."""
    if sys.stderr is None:
        return
    text = showable(message).rstrip("\n")
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    line = f"{'error: ' if label else ''}{text}\n".encode(encoding, "backslashreplace").decode(encoding)
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(line)
        sys.stderr.flush()


def _other(problem: BaseException) -> int:
    """Configuration, activities that do not load: the user's to put right, like a usage error."""
    return USAGE if isinstance(problem, PerdureError | OSError) else FAILED


def _usage(problem: click.ClickException) -> None:
    ctx = getattr(problem, "ctx", None)
    if isinstance(problem, click.UsageError) and ctx is not None:
        complain(f"{ctx.get_usage()}\nTry '{ctx.command_path} --help' for help.\n", label=False)
    complain(problem.format_message())
