"""Reads a body up to a limit, unpacking gzip in small pieces: a few bytes may stand for gigabytes.

Knows nothing of HTTP but the names of two content encodings.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable
from typing import Final

ENCODINGS: Final = {"": False, "identity": False, "gzip": True, "x-gzip": True}
"""Whether a body in this content encoding is to be unpacked; no other is asked for."""

_GZIP: Final = zlib.MAX_WBITS | 16


class BodyTooLarge(Exception):
    """The body, unpacked, is larger than the limit."""


class BodyBroken(Exception):
    """The body is packed in a way that was not asked for, or its end is missing."""


async def read_body(parts: AsyncIterable[bytes], encoding: str, limit: int, *, cut: bool = False) -> bytes:
    """The unpacked body; beyond `limit` bytes it is cut, or BodyTooLarge. BodyBroken if it is not whole."""
    packed = ENCODINGS.get(encoding.strip().lower())
    if packed is None:
        raise BodyBroken(f"the body is encoded as {encoding[:40]!r}, which was not asked for")
    reader = _Gzip(limit) if packed else _Plain(limit)
    async for part in parts:
        reader.feed(part)
        if len(reader.body) > limit:
            if cut:
                return bytes(reader.body[:limit])
            raise BodyTooLarge
    reader.end()
    return bytes(reader.body)


class _Plain:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.body = bytearray()

    def feed(self, part: bytes) -> None:
        self.body += part

    def end(self) -> None:
        return


class _Gzip(_Plain):
    """Members one after the other (RFC 1952, 2.2); stops unpacking one byte beyond the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._member: zlib._Decompress | None = None

    def feed(self, part: bytes) -> None:
        while part and len(self.body) <= self.limit:
            if self._member is None:
                self._member = zlib.decompressobj(_GZIP)
            try:
                self.body += self._member.decompress(part, self.limit + 1 - len(self.body))
            except zlib.error as problem:
                raise BodyBroken(f"the body is not gzip: {problem}") from None
            part = self._member.unconsumed_tail
            if self._member.eof:
                part, self._member = self._member.unused_data, None

    def end(self) -> None:
        if self._member is not None:
            raise BodyBroken("the body ends before its gzip stream does")
