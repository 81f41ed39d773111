"""Secrets: where a worker finds them, and putting them into the arguments of an attempt just before the call.

What a run holds are markers (see `perdure.vault`); what comes back from the call goes through the attempt's
`Redaction`. Knows no runs.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from perdure.activities.failure import ActivityFailure
from perdure.activities.redaction import SHORTEST, Redaction
from perdure.errors import PerdureError
from perdure.values import JSON
from perdure.vault import revealed, secrets_in

PREFIX: Final = "PERDURE_SECRET_"
LARGEST: Final = 64 << 10
"""Characters of one secret."""


class Source(Protocol):
    """Where secrets come from; a mapping is one."""

    def get(self, name: str, /) -> str | Awaitable[str | None] | None:
        """The secret of this name, None where there is none. Called once an attempt; may be async; may raise."""


class Environment:
    """The environment variables `PERDURE_SECRET_<NAME>`, the name as written or in capitals, `_` for a hyphen."""

    def get(self, name: str, /) -> str | None:
        return os.environ.get(PREFIX + name) or os.environ.get(self._usual(name))

    def where(self, name: str) -> str:
        return f"set the environment variable {self._usual(name)} of the worker"

    def _usual(self, name: str) -> str:
        return PREFIX + name.upper().replace("-", "_")


class Directory:
    """A directory with one file a secret, as container platforms mount them; a final line break does not count."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            raise PerdureError(f"secrets: there is no directory {path}")

    def get(self, name: str, /) -> str | None:
        try:
            return (self.path / name).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except FileNotFoundError:
            return None

    def where(self, name: str) -> str:
        return f"put it into the file {self.path / name}"


def source_of(given: object) -> Source:
    """What `secrets` of `perdure.open` names: None or `env:` is the environment, `file:///directory` or a path a
    directory, anything else has a method `get`. Raises PerdureError."""
    if given is None or given == "env:":
        return Environment()
    if isinstance(given, Path):
        return Directory(given)
    if isinstance(given, str):
        return Directory(_path(given))
    if not callable(getattr(given, "get", None)):
        raise PerdureError(f"secrets are a mapping or an object with a method get(name), not {type(given).__name__}")
    return given  # type: ignore[return-value]


def _path(given: str) -> Path:
    if "://" not in given:
        return Path(given)
    try:
        parts = urlsplit(given)
    except ValueError as problem:
        raise PerdureError(f"secrets come from env: or file:///directory; that is no URL: {problem}") from None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise PerdureError(f"secrets come from env: or file:///directory, not {parts.scheme}://…")
    return Path(unquote(parts.path))


async def reveal(source: Source, arguments: JSON, key: str) -> tuple[JSON, Redaction | None]:
    """The arguments with secrets in place of the markers made with this key, and what takes them out of what comes
    back. Raises ActivityFailure for a secret that cannot be had."""
    names = secrets_in(arguments, key)
    if not names:
        return arguments, None
    found = {name: await _read(source, name) for name in sorted(names)}
    return revealed(arguments, key, found), Redaction(found.values())


async def _read(source: Source, name: str) -> str:
    try:
        value = source.get(name)
        if inspect.isawaitable(value):
            value = await value
    except KeyError:
        value = None
    except Exception as problem:  # its text may say too much
        raise _unavailable(f"the secret {name} cannot be read: {type(problem).__name__}", retryable=True) from None
    if value is None or value == "":
        where: Callable[[str], str] | None = getattr(source, "where", None)
        hint = f"give the worker one of this name, by {type(source).__name__}" if where is None else where(name)
        raise _unavailable(f"the secret {name} is not set: {hint}")
    if not isinstance(value, str):
        raise _unavailable(f"the secret {name} is no text but of type {type(value).__name__}")
    if not SHORTEST <= len(value) <= LARGEST:
        bounds = f"only one of {SHORTEST} to {LARGEST:,} can be kept out of results"
        raise _unavailable(f"the secret {name} has {len(value)} characters; {bounds}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _unavailable(f"the secret {name} is no text that UTF-8 can hold") from None
    return value


def _unavailable(message: str, *, retryable: bool = False) -> ActivityFailure:
    error: dict[str, Any] = {"type": "SecretUnavailable", "message": message, "details": None, "cause": None}
    return ActivityFailure(error, retryable)
