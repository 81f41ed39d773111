"""Any words after `perdure`: a documented exit code, a message where it is not 0, never a traceback or a hang."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from fuzzing import bounded
from hypothesis import given
from hypothesis import strategies as st

import perdure
from perdure.cli.entry import main
from perdure.cli.lazy import LazyGroup

DOCUMENTED = {0, 1, 2, 3, 5, 6, 7, 10, 130}
SECONDS = 10
"""What hangs is ended then; nothing here takes a tenth of that."""

DEFINITION = """
workflow: shop
version: "1"
input: {type: object, properties: {n: {type: integer}}}
schedule: {cron: "0 9 * * *"}
steps:
  - if: "{{ (input.n | default(0)) > 1 }}"
    fail: {type: Many, message: too many}
  - {id: a, set: {x: 1}}
"""
LEFT_OUT = ("worker", "init", "--watch", "--follow")
"""What works until it is stopped, and what fills whatever directory it is told to."""


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it, but those that are left out."""
    if not isinstance(group, LazyGroup):
        yield path, group
        return
    for name in group.places:
        found = group.get_command(click.Context(group), name)
        if found is not None and name not in LEFT_OUT:
            yield from commands(found, (*path, name))


COMMANDS = sorted(commands(main), key=lambda found: found[0])
OPTIONS = {path: [text for p in found.params for text in p.opts if text.startswith("-")] for path, found in COMMANDS}
WORDS = [
    "shop.yaml", "broken.yaml", "run.jsonl", "notes.txt", "missing.yaml", ".", "..", "/", "-", "--", "", " ",
    "shop", "r1", "r2", "r3", "a", "n=1", "n=2", "n=x", "=", "@", "@-", "@notes.txt", "@missing", "{}", "[",
    "null", '{"n": 1}', "1", "-1", "0", "1s", "1h", "9" * 400, "NaN", "1e999", "*", "\x00", "\x1b[31m", "é",
    "\u202e", "\udcff", "x" * 5_000, "{{ 1 }}", "{% x %}", "workflow = 'shop'", "status in (", "' or 1=1 --",
    "json", "jsonl", "yaml", "table", "always", "memory://", "sqlite:///:memory:", "store.db", "notes.db",
    "postgresql://h/d",
    "sqlite://[", "os", "sys:path", "../../etc/passwd", "WF101", "wf999", "2026-01-01T00:00:00Z", "bash",
    "mermaid", "svg", "github", "sarif", "completed", "--help", "-h", "-vvvv", "--yes", "--dry-run",
    "--nonsense", "-Z", "--id=", "--query", "--store",
]  # fmt: skip


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    path, _ = draw(st.sampled_from(COMMANDS))
    piece = (
        st.sampled_from([option for option in OPTIONS[path] if option not in LEFT_OUT] + [""])
        | st.sampled_from(WORDS)
        | st.text(max_size=6)
    )
    words = [*path, *draw(st.lists(piece, max_size=6))]
    if draw(st.integers(0, 9)) == 0:
        words = draw(st.permutations(words))
    return list(words)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with three runs that have ended, and files of the wrong sort."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(sys, "path", sys.path[:])
        patch.setenv("HOME", str(root))
        patch.delenv("PERDURE_STORE", raising=False)
        (root / "perdure.toml").write_text('store = "store.db"\n')
        (root / "shop.yaml").write_text(DEFINITION)
        (root / "broken.yaml").write_text("workflow: [x\n")
        (root / "notes.txt").write_text("no JSON\n")
        (root / "notes.db").write_text("no store\n" * 100)
        asyncio.run(filled(root))
        yield root


async def filled(root: Path) -> None:
    async with perdure.open(str(root / "store.db")) as engine:
        for number in (1, 2, 3):
            run = await engine.start(DEFINITION, {"n": number}, id=f"r{number}")
            await asyncio.wait({asyncio.ensure_future(run.result(10))})
        (root / "run.jsonl").write_text("\n".join(await engine.run("r1").export()))


def call(words: list[str]) -> Any:
    def ring(*_: object) -> None:
        raise AssertionError(f"hangs: {words}")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        return CliRunner().invoke(main, words, input="")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@bounded(250)
@given(command_lines())
def test_any_words_are_answered(project: Path, words: list[str]) -> None:
    result = call(words)
    told = result.output + (result.stderr or "")
    assert result.exit_code in DOCUMENTED, (words, told)
    assert result.exception is None or isinstance(result.exception, SystemExit), words
    if "--debug" not in words:
        assert "Traceback" not in told, (words, told)
    assert "a fault in Perdure" not in told, (words, told)
    assert result.exit_code == 0 or told.strip(), words


@pytest.mark.parametrize("path", [path for path, _ in COMMANDS], ids=" ".join)
def test_every_command_refuses_what_is_no_option_of_it(project: Path, path: tuple[str, ...]) -> None:
    result = call([*path, "--nonsense"])
    assert (result.exit_code, "nonsense" in result.output) == (2, True)
