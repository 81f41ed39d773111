"""`perdure fmt`: definitions and their tests in the one layout.

Finds the files, writes or shows what `formatting` makes of each, and never leaves one half written.
"""

from __future__ import annotations

import difflib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from perdure.cli.checked import STDIN, usual_paths
from perdure.cli.definitions import TEST_SUFFIXES, files_below, top_key
from perdure.cli.exits import FAILED, OK, NotFound, complain
from perdure.cli.lazy import command
from perdure.cli.output import emit, number_of, write
from perdure.cli.settings import Settings, settings
from perdure.cli.showable import one_line
from perdure.errors import InvalidInput

if TYPE_CHECKING:
    from perdure.definition.files import Fetch

SUFFIXES: Final = (".yaml", ".yml")
SAID: Final = {"formatted": "formatted", "unchanged": "unchanged", "broken": "cannot be formatted"}
"""What became of a file, in words."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file as it is and as it should be; `after` is None where it cannot be formatted, which has been said."""

    path: str
    before: bytes
    after: bytes | None

    @property
    def change(self) -> str:
        return "broken" if self.after is None else "unchanged" if self.after == self.before else "formatted"


@command("fmt")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 and name the files that would change.")
@click.option("--diff", "shown", is_flag=True, help="Change nothing; show what would change.")
def fmt(paths: tuple[str, ...], check: bool, shown: bool) -> int:
    """Lay out definitions and their tests in one style; comments stay, and so does the meaning.

    PATHS are files, directories or - for standard input, which is written to standard output; without any, definitions/
    if it is there, else the current directory. A file that would mean something else afterwards, or that is no valid
    YAML, is left as it is.
    """
    chosen = settings()
    if STDIN in paths:
        if len(paths) > 1:
            raise click.UsageError("- stands alone")
        return _stream(chosen, check, shown)
    files = list(dict.fromkeys(_files(paths or usual_paths())))
    if not files:
        raise InvalidInput(f"no definitions or tests found in {', '.join(paths or usual_paths())}")
    pieces = [_read(file, chosen) for file in files]
    changed = [piece for piece in pieces if piece.change == "formatted"]
    if not (check or shown):
        for piece in changed:
            _replace(Path(piece.path), piece.after or b"")
    _tell(pieces, chosen, check=check, shown=shown)
    return FAILED if (check and changed) or any(piece.after is None for piece in pieces) else OK


def _files(paths: Sequence[str]) -> Iterator[Path]:
    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from (file for file in files_below(path) if is_ours(file))
        elif not path.exists():
            raise NotFound(f"there is no file {given}")
        elif path.suffix not in SUFFIXES:
            raise InvalidInput(f"{given}: fmt lays out files {' and '.join(SUFFIXES)}")
        else:
            yield path


def is_ours(file: Path, fetch: Fetch | None = None) -> bool:
    """Whether a file holds a definition, fragments or tests, and in a form that has a layout."""
    return file.suffix in SUFFIXES and (file.name.endswith(TEST_SUFFIXES) or bool(top_key(file, fetch)))


def _stream(chosen: Settings, check: bool, shown: bool) -> int:
    piece = _piece("<stdin>", sys.stdin.buffer, chosen)
    if piece.after is None:
        return FAILED
    if check or shown:
        _tell([piece], chosen, check=check, shown=shown)
        return FAILED if check and piece.change == "formatted" else OK
    sys.stdout.flush()
    sys.stdout.buffer.write(piece.after)
    sys.stdout.buffer.flush()
    return OK


def _read(file: Path, chosen: Settings) -> Piece:
    with file.open("rb") as stream:
        return _piece(str(file), stream, chosen)


def _piece(path: str, stream: IO[bytes], chosen: Settings) -> Piece:
    """One file; what is wrong with it goes to standard error."""
    from perdure.definition.reader import LARGEST, read
    from perdure.definition.render import as_text
    from perdure.formatting import UnformattableError, formatted

    content = stream.read(LARGEST + 1)
    source = read(content, file=path)
    errors = [found for found in source.diagnostics if found.severity == "error"]
    if errors:
        complain(as_text(errors, {path: source.lines}, colour=chosen.colourful(sys.stderr)), label=False)
        return Piece(path, content, None)
    try:
        return Piece(path, content, formatted(source).encode())
    except UnformattableError as problem:
        complain(problem.message)
        return Piece(path, content, None)


def _tell(pieces: Sequence[Piece], chosen: Settings, *, check: bool, shown: bool) -> None:
    """The diff or the files' names on standard output, how many they are on standard error."""
    names = {change: [piece.path for piece in pieces if piece.change == change] for change in SAID}
    if shown and chosen.output == "table":
        for piece in pieces:
            write("".join(_diff(piece)))
    else:
        word = "would format" if check or shown else "formatted"
        rows = [{"file": piece.path, "change": piece.change} for piece in pieces]
        text = "".join(f"{word} {one_line(name)}\n" for name in names["formatted"])
        emit(chosen.output, {"checked": check or shown, "files": rows}, text, rows=rows)
    if not chosen.quiet:
        would = SAID if not (check or shown) else {**SAID, "formatted": "would be formatted"}
        told = [f"{number_of(len(names[change]), 'file')} {said}" for change, said in would.items() if names[change]]
        complain(", ".join(told), label=False)


def _diff(piece: Piece) -> Iterator[str]:
    if piece.change != "formatted" or piece.after is None:
        return
    before, after = (text.decode("utf-8").splitlines(keepends=True) for text in (piece.before, piece.after))
    for line in difflib.unified_diff(before, after, piece.path, piece.path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _replace(path: Path, content: bytes) -> None:
    """Writes a file anew, whole or not at all, with the permissions it had; a link goes on pointing at it."""
    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode)
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "the file may not be written", str(path))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".new")
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.chmod(mode)
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
