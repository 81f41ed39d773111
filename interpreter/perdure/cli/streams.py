"""Keeps standard output for results: whatever activities print, in Python or from child processes, goes to
standard error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def results_only() -> Iterator[None]:
    """Inside the block everything printed goes to standard error."""
    if sys.stdout is None:
        yield
        return
    sys.stdout.flush()
    saved = os.dup(1) if _is_descriptor_one() else None
    if saved is not None:
        os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if saved is not None:
            sys.stdout.flush()
            os.dup2(saved, 1)
            os.close(saved)


def _is_descriptor_one() -> bool:
    try:
        return sys.stdout.fileno() == 1
    except (OSError, ValueError):
        return False
