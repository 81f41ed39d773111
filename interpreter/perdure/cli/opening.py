"""An engine for one command: on the right store, with the project's activities where it works.

A command that only looks never creates a store: where nobody has named one and there is none yet, there are no
runs; one that was named and is missing is an error.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from perdure.cli.settings import DIRECTORY, Settings
from perdure.errors import StoreUnavailable

if TYPE_CHECKING:
    from perdure.engine import Engine

SECRETS: Final = "Where secrets come from: env: (PERDURE_SECRET_NAME, the default) or a directory, one file a secret."
"""What the option --secrets says of itself."""


@contextlib.asynccontextmanager
async def looking(chosen: Settings) -> AsyncIterator[Engine]:
    """A pure client of a store that is there."""
    from perdure.engine import open  # noqa: A004

    url = chosen.store
    file = store_file(url)
    if file is not None and not file.exists():
        if not chosen.default_store:
            raise StoreUnavailable(f"there is no store at {file}")
        url = "memory://"
    async with open(url, work=False) as engine:
        yield engine


@contextlib.asynccontextmanager
async def starting(chosen: Settings) -> AsyncIterator[Engine]:
    """A client that may start runs, and leaves moving them to a worker."""
    from perdure.engine import open  # noqa: A004

    _prepare(chosen)
    async with open(chosen.store, work=False) as engine:
        yield engine


@contextlib.asynccontextmanager
async def working(
    chosen: Settings,
    *,
    only: Sequence[str] | None = None,
    concurrency: int = 1000,
    queues: Mapping[str, int] | None = None,
    secrets: str | None = None,
    grace: float = 10.0,
) -> AsyncIterator[Engine]:
    """An engine that moves runs with the project's activities."""
    from perdure.engine import open  # noqa: A004

    _prepare(chosen)
    async with open(
        chosen.store,
        activities=chosen.activities,
        secrets=secrets or chosen.secrets,
        only=only,
        concurrency=concurrency,
        queues=queues,
        grace=grace,
        retention=chosen.retention,
    ) as engine:
        yield engine


def store_file(url: str) -> Path | None:
    """The file a store is kept in; None where it is kept elsewhere or the text names no store."""
    if "://" not in url:
        return Path(url)
    try:
        parts = urlsplit(url)
    except ValueError:  # opening the store says what is wrong with it
        return None
    if parts.scheme != "sqlite" or parts.netloc:
        return None
    return Path(unquote(parts.path.removeprefix("/")))


def _prepare(chosen: Settings) -> None:
    """The project's own directory for its store, which version control leaves alone."""
    if not chosen.default_store:
        return
    directory = chosen.root / DIRECTORY
    if directory.exists():
        return
    try:
        directory.mkdir(exist_ok=True)
        (directory / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as problem:
        raise StoreUnavailable(f"{directory} cannot be made: {problem.strerror}") from None
