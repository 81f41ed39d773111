"""The command line: `main` is what the `perdure` script calls."""

try:
    from perdure.cli.entry import main
except KeyboardInterrupt:  # before there is anybody to say it; 130 is `exits.INTERRUPTED`
    raise SystemExit(130) from None

__all__ = ["main"]
