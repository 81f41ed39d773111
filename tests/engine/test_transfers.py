"""Exports and imports: a run taken to another store goes on there as it would have here; nothing made up comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_world import Gate, OpenEngine, Place, eventually, live
from live_world import has_status, journal, soon

import perdure
from perdure.errors import InvalidInput, RunConflict, RunFailed
from perdure.stores import MemoryStore

STEPS = """
workflow: steps
version: "1"
steps:
  - {id: a, activity: echo, with: {value: "é\\u009b"}, compensate: {activity: undo, with: {what: a}}}
  - {id: q, ask: {prompt: Go?, choices: [y, n]}}
  - {id: w, wait: {event: happened}}
  - {id: b, activity: echo, with: {value: "{{ steps.q.answer }}"}}
"""


async def waiting(engine: perdure.Engine) -> perdure.Run:
    run = await engine.start(STEPS, id="r", labels={"k": "v"})
    await live(run, "q")
    return run


async def test_an_open_run_goes_on_in_another_store(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await waiting(engine)
        await run.signal("kept", 1, id="s")
        await journal(run, "SignalReceived")
        lines = await run.export()
        assert all(line.isascii() for line in lines)
    async with opened(store=MemoryStore()) as other:
        moved = await other.import_run(lines)
        [ask] = await other.asks("r")
        assert ask.prompt == "Go?"
        await moved.signal("kept", 1, id="s")  # the same one again
        await moved.answer("q", "y")
        await live(moved, "w")
        assert await other.emit("happened") == 1
        assert await moved.result(10) == "y"
        info = await moved.describe()
        assert (info.labels, info.unread[0]["data"], len(info.unread)) == ({"k": "v"}, 1, 1)


async def test_an_ended_run_is_kept_as_it_ended(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await waiting(engine)
        await run.cancel("enough")
        with pytest.raises(RunFailed):
            await soon(run.result())
        lines, told, history = await run.export(), await run.describe(), await run.history()
    async with opened(store=MemoryStore()) as other:
        moved = await other.import_run(lines)
        assert await moved.describe() == told
        assert await moved.history() == history
        assert await moved.export() == lines


async def test_paused_stuck_and_moved_runs_are_what_they_were(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await waiting(engine)
        await run.migrate(STEPS.replace('"1"', '"2"') + "  - {id: c, wait: {signal: go}}\n")
        await run.pause()
        await has_status(run, "paused")
        lines = await run.export()
    async with opened(store=MemoryStore()) as other:
        moved = await other.import_run(lines)
        info = await moved.describe()
        assert (info.status, info.version) == ("paused", "2")
        assert [row["event"] for row in await moved.history()] == [
            "RunStarted", "ActivityCompleted", "Migrated", "PauseRequested",
        ]  # fmt: skip
        await moved.resume()
        await moved.answer("q", "n")
        await live(moved, "w")


async def test_letters_that_wait_come_along(opened: OpenEngine, place: Place) -> None:
    async with opened() as engine:
        run = await waiting(engine)
    async with opened(work=False) as client:
        await client.run("r").cancel("later")
        lines = await client.run("r").export()
    async with opened(store=MemoryStore()) as other:
        moved = await other.import_run(lines)
        with pytest.raises(RunFailed, match="later"):
            await soon(moved.result())
    assert run.id == "r"


async def test_an_existing_id_is_a_conflict_and_definitions_keep_their_order(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await waiting(engine)
        lines = await run.export()
        with pytest.raises(RunConflict, match="a run with the id r exists already"):
            await engine.import_run(lines)
    store = MemoryStore()
    async with opened(store=store) as other:
        newer = await other.deploy(STEPS.replace('"1"', '"9"'))
        await other.import_run(lines)
        assert await store.latest("steps") == newer.digest


def changed(lines: list[str], number: int, change: Callable[[Any], Any]) -> list[str]:
    """The lines with one changed, and an end that fits."""
    import hashlib

    body = [json.loads(line) for line in lines[:-1]]
    body[number] = change(body[number])
    texts = [json.dumps(part, separators=(",", ":")) for part in body if part is not None]
    digest = hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()
    return [*texts, json.dumps({"end": len(texts), "digest": digest})]


def with_run(**facts: Any) -> Callable[[Any], Any]:
    return lambda header: {**header, "run": {**header["run"], **facts}}


BROKEN = {"main": "x", "files": {"x": "workflow:"}}
HOSTILE: dict[str, tuple[Callable[[list[str]], Any], str]] = {
    "nothing": (lambda lines: [], "line 1: the file ends here"),
    "truncated": (lambda lines: lines[:-1], "line 4: the file ends here, and its end line is missing"),
    "one more": (lambda lines: [*lines, "{}"], "line 5: follows the end"),
    "reordered": (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "line 2: has event 2, and 1 was to come"),
    "no JSON": (lambda lines: ["{", *lines], "line 1: is not JSON"),
    "deep": (lambda lines: [lines[0], '{"a":' * 5000 + "1" + "}" * 5000], "line 2: is not JSON"),
    "a list": (lambda lines: ["[]"], "line 1: is no mapping"),
    "half a character": (lambda lines: [lines[0], b"\xff"], "line 2: is not JSON"),
    "a number": (lambda lines: [lines[0], 5], "line 2: is no text"),
    "another file": (lambda lines: ['{"a": 1}'], "line 1: is not the header"),
    "another format": (lambda lines: changed(lines, 0, lambda v: {**v, "format": 9}), "line 1: has format 9; this"),
    "digest": (lambda lines: [lines[0].replace('"v"', '"w"'), *lines[1:]], "line 4: has another digest"),
    "count": (lambda lines: [*lines[:-1], '{"end":9,"digest":""}'], "line 4: ends after 3 lines, and 9 were written"),
    "unknown kind": (lambda lines: changed(lines, 2, lambda v: {"x": 1}), "line 3: is of no known kind: x"),
    "unknown event": (lambda lines: changed(lines, 2, lambda v: {**v, "event": ["zap"]}), "line 3: the journal holds"),
    "an event of other fields": (
        lambda lines: changed(lines, 2, lambda v: {**v, "event": ["done", [], 1]}),
        "line 3: has an event that does not fit what was before",
    ),
    "a time": (lambda lines: changed(lines, 2, lambda v: {**v, "at": "now"}), "line 3: has a time that is none"),
    "no start": (lambda lines: changed(lines, 1, lambda v: {**v, "event": ["resume"]}), "line 2: does not start this"),
    "another run": (lambda lines: changed(lines, 0, with_run(id="x")), "line 2: does not start this run"),
    "a bad id": (lambda lines: changed(lines, 0, with_run(id="")), "line 1: has an id that is none"),
    "no status": (lambda lines: changed(lines, 0, with_run(status="odd")), "line 1: has an unknown status 'odd'"),
    "ended": (lambda lines: changed(lines, 0, with_run(status="failed", closed_at=1)), "line 1: says that the run is"),
    "no definition": (lambda lines: changed(lines, 0, lambda v: {**v, "definitions": {}}), "line 1: lacks the run's"),
    "another definition": (
        lambda lines: changed(lines, 0, lambda v: {**v, "definitions": dict.fromkeys("0", *v["definitions"].values())}),
        "line 1: has a definition that is not 0, as it says",
    ),
    "a broken definition": (
        lambda lines: changed(lines, 0, lambda v: {**v, "definitions": {"0": BROKEN}}),
        "line 1: has a definition that cannot be read",
    ),
    "no bundle": (
        lambda lines: changed(lines, 0, lambda v: {**v, "definitions": {"0": 7}}),
        "line 1: has a definition",
    ),
    "label": (lambda lines: changed(lines, 0, with_run(labels={"a": 1})), "line 1: has a label that is no text"),
    "a migration from nowhere": (
        lambda lines: changed(lines, 2, lambda v: {**v, "event": ["migrate", "0", "0", None, {}]}),
        "line 3: migrates from a definition that is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_made_up_is_refused_with_its_line_and_nothing_is_kept(
    opened_sqlite: OpenEngine, name: str
) -> None:
    change, why = HOSTILE[name]
    async with opened_sqlite() as engine:
        lines = await (await waiting(engine)).export()
        assert len(lines) == 4
    store = MemoryStore()
    async with opened_sqlite(store=store, work=False) as other:
        with pytest.raises(InvalidInput) as caught:
            await other.import_run(change(lines))
        assert caught.value.message.startswith(why), caught.value.message
        assert await other.runs() == []
        assert await store.latest("steps") is None


async def test_a_migration_with_a_made_up_state_is_refused(opened: OpenEngine) -> None:
    async with opened() as engine:
        run = await waiting(engine)
        await run.migrate(STEPS + "  - {id: c, wait: {signal: go}}\n")
        lines = await run.export()

    def forge(line: Any) -> Any:
        line["event"][4]["vars"] = {"rich": True}
        return line

    async with opened(store=MemoryStore()) as other:
        with pytest.raises(InvalidInput, match=r"line 4: .*goes on with another state"):
            await other.import_run(changed(lines, 3, forge))
        assert await other.runs() == []


async def test_a_running_attempt_is_lost_on_the_way_and_runs_again(opened: OpenEngine, gate: Gate) -> None:
    async with opened() as engine:
        run = await engine.start("workflow: w\nsteps: [{id: h, activity: hold, with: {value: 2}}]\n", id="r")
        await journal_has_start(run)
        lines = await run.export()
    gate.open.set()
    async with opened(store=MemoryStore()) as other:
        moved = await other.import_run(lines)
        assert await moved.result(10) == 2
        assert gate.calls == ["hold 2", "hold 2"]
        assert gate.contexts[1].attempt == 2


async def journal_has_start(run: perdure.Run) -> None:
    async def look() -> bool:
        return any(row["event"] == "AttemptStarted" for row in await run.history())

    await eventually(look)
