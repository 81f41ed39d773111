"""`http.request`: one HTTP request, to public addresses unless the operator allows others.

Only declares and checks; `exchange` talks, and brings in httpx2 at the first request. `PERDURE_HTTP_ALLOW`
names internal networks and hosts that may be reached (`10.1.0.0/16, localhost`); it is read at the first
request.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
from typing import TYPE_CHECKING, Final, Literal, NotRequired

from typing_extensions import TypedDict

from perdure.activities.builtin.addresses import Allowance, BadAllowance
from perdure.activities.declaration import activity
from perdure.errors import ActivityError
from perdure.values import JSON, check, decode, parse_duration

if TYPE_CHECKING:
    from httpx2 import AsyncClient

    from perdure.activities.builtin.exchange import Answer

ALLOW: Final = "PERDURE_HTTP_ALLOW"
LARGEST_BODY: Final = 1 << 20
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
_TEXT_CHARSETS: Final = re.compile(
    r"utf-?8|utf-?16(le|be)?|us-ascii|iso-?8859-\d+|latin-?1|windows-125\d|shift_jis|euc-(jp|kr)|gb(2312|k|18030)|big5",
    re.IGNORECASE,
)
"""Python's other codecs are no character sets, or are slow on purpose-made input."""


class HttpResponse(TypedDict):
    """What a server answered; exactly one of `json`, `body` (text) and `base64` (neither) is there."""

    status: int
    url: str
    headers: dict[str, str]
    json: NotRequired[JSON]
    body: NotRequired[str]
    base64: NotRequired[str]


@activity("http")
class Http:
    """HTTP for authors without code."""

    def __init__(self) -> None:
        self._client: AsyncClient | None = None

    async def request(
        self,
        url: str,
        method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET",
        headers: dict[str, str] | None = None,
        params: dict[str, str | int | float | bool | list[str | int | float | bool] | None] | None = None,
        json: JSON = None,
        body: str | None = None,
        timeout: str = "30s",
        expect: list[int] | None = None,
        max_bytes: int = LARGEST_BODY,
    ) -> HttpResponse:
        """Send an HTTP request and return what the server answers.

        `params` are added to the query of `url`. `json` or `body` is sent as the body. `timeout` counts for
        everything together, redirects (at most five) included. `expect` lists the statuses that are no error,
        otherwise those from 200 to 299; with one from 300 to 399 in it redirects are not followed. A body of
        more than `max_bytes` is refused.

        Errors: `http.Status` (details: status, url, body), `http.Unreachable`, `http.Refused` (an internal
        address, or no http), `http.TooLarge`, `Timeout`, `InvalidInput`. The resulting `url` is the last one,
        without its query.
        """
        import asyncio

        limit_us = _duration(timeout)
        if json is not None and body is not None:
            raise ActivityError("InvalidInput", "give json or body, not both", retryable=False)
        if max_bytes < 0:
            raise ActivityError("InvalidInput", "max_bytes cannot be negative", retryable=False)
        client = self._opened()
        from perdure.activities.builtin.exchange import exchanged, prepared

        request = prepared(client, method, url, headers=headers or {}, params=params or {}, json=json, body=body)
        try:
            async with asyncio.timeout(limit_us / 1_000_000):
                return _response(await exchanged(client, request, expect, max_bytes))
        except TimeoutError:
            raise ActivityError("Timeout", f"no complete answer within {timeout}") from None

    async def teardown(self) -> None:
        """Close the client, if there was a request."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> AsyncClient:
        if self._client is None:
            try:
                from perdure.activities.builtin.connections import guarded_client
            except ImportError as missing:
                message = f"http.request needs an extra package ({missing.name}): pip install 'perdure[http]'"
                raise ActivityError("ActivityFailed", message, retryable=False) from None
            try:
                self._client = guarded_client(Allowance.parse(os.environ.get(ALLOW, "")))
            except BadAllowance as problem:
                raise ActivityError("http.Refused", f"{ALLOW}: {problem}", retryable=False) from None
        return self._client


def _duration(text: str) -> int:
    try:
        span = parse_duration(text)
    except ValueError as problem:
        raise ActivityError("InvalidInput", f"timeout: {problem}", retryable=False) from None
    if span == 0:
        raise ActivityError("InvalidInput", "timeout: a request cannot be answered in no time", retryable=False)
    return span


def _response(answer: Answer) -> HttpResponse:
    response = HttpResponse(status=answer.status, url=answer.url, headers=answer.headers)
    kind = answer.headers.get("content-type", "")
    media = kind.partition(";")[0].strip().lower()
    if media == "application/json" or media.endswith("+json"):
        # What says JSON and is none, or none that can be kept, reaches the author as it came.
        with contextlib.suppress(ValueError):
            return {**response, "json": check(decode(answer.body))}
    named = _CHARSET.search(kind)
    charset = named[1] if named else "utf-8"
    if _TEXT_CHARSETS.fullmatch(charset):
        with contextlib.suppress(ValueError, LookupError):
            return {**response, "body": answer.body.decode(charset)}
    return {**response, "base64": base64.b64encode(answer.body).decode()}
