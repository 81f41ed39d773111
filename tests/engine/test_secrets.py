"""Secrets reach activities and nothing else: no file of the store, no history, message, log or description has them."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from engine_world import Gate, OpenEngine, Place, eventually, live
from live_world import Mortal, bury_all, has_status, soon

import perdure
from perdure.activities import activity, context
from perdure.engine import live as engine_live
from perdure.errors import RunFailed

SECRET = 'sk/live+"47\\11?'
SECRETS = {"key": SECRET, "other": "another-secret"}
SPELLINGS = [
    SECRET.encode(),
    json.dumps(SECRET)[1:-1].encode(),
    json.dumps(json.dumps(SECRET)[1:-1])[1:-1].encode(),
    quote(SECRET, safe="").encode(),
    SECRET.encode().hex().encode(),
    *(b64encode(bytes(before) + SECRET.encode())[before and before + 1 : -4] for before in range(3)),
]


def stored(place: Place) -> bytes:
    """All bytes of the store's files, the write-ahead log among them."""
    assert place.path is not None
    files = list(place.path.parent.glob("runs.db*"))
    assert files
    return b"".join(file.read_bytes() for file in files)


def refuse_secret(*texts: bytes | str | object) -> None:
    for given in texts:
        text = (
            given
            if isinstance(given, bytes)
            else given.encode()
            if isinstance(given, str)
            else json.dumps(given).encode()
        )
        found = [spelling for spelling in SPELLINGS if spelling in text]
        assert not found, found


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def leaky(seen: list[Any]) -> list[Any]:
    """Activities that do with a secret what they should not."""

    @activity("take")
    async def take(key: Any) -> str:
        seen.append(key)
        return "taken"

    @activity("spill")
    async def spill(key: str) -> Any:
        seen.append(key)
        context().logger.warning("using %s", key, extra={"about": key})
        content = key.encode()
        return {
            "plain": key, f"key {key}": 1, "json": json.dumps({"a": key}), "url": quote(key, safe=""),
            "basic": [b64encode(b"x" * before + content + b":").decode() for before in range(3)], "hex": content.hex(),
        }  # fmt: skip

    @activity("burst")
    async def burst(key: str) -> None:
        seen.append(key)
        try:
            raise KeyError(key)
        except KeyError as problem:
            context().logger.exception("cannot use it")
            raise perdure.ActivityError("pay.Odd", f"no access with {key!r}", details={"key": [key]}) from problem

    @activity("burst.thread")
    def burst_thread(key: str) -> None:
        seen.append(key)
        context().logger.error("in a thread: %r", key)
        raise ValueError(f"no access with {'x' * 4070} {key}")

    @activity("beat")
    async def beat(key: str) -> str:
        seen.append((key, context().heartbeat_details))
        context().heartbeat({"at": f"cursor {key}"})
        await asyncio.Event().wait()
        return "never"

    return [take, spill, burst, burst_thread, beat]


SPILLED = {
    "plain": "***", "key ***": 1, "json": '{"a":"***"}', "url": "***", "hex": "***",
}  # fmt: skip


async def test_a_secret_reaches_its_activity_and_nothing_is_kept_of_it(
    opened_sqlite: OpenEngine, sqlite_place: Place, leaky: list[Any], seen: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    text = """
    workflow: w
    steps:
      - id: a
        activity: take
        with: {key: ["{{ secrets.key }}", "Bearer {{ secrets.key }}", {b: "{{ secrets.other }}"}]}
      - {id: b, activity: spill, with: {key: "{{ secrets.key }}"}}
      - {id: s, wait: {signal: go}}
    output: "{{ steps.b }}"
    """
    with caplog.at_level(logging.DEBUG):
        async with opened_sqlite(*leaky, secrets=SECRETS) as engine:
            run = await engine.start(text)
            await eventually(lambda: waiting(run))
            refuse_secret(stored(sqlite_place))
            await run.signal("go")
            output = await run.result(10)
            assert [*seen[0], seen[1]] == [SECRET, f"Bearer {SECRET}", {"b": "another-secret"}, SECRET]
            assert {key: output[key] for key in SPILLED} == {**SPILLED, "json": '{"a": "***"}'}
            assert all("***" in text for text in output["basic"])
            refuse_secret(stored(sqlite_place), output, await run.history(), (await run.describe()).output)
    refuse_secret(stored(sqlite_place), caplog.text, *(repr(vars(record)) for record in caplog.records))
    assert "using ***" in caplog.text


async def waiting(run: perdure.Run) -> bool:
    return [part["address"] for part in (await run.describe()).live] == ["s"]


@pytest.mark.parametrize("name", ["burst", "burst.thread"])
async def test_errors_and_tracebacks_do_not_tell_a_secret(
    opened_sqlite: OpenEngine, sqlite_place: Place, leaky: list[Any], seen: list[Any], name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    text = f"workflow: w\nsteps:\n  - {{id: a, activity: {name}, with: {{key: '{{{{ secrets.key }}}}'}}}}\n"
    with caplog.at_level(logging.DEBUG):
        async with opened_sqlite(*leaky, secrets=SECRETS) as engine:
            run = await engine.start(text)
            with pytest.raises(RunFailed) as caught:
                await run.result(10)
            assert seen == [SECRET]
            refuse_secret(str(caught.value), caught.value.error, await run.history(), stored(sqlite_place))
            assert "***" in caught.value.error["message"]  # type: ignore[index]
    refuse_secret(stored(sqlite_place), caplog.text)
    assert "cannot use it" in caplog.text or "in a thread: '***'" in caplog.text


async def test_heartbeats_and_snapshots_do_not_have_a_secret(
    sqlite_place: Place, leaky: list[Any], seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies in the middle; the next one calls again, with the secret, and sees the masked details."""
    text = """
    workflow: w
    steps:
      - repeat: {max: 20, until: index == 9}
        steps: [{set: {n: "{{ index }}"}}, {wait: 0s}]
      - {id: a, activity: beat, with: {key: "{{ secrets.key }}"}}
    """
    monkeypatch.setattr(engine_live, "SNAPSHOT_EVENTS", 4)
    mortal = Mortal(sqlite_place.store())
    async with perdure.open(mortal, activities=leaky, secrets=SECRETS, grace=0.05) as engine:  # type: ignore[arg-type]
        run = await engine.start(text, id="r")
        await eventually(lambda: beaten(sqlite_place))
        mortal.dead.set()
    refuse_secret(stored(sqlite_place))
    await bury_all(sqlite_place)
    async with perdure.open(sqlite_place.store(), activities=leaky, secrets=SECRETS, grace=0.05) as engine:
        await eventually(lambda: called(seen, 2))
        run = engine.run("r")
        await run.terminate()
        await has_status(run, "terminated")
    assert seen == [(SECRET, None), (SECRET, {"at": "cursor ***"})]
    refuse_secret(stored(sqlite_place))


async def beaten(place: Place) -> bool:
    return b"cursor ***" in stored(place)


async def called(seen: list[Any], times: int) -> bool:
    return len(seen) >= times


async def test_a_secret_that_nobody_has_set_fails_the_step_for_good(opened: OpenEngine, gate: Gate) -> None:
    text = """
    workflow: w
    steps:
      - {id: a, activity: echo, with: {value: "{{ secrets.nobodys }}"}, retry: {attempts: 5, delay: 1h}}
    """
    async with opened() as engine:
        run = await engine.start(text)
        with pytest.raises(RunFailed, match="PERDURE_SECRET_NOBODYS") as caught:
            await run.result(10)
        error = caught.value.error
        assert error is not None
        assert (error["type"], error["attempt"]) == ("SecretUnavailable", 1)
        assert gate.calls == []


async def test_secrets_pass_through_fragments_to_children_and_restarts(
    opened: OpenEngine, leaky: list[Any], seen: list[Any]
) -> None:
    grandchild = """
    workflow: grandchild
    steps: [{activity: take, with: {key: "{{ input.token }}"}}]
    """
    child = """
    workflow: child
    steps:
      - {activity: take, with: {key: "{{ input.token }}"}}
      - {activity: take, with: {key: "{{ secrets.other }}"}}
      - branch:
        - when: input.again
          steps: [{restart: {input: {token: "{{ input.token }}", again: false}}}]
      - {workflow: grandchild, with: {token: "{{ input.token }}"}}
    """
    parent = """
    workflow: parent
    fragments:
      pay:
        steps:
          - {activity: take, with: {key: "in {{ input.key }}"}}
          - {workflow: child, with: {token: "{{ input.key }}", again: true}}
    steps: [{use: pay, with: {key: "{{ secrets.key }}"}}]
    """
    async with opened(*leaky, secrets=SECRETS) as engine:
        await engine.deploy(grandchild)
        await engine.deploy(child)
        await (await engine.start(parent)).result(10)
    assert seen == [f"in {SECRET}", *[SECRET, "another-secret"] * 2, SECRET]


async def test_an_undo_can_use_a_secret(opened: OpenEngine, leaky: list[Any], seen: list[Any]) -> None:
    text = """
    workflow: w
    steps:
      - {id: a, activity: echo, with: {value: 1}, compensate: {activity: take, with: {key: "{{ secrets.key }}"}}}
      - {fail: {type: A}}
    """
    async with opened(*leaky, secrets=SECRETS) as engine:
        with pytest.raises(RunFailed) as caught:
            await (await engine.start(text)).result(10)
        assert caught.value.undone == ["a"]
    assert seen == [SECRET]


async def test_a_marker_that_was_seen_cannot_be_sent_back(
    opened: OpenEngine, leaky: list[Any], seen: list[Any]
) -> None:
    """A child's input shows the marker to whoever may look at runs; from outside it means nothing."""
    child = """
    workflow: child
    queries: {q: state}
    steps:
      - {publish: "{{ input.token }}"}
      - {id: s, wait: {signal: go}}
      - {activity: take, with: {key: "{{ steps.s }}"}}
      - {id: q, ask: {prompt: what}}
      - {activity: take, with: {key: "{{ steps.q.answer }}"}}
      - receive:
          state: {got: null}
          on: [{update: u, accept: "message != '***'", set: {got: "{{ message }}"}}, {signal: done, stop: true}]
      - {id: e, activity: echo, with: {value: "{{ run.id }}"}}
    """
    async with opened(*leaky, secrets=SECRETS) as engine:
        await engine.deploy(child)
        parent = await engine.start(
            'workflow: p\nsteps: [{workflow: child, with: {token: "{{ secrets.key }}"}}]\n', id="p"
        )
        await eventually(lambda: has_child(engine))
        run = engine.run("p/child/4")
        marker = (await run.describe()).input["token"]
        assert "secret:" in marker
        await run.signal("go", {"deep": [f"x{marker}"]})
        await eventually(lambda: called(seen, 1))
        await live(run, "q")
        await run.answer("q", marker)
        await eventually(lambda: called(seen, 2))
        with pytest.raises(perdure.UpdateRejected):
            await soon(run.update("u", marker))
        await run.signal("done")
        await parent.result(10)
    assert seen == [{"deep": ["x***"]}, "***"]


async def has_child(engine: perdure.Engine) -> bool:
    return await engine._store.find("p/child/4") is not None


async def test_markers_of_another_run_mean_nothing(opened: OpenEngine, leaky: list[Any], seen: list[Any]) -> None:
    text = 'workflow: w\nsteps: [{activity: take, with: {key: "{{ input.a }}"}}]\n'
    marker = perdure.vault.Vault("0" * 64)["key"]  # type: ignore[attr-defined]
    async with opened(*leaky, secrets=SECRETS) as engine:
        await (await engine.start(text, {"a": marker})).result(10)
    assert seen == [marker]


async def test_secrets_are_read_anew_for_each_attempt(opened: OpenEngine, seen: list[Any]) -> None:
    @activity("flaky")
    async def flaky(key: str) -> str:
        seen.append(key)
        if len(seen) < 2:
            raise ValueError("again")
        return "done"

    class Rotating:
        async def get(self, name: str) -> str:
            return f"{name} number {len(seen)}"

    text = """
    workflow: w
    steps: [{activity: flaky, with: {key: "{{ secrets.key }}"}, retry: {attempts: 3, delay: 0s}}]
    """
    async with opened(flaky, secrets=Rotating()) as engine:
        assert await (await engine.start(text)).result(10) == "done"
    assert seen == ["key number 0", "key number 1"]


async def test_a_directory_of_files_serves_as_secrets(
    opened: OpenEngine, leaky: list[Any], seen: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("from a file\n")
    text = 'workflow: w\nsteps: [{activity: take, with: {key: "{{ secrets.key }}"}}]\n'
    async with opened(*leaky, secrets=f"file://{tmp_path}") as engine:
        await (await engine.start(text)).result(10)
    assert seen == ["from a file"]
