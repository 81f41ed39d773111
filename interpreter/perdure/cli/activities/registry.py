"""The project's activities, for commands that need no engine."""

from __future__ import annotations

from perdure.activities import Registry
from perdure.cli.exits import NotFound
from perdure.cli.settings import Settings
from perdure.cli.showable import one_line


def loaded(chosen: Settings) -> Registry:
    """Built-in activities, installed ones and the project's own."""
    return Registry.load(chosen.activities)


def require(registry: Registry, name: str) -> None:
    """NotFound, with the nearest name, unless there is such an activity."""
    if name in registry:
        return
    from difflib import get_close_matches

    near = get_close_matches(name, registry.names(), n=1)
    hint = f"did you mean {near[0]}?" if near else "`perdure activities list` shows those there are"
    raise NotFound(f"no activity is called {one_line(name, 60)}; {hint}")
