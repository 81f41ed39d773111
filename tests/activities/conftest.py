"""Factories for the tests of activities: attempts, registries, a web server on this machine."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from perdure.activities import Context, Registry


@pytest.fixture
def attempt() -> Callable[..., Context]:
    def make(**facts: Any) -> Context:
        given = {
            "run_id": "trip-1", "workflow": "book-trip", "address": "flight", "attempt": 1,
            "idempotency_key": "trip-1/flight/0",
        }  # fmt: skip
        return Context(**{**given, **facts})

    return make


@pytest.fixture
async def registry() -> AsyncIterator[Callable[..., Registry]]:
    made: list[Registry] = []

    def make(*declared: object, **options: Any) -> Registry:
        made.append(Registry.load(declared, entry_points=False, **options))
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


class Site(BaseHTTPRequestHandler):
    """Answers each path of the tests in its own way and keeps what it was asked."""

    def log_message(self, *_: object) -> None:
        return

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        seen = {
            "method": self.command, "path": self.path, "body": self.rfile.read(length).decode(),
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }  # fmt: skip
        self.server.seen.append(seen)  # type: ignore[attr-defined]
        self.server.arrived.set()  # type: ignore[attr-defined]
        path = self.path.partition("?")[0]
        if path.startswith("/status/"):
            self.answer(int(path.rpartition("/")[2]), b"sorry")
        elif path.startswith("/hops/"):
            left = int(path.rpartition("/")[2])
            self.answer(302, b"", Location=f"/hops/{left - 1}" if left else "/echo")
        elif path == "/away":
            self.answer(307, b"", Location=self.headers["x-target"])
        elif path in PAGES:
            body, headers = PAGES[path]
            self.answer(200, body, **headers)
        elif path == "/hang":
            self.server.released.wait(20)  # type: ignore[attr-defined]
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"only this")
        else:
            self.answer(200, json.dumps(seen).encode(), Content_Type="application/json")

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815


PAGES: dict[str, tuple[bytes, dict[str, str]]] = {
    "/text": ("grüß".encode("latin-1"), {"Content_Type": "text/plain; charset=ISO-8859-1"}),
    "/bytes": (b"\xff\x00\xfe", {"Content_Type": "image/png"}),
    "/broken-json": (b'{"a": NaN}', {"Content_Type": "application/json"}),
    "/deep-json": (b"[" * 5000 + b"]" * 5000, {"Content_Type": "application/json"}),
    "/odd-charset": (b"x", {"Content_Type": "text/plain; charset=punycode"}),
    "/gzip": (
        gzip.compress(b"a") + gzip.compress(b"b"),
        {"Content_Encoding": "gzip", "Content_Type": "text/plain"},
    ),
    "/bomb": (gzip.compress(b"0" * 50_000_000), {"Content_Encoding": "gzip"}),
    "/half-gzip": (gzip.compress(b"some text")[:-6], {"Content_Encoding": "gzip"}),
    "/brotli": (b"??", {"Content_Encoding": "br"}),
    "/cookie": (b"", {"Set_Cookie": "session=1; Path=/"}),
}


@pytest.fixture
def site() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    server.seen, server.arrived, server.released = [], threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()
