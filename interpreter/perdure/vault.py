"""Markers that stand for secrets: what a run holds in place of a value that it must never hold.

A marker names a secret and carries a code that only the run's own key makes, so nobody outside can forge one. Knows no
secret and not where they are kept (see `perdure.activities.secrets`, which reads them in the worker).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Final

from perdure.values import JSON, decode, encode

MASK: Final = "***"
"""What stands where a secret or a marker has been taken out."""

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_MARKER: Final = re.compile(rf"(\x00|\\u0000)secret:([0-9a-f]{{64}}):({NAME.pattern})(?:\x00|\\u0000)")
"""The second spelling is the first one in JSON: a list or mapping with a marker was made part of a text."""
_SIGN: Final = "secret:"
_SIGN_IN_BYTES: Final = b"u0000secret:"


class Vault(Mapping[str, str]):
    """The name `secrets` of expressions: every name gives its marker, and none can be listed."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __getitem__(self, name: str) -> str:
        if NAME.fullmatch(name) is None:
            raise KeyError(name)
        return f"\x00secret:{_code(self.key, name)}:{name}\x00"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def vault_key(seed: str) -> str:
    """The key of a run that has none from its parent."""
    return sha256(f"vault/{seed}".encode()).hexdigest()


def holds_marker(value: JSON) -> bool:
    """Whether a marker, of whatever run, stands in a value."""
    return _SIGN_IN_BYTES in encode(value)


def may_hold_marker(value: JSON) -> bool:
    """Whether anything in a value looks like a marker. Quick: asked of the arguments of every call."""
    if not value:
        return False
    if isinstance(value, str):
        return _SIGN in value
    if isinstance(value, dict):
        return any(map(may_hold_marker, value)) or any(map(may_hold_marker, value.values()))
    return isinstance(value, list) and any(map(may_hold_marker, value))


def secrets_in(value: JSON, key: str) -> set[str]:
    """The names of the secrets that genuine markers in a value stand for."""
    found: set[str] = set()

    def note(text: str) -> None:
        found.update(name for _, code, name in _MARKER.findall(text) if code == _code(key, name))

    _mapped(value, note)
    return found


def revealed(value: JSON, key: str, secrets: Mapping[str, str]) -> JSON:
    """A copy of a value with secrets in place of genuine markers; forged ones stay as they are."""

    def reveal(found: re.Match[str]) -> str:
        opening, code, name = found.groups()
        if code != _code(key, name):
            return found[0]
        return secrets[name] if opening == "\x00" else encode(secrets[name]).decode()[1:-1]

    return _mapped(value, lambda text: _MARKER.sub(reveal, text))


def struck(text: bytes) -> bytes:
    """JSON text from outside without anything that looks like a marker: who has seen one may not send it back."""
    if text.find(_SIGN_IN_BYTES) < 0:  # `in` takes thrice as long: it tries an integer first, and makes an exception
        return text
    return encode(_mapped(decode(text), lambda part: _MARKER.sub(MASK, part)))


def _code(key: str, name: str) -> str:
    return sha256(f"{name}/{key}".encode()).hexdigest()


def _mapped(value: JSON, change: Callable[[str], str | None]) -> JSON:
    """A copy with every text that may hold a marker changed; keys too."""
    match value:
        case str():
            return change(value) if _SIGN in value else value
        case dict():
            return {_mapped(key, change): _mapped(item, change) for key, item in value.items()}
        case list():
            return [_mapped(item, change) for item in value]
        case _:
            return value
