"""From the text a user writes (`--store sqlite:///runs.db`) to a store that is not open yet."""

from __future__ import annotations

from pathlib import PurePath
from urllib.parse import parse_qsl, unquote, urlsplit

from perdure.errors import StoreError
from perdure.stores.memory import MemoryStore
from perdure.stores.sqlite import SQLiteStore
from perdure.stores.store import Store

_ACCEPTED = "a store is sqlite:///relative.db, sqlite:////absolute.db, a path ending in .db, or memory://"


def open_store(url: str) -> Store:
    """The store a URL or a path ending in `.db` names; await its `open()` next. Raises StoreError.

    `sqlite:///file?durability=normal` gives up the last commits on power loss for speed.
    """
    if "://" not in url:
        if PurePath(url).suffix == ".db":
            return SQLiteStore(url)
        raise StoreError(f"{url!r} names no store; {_ACCEPTED}")
    scheme = url.partition("://")[0].lower()
    if scheme == "sqlite":
        return _sqlite(url)
    if scheme == "memory":
        if url.partition("://")[2]:
            raise StoreError(f"{url} names a place, but memory:// has none; write memory://")
        return MemoryStore()
    if scheme in ("postgresql", "postgres", "temporal"):
        raise StoreError(f"{scheme}:// is not supported yet; {_ACCEPTED}")
    raise StoreError(f"{scheme}:// names no store; {_ACCEPTED}")


def _sqlite(url: str) -> SQLiteStore:
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise StoreError(f"{url} is no URL ({problem}); {_ACCEPTED}") from None
    if parts.netloc:
        raise StoreError(f"{url} has two slashes where three belong: sqlite:///{parts.netloc}{parts.path}")
    path = unquote(parts.path.removeprefix("/"))
    if path == ":memory:":
        raise StoreError("sqlite:///:memory: keeps nothing between two connections; write memory://")
    if not path or parts.fragment:
        raise StoreError(f"{url} names no file; {_ACCEPTED}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    durability = options.pop("durability", "full")
    if options:
        raise StoreError(f"{url} has an unknown option {next(iter(options))}; there is durability=full|normal")
    if durability == "normal":
        return SQLiteStore(path, durability="normal")
    if durability != "full":
        raise StoreError(f"durability is full or normal, not {durability}")
    return SQLiteStore(path)
