"""The reference of the command line, made from the commands: `python -m perdure.cli.reference` writes it to standard
output, and `docs/reference/cli.md` holds it. A test compares the two.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

import click

from perdure.cli import exits
from perdure.cli.entry import main
from perdure.cli.lazy import Forked
from perdure.cli.options import GlobalOption, global_options

HEAD = """\
# Command line

<!-- Made by `python -m perdure.cli.reference`; do not edit. -->

Results go to standard output, everything else to standard error. With `-o json` a command prints one JSON object,
with `-o jsonl` one a line, each with `format_version`: 1. A mistyped command or option is answered with the nearest
one; an error is one message, and `--debug` or `PERDURE_DEBUG=1` shows where it came from.
"""

CODES = (
    (exits.OK, "ok"),
    (exits.FAILED, "findings, a failed run or activity, or a refused update"),
    (exits.USAGE, "usage: an option, the input or the configuration is wrong"),
    (exits.NOT_FOUND, "not found"),
    (exits.UNREACHABLE, "the store cannot be reached"),
    (exits.STILL_OPEN, "the wait timed out; the run is still open"),
    (exits.CONFLICT, "conflict: the state of the run does not allow it"),
    (exits.INTERRUPTED, "interrupted; a run that was followed is kept and still open"),
)

SETTINGS = (
    ("`--store`", "`PERDURE_STORE`", "`store`", "`.perdure/runs.db` in the project"),
    ("`--activities`", "`PERDURE_ACTIVITIES` (separated by commas)", "`activities`", "built-in and installed ones"),
    ("`--secrets`", "`PERDURE_SECRETS`", "`secrets`", "`env:`"),
    ("`--queue`", "`PERDURE_QUEUES` (separated by commas)", "`queues`", "all queues"),
    ("`--output`", "`PERDURE_OUTPUT`", "", "`table`"),
    ("`--color`", "`PERDURE_COLOR`, `NO_COLOR`", "", "`auto`"),
    ("`--debug`", "`PERDURE_DEBUG`", "", ""),
)


def text() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_settings(), *_codes(), *_commands(main, "perdure")])


def _settings() -> Iterator[str]:
    yield "## Settings\n"
    yield "An option wins over the environment, which wins over `perdure.toml` or `[tool.perdure]` in `pyproject.toml`"
    yield "(the nearest upwards; its directory is the project). Options may stand before or after the command.\n"
    yield "| option | environment | configuration | default |\n| --- | --- | --- | --- |"
    for row in SETTINGS:
        yield f"| {' | '.join(row)} |"
    yield ""
    yield from _options([option for option in global_options() if isinstance(option, click.Option)])


def _codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "| code | meaning |\n| --- | --- |"
    for code, meaning in CODES:
        yield f"| {code} | {meaning} |"
    yield ""


def _commands(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(found, f"{path} {name}")
        return
    usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield f"## {path}\n"
    yield f"```text\n{' '.join(filter(None, (path, '[OPTIONS]', usage)))}\n```\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    yield from _options(
        [
            one
            for one in command.params
            if isinstance(one, click.Option) and not one.hidden and not isinstance(one, GlobalOption)
        ]
    )
    if isinstance(command, Forked):
        for name in command.ways:
            yield from _commands(command.way(name), f"{path} {name}")


def _options(options: list[click.Option]) -> Iterator[str]:
    if not options:
        return
    yield "| option | meaning |\n| --- | --- |"
    for option in options:
        record = option.get_help_record(click.Context(main))
        assert record is not None
        name, meaning = (part.replace("|", "\\|") for part in record)
        yield f"| `{name}` | {meaning} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(text())
