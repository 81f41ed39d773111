"""One HTTP exchange: follows redirects, reads the body within its limit, names what went wrong.

Errors never hold credentials: addresses appear without user, password and query. Imports httpx2, so it is
itself imported at the first request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import httpcore2
import httpx2
from httpx2 import URL, AsyncClient, Request, Response

from perdure.activities.builtin.addresses import AddressRefused
from perdure.activities.builtin.inflate import BodyBroken, BodyTooLarge, read_body
from perdure.errors import ActivityError

MOST_REDIRECTS: Final = 5
EXCERPT: Final = 2048
"""Bytes of the body of an unexpected answer that its error keeps."""

RETRYABLE: Final = frozenset({408, 425, 429})
"""Answers of the 4xx kind that may be different next time; those from 500 on may be, too."""

KEPT_ELSEWHERE: Final = frozenset({"accept", "accept-encoding", "content-type", "content-length", "user-agent", "host"})
"""Headers that go along to another origin; all others may hold credentials."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The last response, with its body unpacked."""

    status: int
    url: str
    headers: dict[str, str]
    body: bytes


def prepared(
    client: AsyncClient,
    method: str,
    url: str,
    *,
    headers: dict[str, str],
    params: dict[str, Any],
    json: Any = None,
    body: str | None = None,
) -> Request:
    """The request; ActivityError `InvalidInput` where its parts do not make one."""
    try:
        target = URL(url)
        if params:
            target = target.copy_merge_params(params)
        request = client.build_request(method, target, headers=headers, json=json, content=body)
    except (httpx2.InvalidURL, ValueError, TypeError) as problem:
        message = f"this is no request that could be sent: {type(problem).__name__}"
        raise ActivityError("InvalidInput", message, retryable=False) from None
    request.headers["accept-encoding"] = "gzip"
    return request


async def exchanged(client: AsyncClient, request: Request, expect: list[int] | None, limit: int) -> Answer:
    """The answer to a request, if its status is expected. Raises ActivityError for all else."""
    redirected = expect is None or not any(300 <= status < 400 for status in expect)
    for hop in range(MOST_REDIRECTS + 1):
        place = shown(request.url)
        response = await _sent(client, request, place)
        try:
            following = response.next_request if redirected else None
            if following is None or hop == MOST_REDIRECTS:
                return await _answer(response, place, expect, limit)
        finally:
            await response.aclose()
        if following.url.origin != request.url.origin:
            for name in set(following.headers) - KEPT_ELSEWHERE:
                del following.headers[name]
        request = following
    raise AssertionError("the last hop answers")


def shown(url: URL) -> str:
    """The address without user, password, query and fragment, which may be secret."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}{'' if url.port is None else f':{url.port}'}{url.path}"


async def _sent(client: AsyncClient, request: Request, place: str) -> Response:
    if request.url.scheme not in ("http", "https") or not request.url.host:
        message = f"only http and https addresses with a host, not {place}"
        raise ActivityError("http.Refused", message, retryable=False)
    if not 0 <= (request.url.port or 0) < 1 << 16:
        raise ActivityError("InvalidInput", f"there is no such port: {place}", retryable=False)
    try:
        return await client.send(request, stream=True)
    except AddressRefused as problem:
        hint = "PERDURE_HTTP_ALLOW may allow it"
        raise ActivityError("http.Refused", f"{place}: {problem}; {hint}", retryable=False) from None
    except (httpcore2.LocalProtocolError, UnicodeError):
        message = f"the request for {place} breaks the rules of HTTP; check its headers"
        raise ActivityError("InvalidInput", message, retryable=False) from None
    except _BROKEN as problem:
        raise _unreachable(place, problem) from None


async def _answer(response: Response, place: str, expect: list[int] | None, limit: int) -> Answer:
    status = response.status_code
    expected = 200 <= status < 300 if expect is None else status in expect
    encoding = response.headers.get("content-encoding", "")
    try:
        body = await read_body(response.aiter_raw(), encoding, limit if expected else EXCERPT, cut=not expected)
    except BodyTooLarge:
        message = f"the answer of {place} is larger than {limit} bytes"
        raise ActivityError("http.TooLarge", message, retryable=False) from None
    except (BodyBroken, *_BROKEN) as problem:
        if expected:
            raise _unreachable(place, problem) from None
        body = b""
    if expected:
        return Answer(status, place, dict(response.headers), body)
    reason = f"{status} {response.reason_phrase}".strip()
    raise ActivityError(
        "http.Status",
        f"{response.request.method} {place} answered {reason}",
        details={"status": status, "url": place, "body": body.decode("utf-8", "replace")},
        retryable=status in RETRYABLE or status >= 500,
    )


_BROKEN: Final = (
    httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, httpx2.HTTPError, OSError,
)  # fmt: skip


def _unreachable(place: str, problem: Exception) -> ActivityError:
    return ActivityError("http.Unreachable", f"{place}: {str(problem) or type(problem).__name__}")
