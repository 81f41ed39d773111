"""http.request against a real server on this machine."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.activities import ActivityFailure
from perdure.activities.builtin.inflate import BodyBroken, BodyTooLarge, read_body

Make = Callable[..., Any]
Send = Callable[..., Any]


@pytest.fixture
def send(registry: Make, attempt: Make, monkeypatch: pytest.MonkeyPatch) -> Send:
    monkeypatch.setenv("PERDURE_HTTP_ALLOW", "127.0.0.1")
    made = registry()

    async def request(url: str, **arguments: Any) -> Any:
        return await made.call("http.request", {"url": url, **arguments}, attempt())

    return request


async def refused(sending: Any) -> tuple[str, bool, str, Any]:
    with pytest.raises(ActivityFailure) as failed:
        await sending
    error = failed.value.error
    assert error["cause"] is None
    return error["type"], failed.value.retryable, error["message"], error["details"]


async def test_a_request_reaches_the_server_as_written(send: Send, site: Any) -> None:
    answer = await send(
        f"{site.url}/echo?a=1",
        method="POST",
        headers={"X-Own": "yes"},
        params={"b": [2, "ü"]},
        json={"c": None},
    )
    seen = answer["json"]
    assert (answer["status"], answer["url"]) == (200, f"{site.url}/echo")
    assert set(answer) == {"status", "url", "headers", "json"}
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/echo?a=1&b=2&b=%C3%BC", '{"c":null}')
    assert {"x-own": "yes", "user-agent": "perdure", "content-type": "application/json"}.items() <= seen[
        "headers"
    ].items()
    text = await send(f"{site.url}/echo", method="PUT", body="grüß", headers={"Accept-Encoding": "br"})
    assert (text["json"]["body"], text["json"]["headers"]["accept-encoding"]) == ("grüß", "gzip")


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ("/text", "body", "grüß"),
        ("/bytes", "base64", "/wD+"),
        ("/broken-json", "body", '{"a": NaN}'),
        ("/deep-json", "body", "[" * 5000 + "]" * 5000),
        ("/odd-charset", "base64", "eA=="),
        ("/gzip", "body", "ab"),
    ],
)
async def test_a_body_comes_as_json_text_or_base64(send: Send, site: Any, path: str, key: str, value: str) -> None:
    answer = await send(site.url + path)
    assert answer.keys() - {"status", "url", "headers"} == {key}
    assert answer[key] == value


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (404, False),
        (400, False),
        (408, True),
        (425, True),
        (429, True),
        (500, True),
        (503, True),
        (304, False),
    ],
)
async def test_an_unexpected_status_fails_and_says_whether_to_retry(
    send: Send, site: Any, status: int, retryable: bool
) -> None:
    kind, again, message, details = await refused(send(f"{site.url}/status/{status}?key=secret"))
    assert (kind, again) == ("http.Status", retryable)
    assert message.startswith(f"GET {site.url}/status/{status} answered {status}")
    body = "" if status == 304 else "sorry"
    assert details == {"status": status, "url": f"{site.url}/status/{status}", "body": body}


async def test_an_expected_status_is_an_answer(send: Send, site: Any) -> None:
    assert (await send(f"{site.url}/status/404", expect=[200, 404]))["status"] == 404
    kind, *_ = await refused(send(f"{site.url}/echo", expect=[404]))
    assert kind == "http.Status"


async def test_five_redirects_are_followed_and_no_more(send: Send, site: Any) -> None:
    answer = await send(f"{site.url}/hops/4")
    assert (answer["url"], len(site.seen)) == (f"{site.url}/echo", 6)
    kind, again, _, details = await refused(send(f"{site.url}/hops/5"))
    assert (kind, again, details["status"]) == ("http.Status", False, 302)


async def test_a_redirect_that_is_expected_is_not_followed(send: Send, site: Any) -> None:
    answer = await send(f"{site.url}/hops/1", expect=[302])
    assert (answer["status"], answer["headers"]["location"], len(site.seen)) == (302, "/hops/0", 1)


async def test_credentials_do_not_follow_to_another_origin(
    send: Send, site: Any, registry: Make, attempt: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_HTTP_ALLOW", "127.0.0.0/8")
    elsewhere = site.url.replace("127.0.0.1", "localhost") + "/echo"
    headers = {"x-target": elsewhere, "x-api-key": "k", "authorization": "Bearer t", "cookie": "c=1"}
    arguments = {"url": f"{site.url}/away", "method": "POST", "headers": headers, "json": [1]}
    answer = await registry().call("http.request", arguments, attempt())
    assert answer["url"] == elsewhere
    assert answer["json"]["body"] == "[1]"
    assert answer["json"]["headers"].keys() & {"x-api-key", "authorization", "cookie", "x-target"} == set()
    assert site.seen[0]["headers"]["x-api-key"] == "k"


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest",
        "http://127.0.0.2/",
        "http://[::1]/",
        "file:///etc/passwd",
        "gopher://x/",
    ],
)
async def test_a_redirect_inside_or_to_another_scheme_is_refused(send: Send, site: Any, target: str) -> None:
    kind, again, *_ = await refused(send(f"{site.url}/away", headers={"x-target": target}))
    assert (kind, again) == ("http.Refused", False)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/", "http://127.1/", "http://0x7f000001/", "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1]/", "http://169.254.169.254/latest/meta-data", "ftp://example.com/", "file:///etc/passwd",
        "http:///path", "//host/path", "example.com", "",
    ],
)  # fmt: skip
async def test_internal_addresses_and_other_schemes_are_refused(
    registry: Make, attempt: Make, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.delenv("PERDURE_HTTP_ALLOW", raising=False)
    kind, again, *_ = await refused(registry().call("http.request", {"url": url}, attempt()))
    assert (kind, again) in {("http.Refused", False), ("InvalidInput", False)}


async def test_a_name_is_looked_up_once_and_the_checked_address_used(
    send: Send, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        first = "127.0.0.1" if asked.count("rebind.example") < 2 else "127.0.0.3"
        return real(first if host == "rebind.example" else host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = site.url.replace("127.0.0.1", "rebind.example")
    assert (await send(f"{url}/echo"))["json"]["headers"]["host"] == url.removeprefix("http://")
    assert asked.count("rebind.example") == 1
    kind, *_ = await refused(send(f"{url}/echo"))
    assert kind == "http.Refused"


async def test_proxies_of_the_environment_and_netrc_are_ignored(
    send: Send, site: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert "authorization" not in (await send(f"{site.url}/echo"))["json"]["headers"]


async def test_cookies_are_not_kept_for_the_next_request(send: Send, site: Any) -> None:
    await send(f"{site.url}/cookie")
    assert "cookie" not in (await send(f"{site.url}/echo"))["json"]["headers"]


async def test_errors_and_results_show_no_credentials(send: Send, site: Any) -> None:
    url = site.url.replace("http://", "http://ana:s3cret@")
    assert "s3cret" not in (await send(f"{url}/text?key=s3cret#s3cret"))["url"]
    sendings = [
        send(f"{url}/status/500?key=s3cret"),
        send("http://ana:s3cret@127.0.0.1:1/?key=s3cret"),
        send("http://ana:s3cret@10.0.0.1/?key=s3cret"),
        send("http://ana:s3cret@no.invalid/?key=s3cret"),
        send("ftp://ana:s3cret@host/?key=s3cret"),
        send("http://ana:s3cret@[::/?key=s3cret"),
        send("http://ana:s3cret@127.0.0.1:99999999/"),
        send(f"{url}/echo", headers={"x-key": "s3cret\r\nInjected: yes"}),
        send(f"{url}/echo", headers={"s3cret key": "x"}),
        send(f"{url}/echo", headers={"x-key": "s3crét\ud7ff"}),
        send(f"{url}/hang", timeout="50ms"),
    ]
    kinds = []
    for sending in sendings:
        kind, _, message, details = await refused(sending)
        kinds.append(kind)
        assert "s3cr" not in f"{message} {details}"
    assert kinds == [
        "http.Status", "http.Unreachable", "http.Refused", "http.Unreachable", "http.Refused", "InvalidInput",
        "InvalidInput", "InvalidInput", "InvalidInput", "InvalidInput", "Timeout",
    ]  # fmt: skip
    assert all("injected" not in one["headers"] for one in site.seen)


@pytest.mark.parametrize("path", ["/cut", "/half-gzip", "/brotli"])
async def test_a_body_that_is_not_whole_is_unreachable_and_may_be_retried(send: Send, site: Any, path: str) -> None:
    kind, again, *_ = await refused(send(site.url + path))
    assert (kind, again) == ("http.Unreachable", True)


async def test_nobody_listening_may_be_retried(send: Send) -> None:
    kind, again, *_ = await refused(send("http://127.0.0.1:1/"))
    assert (kind, again) == ("http.Unreachable", True)


async def test_a_body_beyond_the_limit_is_refused_also_when_packed(send: Send, site: Any) -> None:
    assert (await send(f"{site.url}/text", max_bytes=4))["body"] == "grüß"
    for path in ("/text", "/bomb"):
        kind, again, *_ = await refused(send(site.url + path, max_bytes=3))
        assert (kind, again) == ("http.TooLarge", False)
    kind, *_ = await refused(send(f"{site.url}/bomb"))
    assert kind == "http.TooLarge"


async def test_a_server_that_hangs_times_out_and_may_be_retried(send: Send, site: Any) -> None:
    assert (await refused(send(f"{site.url}/hang", timeout="100ms")))[:2] == ("Timeout", True)


async def test_a_cancelled_request_ends_at_once(send: Send, site: Any) -> None:
    sending = asyncio.create_task(send(f"{site.url}/hang"))
    assert await asyncio.to_thread(site.arrived.wait, 10)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


@pytest.mark.parametrize(
    "arguments",
    [
        {"timeout": "soon"}, {"timeout": "0s"}, {"timeout": 30}, {"method": "TRACE"}, {"max_bytes": -1},
        {"json": 1, "body": "x"}, {"headers": {"a": 1}}, {"params": {"a": {}}}, {"expect": "200"},
    ],
)  # fmt: skip
async def test_arguments_that_make_no_request_are_invalid_input(send: Send, site: Any, arguments: Any) -> None:
    assert (await refused(send(site.url, **arguments)))[:2] == ("InvalidInput", False)
    assert site.seen == []


async def test_a_bad_allowance_is_said_instead_of_guessed(
    registry: Make, attempt: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_HTTP_ALLOW", "10.0.0.0/99")
    kind, again, message, _ = await refused(registry().call("http.request", {"url": "http://x.y"}, attempt()))
    assert (kind, again) == ("http.Refused", False)
    assert message.startswith("PERDURE_HTTP_ALLOW: '10.0.0.0/99'")


@given(st.lists(st.binary(max_size=300), max_size=3), st.integers(1, 50), st.integers(0, 700))
async def test_gzip_is_unpacked_whatever_the_pieces_and_never_beyond_the_limit(
    members: list[bytes], step: int, limit: int
) -> None:
    packed, plain = b"".join(gzip.compress(member) for member in members), b"".join(members)

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(packed), step):
            yield packed[start : start + step]

    if len(plain) > limit:
        with pytest.raises(BodyTooLarge):
            await read_body(parts(), "gzip", limit)
        assert await read_body(parts(), "GZIP ", limit, cut=True) == plain[:limit]
    else:
        assert await read_body(parts(), "x-gzip", limit) == plain


@given(st.binary(min_size=1, max_size=100))
async def test_what_is_not_gzip_is_broken(junk: bytes) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield junk

    with pytest.raises(BodyBroken):
        await read_body(parts(), "gzip", 1000)
