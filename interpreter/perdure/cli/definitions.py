"""Which definition a user means: a path as it stands, or a workflow's name, looked for in the project's `definitions/`
and then among those that are deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.cli.exits import NotFound
from perdure.cli.showable import one_line
from perdure.errors import InvalidInput
from perdure.values import decode

if TYPE_CHECKING:
    from perdure.cli.settings import Settings
    from perdure.definition import Definition
    from perdure.definition.files import Fetch

SUFFIXES: Final = (".yaml", ".yml", ".json")
TEST_SUFFIXES: Final = (".test.yaml", ".test.yml", ".test.json")
FOLDER: Final = "definitions"

_SKIPPED: Final = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
_KEY: Final = re.compile(r"""^\{?["']?(workflow|fragments)["']?[ \t]*:[ \t]*["']?([^"'\s,}#]*)""", re.MULTILINE)
_LARGEST_LOOK: Final = 1_048_576
"""Bytes of a file in which its outermost keys are looked for: no definition is larger."""


def find_definition(given: str, root: Path) -> Path:
    """The file of a path or of a workflow's name; NotFound, with the nearest name."""
    path = Path(given)
    if path.is_file():
        return path
    if path.is_dir():
        raise InvalidInput(f"{one_line(given)} is a directory: name one definition in it")
    if path.suffix in SUFFIXES or "/" in given:
        raise NotFound(f"there is no file {one_line(given)}")
    names: dict[str, Path] = {}
    folders = dict.fromkeys(folder.resolve() for folder in (Path.cwd() / FOLDER, root / FOLDER))
    for folder in folders:
        for file in sorted(definition_files(folder)):
            for name in (file.stem, _keys(file).get("workflow")):
                if name:
                    names.setdefault(name, file)
    if given in names:
        return _relative(names[given])
    from difflib import get_close_matches

    near = get_close_matches(given, names, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise NotFound(f"no workflow in {FOLDER}/ is called {one_line(given, 60)}{hint}")


def definition_files(folder: Path) -> Iterator[Path]:
    """The files below a folder that look like definitions or like files of fragments; tests are none."""
    return (file for file in files_below(folder) if is_definition_name(file) and top_key(file))


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder, but those that no author has written there."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in _SKIPPED:
            continue
        if entry.is_dir():
            if not entry.is_symlink():
                yield from files_below(entry)
        elif entry.is_file():  # a pipe would be waited for
            yield entry


def is_definition_name(path: Path) -> bool:
    return path.suffix in SUFFIXES and not path.name.endswith(TEST_SUFFIXES)


def top_key(path: Path, fetch: Fetch | None = None) -> str | None:
    """`workflow` or `fragments`, whichever makes the file one to check; also for files that are not valid YAML."""
    keys = _keys(path, fetch)
    return next((key for key in ("workflow", "fragments") if key in keys), None)


def workflow_name(path: Path) -> str | None:
    """The name that a file gives its workflow, as far as it can be told at a glance."""
    return _keys(path).get("workflow") or None


def workflows_in(folder: Path) -> dict[str, Path]:
    """The definitions below a folder by the names of their workflows; the first file of a name counts."""
    found: dict[str, Path] = {}
    for file in definition_files(folder):
        if name := workflow_name(file):
            found.setdefault(name, file)
    return found


def _keys(path: Path, fetch: Fetch | None = None) -> dict[str, str]:
    """The file's telling keys at the outermost level, with what stands behind them on the line."""
    try:
        content = _start(path) if fetch is None else fetch(path)
    except OSError:
        return {}
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    if content.lstrip().startswith(b"{"):
        try:
            found = decode(content)
        except ValueError:
            pass  # YAML in braces, or JSON with a slip
        else:
            return {key: str(found[key]) for key in ("workflow", "fragments") if key in found}
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    return {found[1]: found[2] for found in reversed([*_KEY.finditer(text)])}


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST_LOOK)


def _relative(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd().resolve())
    except ValueError:
        return path


def loaded(name: str, chosen: Settings) -> Definition:
    """The definition of a file, checked against the project's activities, or of a name; DefinitionError, NotFound."""
    from perdure.activities import Registry
    from perdure.definition import load

    found = find_or_deployed(name, chosen)
    if not isinstance(found, Path):
        return found
    return load(found, catalogue=Registry.load(chosen.activities).catalogue())


def find_or_deployed(given: str, chosen: Settings) -> Path | Definition:
    """The file, or where no file is called so the definition that was deployed under this name. Not within a loop."""
    try:
        return find_definition(given, chosen.root)
    except NotFound as problem:
        import asyncio

        found = asyncio.run(_deployed(given, chosen))
        if found is None:
            raise NotFound(f"{problem.message} (nor is one deployed under this name)") from None
        return found


async def _deployed(name: str, chosen: Settings) -> Definition | None:
    from perdure.cli.opening import looking, store_file

    file = store_file(chosen.store)
    if file is None or not file.exists():
        return None
    async with looking(chosen) as engine:
        return await engine._definitions.deployed(name)


def given_definitions(paths: Sequence[str], root: Path) -> list[Path]:
    """The definitions that are meant, each once; files of fragments come with those that import them."""
    found: dict[Path, None] = {}
    for given in paths or (FOLDER if Path(FOLDER).is_dir() else str(root / FOLDER),):
        if Path(given).is_dir():
            found.update(dict.fromkeys(file for file in definition_files(Path(given)) if top_key(file) == "workflow"))
        else:
            found[find_definition(given, root)] = None
    if not found:
        raise InvalidInput(f"no definitions found in {', '.join(paths) or FOLDER}")
    return list(found)
