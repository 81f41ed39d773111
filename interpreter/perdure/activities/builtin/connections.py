"""The HTTP client behind `http.request`: connects only to addresses that were checked, and remembers nothing.

No proxies from the environment, no cookies kept between requests, no redirects of its own accord. The only
file that imports httpx2; it is imported at the first request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpcore2
import httpx2
from httpx2 import AsyncBaseTransport, AsyncByteStream, AsyncClient, Request, Response

from perdure.activities.builtin.addresses import Allowance, checked_addresses

CONNECT_SECONDS: Final = 5.0
"""How long one address of several may take to answer before the next is tried."""


def guarded_client(allowance: Allowance) -> AsyncClient:
    """A client whose every connection is checked; to be closed by the caller."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return AsyncClient(
        transport=_GuardedTransport(allowance),
        headers={"user-agent": "perdure"},
        cookies=no_cookies,
        trust_env=False,
        timeout=None,
        follow_redirects=False,
    )


class _GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Resolves, checks, then connects to what it checked: a name is looked up once for each connection."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await checked_addresses(host, port, self._allowance)
        except (OSError, UnicodeError) as problem:
            raise httpcore2.ConnectError(f"the name {host} could not be resolved: {problem}") from problem
        failed: BaseException = httpcore2.ConnectError(f"{host} has no address")
        patience = timeout if len(addresses) < 2 else CONNECT_SECONDS
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, patience, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as problem:
                failed = problem
        raise httpcore2.ConnectError(_reason(failed))


class _GuardedTransport(AsyncBaseTransport):
    def __init__(self, allowance: Allowance) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            network_backend=_GuardedNetwork(allowance),
            max_connections=None,
            max_keepalive_connections=0,  # one the server closes just then would fail a step for nothing
        )

    async def handle_async_request(self, request: Request) -> Response:
        response = await self._pool.handle_async_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()


def _reason(problem: BaseException) -> str:
    """The system's own words, under what two libraries made of them."""
    inner = problem.__cause__ or problem.__context__ or problem
    while inner.__cause__ is not None:
        inner = inner.__cause__
    return str(inner) or type(problem).__name__
