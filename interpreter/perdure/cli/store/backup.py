"""`perdure store backup`."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.cli.lazy import command
from perdure.cli.output import emit
from perdure.cli.settings import settings
from perdure.cli.showable import one_line
from perdure.cli.store.place import chosen_file


@command("backup")
@click.argument("target", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
def backup(target: Path) -> None:
    """Copy the store to a new FILE, as it is at one moment; workers go on meanwhile.

    The copy is checked for damage. A file that is there already is never overwritten.
    """
    from perdure.stores.sqlite_upkeep import backup as copy

    chosen = settings()
    size = copy(chosen_file(chosen), target.absolute())
    emit(chosen.output, {"file": str(target), "bytes": size}, f"{one_line(str(target))}: {size:,} bytes\n")
