"""The options every command takes, before or after its name: what the user said is gathered in one place.

Knows neither configuration nor environment; `settings` adds those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

OUTPUTS = ("table", "json", "jsonl", "yaml")
COLOURS = ("auto", "always", "never")


@dataclass(slots=True)
class Given:
    """What was given on the command line; `louder` counts -v less -q."""

    store: str | None = None
    activities: list[str] = field(default_factory=list)
    output: str | None = None
    color: str | None = None
    louder: int = 0
    quiet: bool = False
    debug: bool = False


class GlobalOption(click.Option):
    """An option that is noted, and not handed to the command."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, expose_value=False, callback=_note, **kwargs)


def global_options() -> list[click.Parameter]:
    """Each call gives its own: click's options belong to one command."""
    return [
        GlobalOption(["--store"], metavar="URL", help="Where runs are kept: sqlite:///file or a path ending in .db."),
        GlobalOption(
            ["--activities"],
            metavar="MODULE",
            multiple=True,
            help="A module or .py file with activities, besides those of the configuration. Repeatable.",
        ),
        GlobalOption(["-o", "--output"], type=click.Choice(OUTPUTS), help="How results are written."),
        GlobalOption(["--color"], type=click.Choice(COLOURS), help="Colours on the terminal."),
        GlobalOption(["-q", "--quiet"], is_flag=True, help="Say nothing but results and errors."),
        GlobalOption(["-v", "--verbose"], count=True, help="Say more; twice for everything."),
        GlobalOption(["--debug"], is_flag=True, help="Show the traceback of an error."),
    ]


def given(ctx: click.Context) -> Given:
    """What was given so far, whichever command took it."""
    return ctx.find_root().ensure_object(Given)


def _note(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if not value or ctx.resilient_parsing:
        return
    noted = given(ctx)
    match parameter.name:
        case "activities":
            noted.activities.extend(value)
        case "verbose":
            noted.louder += value
        case name:
            setattr(noted, str(name), value)


def judged(fail_on: str) -> Callable[[F], F]:
    """The options of commands that look for problems; `fail_on` is the weight that counts unless another is given."""

    def options(function: F) -> F:
        function = click.option("--no-activities", is_flag=True, help="Do not look at which activities are installed.")(
            function
        )
        return click.option(
            "--fail-on",
            type=click.Choice(("error", "warning", "never")),
            default=fail_on,
            show_default=True,
            help="The weight from which findings give exit code 1.",
        )(function)

    return options
