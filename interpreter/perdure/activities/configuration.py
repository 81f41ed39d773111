"""What a project names, in `perdure.toml` or `[tool.perdure]` of `pyproject.toml`: activities, store, secrets, queues,
lint.

The nearest file upwards counts, and the search ends there. Imports nothing the project names; `loading` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from perdure.activities.positions import line_of
from perdure.activities.settings_schema import SETTINGS
from perdure.errors import PerdureError
from perdure.values import parse_duration

FILE: Final = "perdure.toml"
PROJECT_FILE: Final = "pyproject.toml"

KEYS: Final = tuple(SETTINGS)


class ConfigurationError(PerdureError):
    """The project's configuration cannot be read."""


def configured_activities(start: Path) -> tuple[Path, list[str]]:
    """The project's directory and the modules or files it names; `start` and none without configuration.

    The directory is what the names are relative to: give it to `Registry.load(root=…)`, which makes it
    importable. In one directory `perdure.toml` wins over `pyproject.toml`. Raises ConfigurationError naming
    the file, and the line of what is wrong in it.
    """
    directory = start.resolve()
    if directory.is_file():
        directory = directory.parent
    for place in (directory, *directory.parents):
        if (table := _table(place / FILE)) is not None:
            return place, _activities(table, place / FILE, ())
        tools = (_table(place / PROJECT_FILE) or {}).get("tool", {})
        if isinstance(tools, dict) and "perdure" in tools:
            if not isinstance(tools["perdure"], dict):
                raise _wrong(place / PROJECT_FILE, ("tool", "perdure"), "[tool.perdure] must be a table")
            return place, _activities(tools["perdure"], place / PROJECT_FILE, ("tool", "perdure"))
    return directory, []


def _table(file: Path) -> dict[str, Any] | None:
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        return None
    except (ValueError, OSError) as problem:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise ConfigurationError(f"{file} cannot be read: {problem}") from problem


def _activities(table: dict[str, Any], file: Path, above: tuple[str, ...]) -> list[str]:
    """The activities of a table that holds nothing but what it may; `above` is what the table is called."""
    for key in table:
        if key not in KEYS:
            raise _wrong(file, (*above, key), f"there is no setting {_table_name(above)}{key[:60]!r}; {_meant(key)}")
    for key, problem in _problems(table):
        raise _wrong(file, (*above, key), f"{_table_name(above)}{key}{problem}")
    if "lint" in table:
        _check_lint(table["lint"], file, above)
    named: list[str] = table.get("activities", [])
    return named


def _problems(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The settings that are wrong, each with what follows its name in the message."""
    named = table.get("activities", [])
    if not isinstance(named, list) or not all(isinstance(name, str) and name for name in named):
        yield "activities", f" must be a list of module names or files, not {named!r}"
    store = table.get("store", "the default")
    if not isinstance(store, str) or not store:
        yield "store", f" must be a URL or a path, not {store!r}"
    try:
        parse_duration(table.get("retention", "0s"))
    except ValueError as problem:
        yield "retention", f": {problem}"
    secrets = table.get("secrets", "env:")
    if not isinstance(secrets, str) or not secrets:
        yield "secrets", f" must be env:, file:///… or a directory, not {secrets!r}"
    queues = table.get("queues", ["default"])
    if not (_names(queues) or _limits(queues)):
        yield "queues", f" must be a list of names or a table of limits, not {queues!r}"


def _check_lint(table: object, file: Path, above: tuple[str, ...]) -> None:
    from perdure.definition.lint import LintProblem, read_lint

    try:
        read_lint(table)
    except LintProblem as problem:
        path = ("lint", *problem.path)
        raise _wrong(file, (*above, *path), f"{_table_name(above)}{'.'.join(path)}: {problem}") from None


def _wrong(file: Path, path: tuple[str, ...], message: str) -> ConfigurationError:
    try:
        line = line_of(file.read_text(encoding="utf-8"), path)
    except (OSError, ValueError):
        return ConfigurationError(f"{file}: {message}")
    return ConfigurationError(f"{file}:{line}: {message}")


def _table_name(above: tuple[str, ...]) -> str:
    return f"[{'.'.join(above)}] " if above else ""


def _names(queues: object) -> bool:
    return isinstance(queues, list) and bool(queues) and all(isinstance(name, str) and name for name in queues)


def _limits(queues: object) -> bool:
    return isinstance(queues, dict) and bool(queues) and all(type(n) is int and n >= 1 for n in queues.values())


def _meant(key: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key.lower(), KEYS, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(KEYS[:-1])} and {KEYS[-1]}"
