"""The live tree in a real terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cli_project import PATIENCE, PERDURE, TRIP

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """`perdure` with a terminal of 100 by 24 for its standard error."""

    def __init__(self, project: Path, *words: str, **environment: str) -> None:
        self.master, slave = pty.openpty()
        names = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        names |= {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "24", "PYTHONUTF8": "1", **environment}
        self.popen = subprocess.Popen(
            [*PERDURE, *words], cwd=project, env=names, stdin=slave, stdout=subprocess.PIPE, stderr=slave
        )
        os.close(slave)
        self.seen = b""

    def until(self, text: str) -> str:
        """Everything shown so far, once the text is among it."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown():
            assert time.monotonic() < end, self.shown()
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                break
        assert text in self.shown(), self.shown()
        return self.shown()

    def shown(self) -> str:
        return ESCAPES.sub("", self.seen.decode("utf-8", "replace"))

    def ended(self) -> tuple[int, bytes]:
        assert self.popen.stdout is not None
        while True:
            try:
                more = os.read(self.master, 65536)
            except OSError:
                break
            if not more:
                break
            self.seen += more
        out = self.popen.stdout.read()
        self.popen.stdout.close()
        os.close(self.master)
        return self.popen.wait(PATIENCE), out


@pytest.fixture
def terminal(project: Path):
    opened: list[Terminal] = []

    def open_one(*words: str, **environment: str) -> Terminal:
        opened.append(Terminal(project, *words, **environment))
        return opened[-1]

    yield open_one
    for one in opened:
        if one.popen.poll() is None:
            one.popen.kill()
            one.popen.wait()


def test_the_tree_shows_what_completed_and_what_failed(terminal):
    one = terminal("run", "book-trip", *TRIP, "-i", "card=4000", "--id", "trip", "-o", "json")
    code, out = one.ended()
    assert code == 1
    assert out.startswith(b"{")
    assert b"payments.Declined" in out
    last = one.shown().rpartition("book-trip  trip  failed")[2]
    assert "↶ flight  undone" in last
    assert "↶ hotel  undone" in last
    assert "✗ charge  failed  payments.Declined: the card was declined" in last


def test_the_tree_says_how_to_answer_and_ctrl_c_how_to_go_on(terminal):
    one = terminal("run", "approval", "--id", "a")
    shown = one.until("to answer: perdure runs signal a approve")
    assert "✓ before" in shown
    assert "◌ approval  waiting  signal approve" in shown
    one.popen.send_signal(signal.SIGINT)
    code, out = one.ended()
    assert (code, out) == (130, b"")
    assert "perdure run definitions/approval.yaml --id a" in one.shown()
    assert "\x1b[?25h" in one.seen.decode()  # the cursor is back


def test_a_run_is_watched_from_another_terminal(terminal, spawn):
    assert spawn("run", "approval", "--id", "a", "--detach").ended()[0] == 0
    watch = terminal("runs", "watch", "a")
    worker = spawn("worker")
    watch.until("◌ approval  waiting")
    assert spawn("runs", "signal", "a", "approve", "by=ana").ended()[0] == 0
    code, out = watch.ended()
    assert (code, out.split()) == (0, [b"{", b'"by":', b'"ana"', b"}"])
    worker.send(signal.SIGTERM)
    assert worker.ended()[0] == 0


def test_without_colour_the_tree_has_none(terminal):
    one = terminal("run", "book-trip", *TRIP, "-i", "card=4242", NO_COLOR="1")
    assert one.ended()[0] == 0
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9]m", one.seen)


def test_a_hundred_steps_fit_into_a_small_terminal(terminal, project: Path):
    (project / "many.yaml").write_text(
        f"workflow: many\nsteps:\n  - id: each\n    foreach: {list(range(100))}\n    concurrency: 4\n"
        "    steps: [{id: say, activity: text.say, with: {text: 'number {{ item }}'}, timeout: 5s}]\n"
    )
    one = terminal("run", "many.yaml", "-o", "json", "--id", "m")
    assert one.ended()[0] == 0
    last = one.shown().rpartition("many  m  completed")[2]
    assert "more steps" in last
    assert len(last.strip().splitlines()) < 24


def test_what_activities_print_stands_above_the_tree(terminal):
    one = terminal("run", "book-trip", *TRIP, "-i", "card=4242", "-o", "json")
    code, out = one.ended()
    assert code == 0
    assert b"a line from" not in out
    assert "a line from an activity" in one.shown()
    assert "a line from a child process" in one.shown()
