"""`perdure completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

import click

from perdure.cli.lazy import command
from perdure.cli.output import write


@command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    bash: eval "$(perdure completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc; fish: perdure completion
    fish > ~/.config/fish/completions/perdure.fish
    """
    from click.shell_completion import get_completion_class

    from perdure.cli.entry import main

    kind = get_completion_class(shell)
    assert kind is not None
    write(kind(main, {}, "perdure", "_PERDURE_COMPLETE").source())
