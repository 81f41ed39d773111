"""Commands that are imported when they are called, and options that every command takes.

A group knows its commands by name, place and one line of help, so that `--help` imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

from perdure.cli.options import GlobalOption, global_options
from perdure.record import record

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@record
class Place:
    """Where a command is (`module:attribute`) and its line in the list of commands."""

    target: str
    summary: str


class Command(click.Command):
    """A command that also takes the global options, listed apart in its help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = {**CONTEXT, **(kwargs.get("context_settings") or {})}
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)


class Forked(Command):
    """A command that takes words of the user's, except that some first words name commands of their own."""

    def __init__(self, *args: Any, ways: Mapping[str, Place], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ways = dict(ways)

    def way(self, name: str) -> click.Command:
        module, _, attribute = self.ways[name].target.partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args and args[0] in self.ways:
            return self.way(args[0]).make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


class LazyGroup(click.Group):
    """A group whose commands are imported on use."""

    def __init__(self, *args: Any, places: Mapping[str, Place], **kwargs: Any) -> None:
        kwargs["context_settings"] = {**CONTEXT, **(kwargs.get("context_settings") or {})}
        super().__init__(*args, **kwargs)
        self.places = dict(places)
        self.params.extend(global_options())

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self.places.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.target.partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.places and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.NoSuchCommand(args[0], possibilities=self.places, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in self.places.items()])


def command(name: str, **kwargs: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command; what it returns is the exit code (None is 0)."""
    return click.command(name, cls=Command, **kwargs)


def group(name: str, places: Mapping[str, Place], about: str) -> LazyGroup:
    """A group of commands that does nothing itself."""
    return LazyGroup(name, places=places, help=about, no_args_is_help=True)


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """The command's own options, then the global ones."""
    own: list[tuple[str, str]] = []
    shared: list[tuple[str, str]] = []
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
        if record is not None:
            (shared if isinstance(parameter, GlobalOption) else own).append(record)
    for title, records in (("Options", own), ("Global options", shared)):
        if records:
            with formatter.section(title):
                formatter.write_dl(records)
