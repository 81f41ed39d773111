"""The command line: `main` is what the `perdure` script calls."""

from perdure.cli.entry import main

__all__ = ["main"]
