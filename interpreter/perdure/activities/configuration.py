"""Which activities a project names, in `perdure.toml` or under `[tool.perdure]` in `pyproject.toml`.

The nearest file upwards counts, and the search ends there. Imports nothing the project names; `loading` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from perdure.errors import PerdureError

FILE: Final = "perdure.toml"
PROJECT_FILE: Final = "pyproject.toml"


class ConfigurationError(PerdureError):
    """The project's configuration cannot be read."""


def configured_activities(start: Path) -> tuple[Path, list[str]]:
    """The project's directory and the modules or files it names; `start` and none without configuration.

    The directory is what the names are relative to: give it to `Registry.load(root=…)`, which makes it
    importable. In one directory `perdure.toml` wins over `pyproject.toml`. Raises ConfigurationError naming
    the file.
    """
    directory = start.resolve()
    if directory.is_file():
        directory = directory.parent
    for place in (directory, *directory.parents):
        if (table := _table(place / FILE)) is not None:
            return place, _activities(table, place / FILE, "activities")
        tools = (_table(place / PROJECT_FILE) or {}).get("tool", {})
        if isinstance(tools, dict) and "perdure" in tools:
            where = "[tool.perdure] activities"
            if not isinstance(tools["perdure"], dict):
                raise ConfigurationError(f"{place / PROJECT_FILE}: [tool.perdure] must be a table")
            return place, _activities(tools["perdure"], place / PROJECT_FILE, where)
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


def _activities(table: dict[str, Any], file: Path, key: str) -> list[str]:
    named = table.get("activities", [])
    if not isinstance(named, list) or not all(isinstance(name, str) and name for name in named):
        raise ConfigurationError(f"{file}: {key} must be a list of module names or files, not {named!r}")
    return named
