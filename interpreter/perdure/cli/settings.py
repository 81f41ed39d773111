"""Where options, environment and configuration meet: the project, its store, its activities, how to write.

An option wins over the environment, which wins over `perdure.toml` or `[tool.perdure]`. Imports nothing that
the project names.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from perdure.cli.options import COLOURS, OUTPUTS, given

if TYPE_CHECKING:
    from perdure.definition.lint import Lint

DIRECTORY: Final = ".perdure"
DATABASE: Final = "runs.db"


@dataclass(frozen=True)
class Settings:
    """Everything a command needs to know about its surroundings; `told` is the store as options or the environment
    named it."""

    told: str | None
    more_activities: tuple[str, ...]
    output: str
    color: str
    louder: int
    quiet: bool
    debug: bool

    @cached_property
    def root(self) -> Path:
        """The project's directory: that of its configuration, else the current one."""
        return self._configured[0]

    @cached_property
    def store(self) -> str:
        """The store's URL or path; what the configuration names is relative to the project."""
        return self.told or self._configured_store() or str(self.root / DIRECTORY / DATABASE)

    @property
    def default_store(self) -> bool:
        """Whether nobody has named a store."""
        return self.told is None and self._configured_store() is None

    @property
    def keeps(self) -> bool:
        """Whether a run outlives this process."""
        return self.store.partition("://")[0].lower() != "memory"

    @cached_property
    def activities(self) -> list[str]:
        """Modules and files with activities; the project and the current directory become importable."""
        for place in (str(Path.cwd()), str(self.root)):
            if place not in sys.path:
                sys.path.insert(0, place)
        root, named = self._configured
        anchored = [str(root / name) if _is_file(name) else name for name in named]
        return list(dict.fromkeys([*anchored, *self.more_activities]))

    @property
    def retention(self) -> str | None:
        """How long runs that have ended are kept; None for ever."""
        named: str | None = _table(self.root).get("retention")
        return named

    @cached_property
    def secrets(self) -> str | None:
        """Where secrets come from, as environment or configuration say; a directory is relative to the project."""
        told = os.environ.get("PERDURE_SECRETS")
        named = told or _table(self.root).get("secrets")
        if named is None or told or "://" in named or named == "env:":
            return named
        return str(self.root / named)

    @cached_property
    def queues(self) -> list[str]:
        """The queues that a worker serves, each `NAME` or `NAME=N`; none where all are served."""
        told = os.environ.get("PERDURE_QUEUES", "")
        if told:
            return [name.strip() for name in told.split(",") if name.strip()]
        named = _table(self.root).get("queues", [])
        return [f"{name}={limit}" for name, limit in named.items()] if isinstance(named, dict) else list(named)

    @cached_property
    def lint(self) -> Lint:
        """What the project wants of the rules of `validate`."""
        from perdure.definition.lint import read_lint

        return read_lint(_table(self.root).get("lint", {}))

    @cached_property
    def _configured(self) -> tuple[Path, list[str]]:
        from perdure.activities.configuration import configured_activities

        return configured_activities(Path.cwd())

    def _configured_store(self) -> str | None:
        named: str | None = _table(self.root).get("store")
        if named is None:
            return None
        if named.startswith("sqlite:///") and not named.startswith("sqlite:////"):
            from urllib.parse import quote

            return f"sqlite:///{quote(str(self.root))}/{named.removeprefix('sqlite:///')}"
        return named if "://" in named else str(self.root / named)

    def colourful(self, stream: TextIO) -> bool:
        """Whether to colour what goes to a stream (no-color.org)."""
        if self.color != "auto":
            return self.color == "always"
        return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def settings() -> Settings:
    """The settings of the command that runs."""
    noted = given(click.get_current_context())
    environment = os.environ
    activities = [name for name in environment.get("PERDURE_ACTIVITIES", "").split(",") if name.strip()]
    found = Settings(
        told=noted.store or environment.get("PERDURE_STORE") or None,
        more_activities=(*(name.strip() for name in activities), *noted.activities),
        output=noted.output or _chosen("PERDURE_OUTPUT", OUTPUTS) or "table",
        color=noted.color or _chosen("PERDURE_COLOR", COLOURS) or "auto",
        louder=noted.louder,
        quiet=noted.quiet,
        debug=noted.debug or bool(environment.get("PERDURE_DEBUG")),
    )
    from perdure.cli.logs import configure

    configure(found)
    return found


def is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _chosen(variable: str, choices: tuple[str, ...]) -> str | None:
    value = os.environ.get(variable)
    if value and value not in choices:
        raise click.UsageError(f"{variable} must be one of {', '.join(choices)}, not {value!r}")
    return value or None


def _is_file(name: str) -> bool:
    return name.endswith(".py") or "/" in name


def _table(root: Path) -> dict[str, Any]:
    """The project's table of settings; what cannot be read has been complained about already."""
    import tomllib

    own, shared = root / "perdure.toml", root / "pyproject.toml"
    if own.is_file():
        return tomllib.loads(own.read_text(encoding="utf-8"))
    if shared.is_file():
        found: dict[str, Any] = tomllib.loads(shared.read_text(encoding="utf-8")).get("tool", {})
        table = found.get("perdure", {})
        return table if isinstance(table, dict) else {}
    return {}
