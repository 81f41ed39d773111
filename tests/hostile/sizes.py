"""Reads inputs of a megabyte, each in a process of its own, and prints what each costs: `python sizes.py`.

One line of JSON per input: its name, the megabytes it took at most, and whether it ended; `outcome` is the type of what
came of it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from perdure import cron
from perdure.core.wire import event_from_bytes
from perdure.definition.load import inspect
from perdure.engine import query
from perdure.engine.transfer import read_run
from perdure.errors import PerdureError
from perdure.expressions import compile_expression, compile_template
from perdure.values import decode, parse_duration, parse_time

MEGABYTE = 1_000_000
SECONDS = 30


def filling(piece: str) -> str:
    return piece * (MEGABYTE // len(piece.encode()))


class World:
    now = random = uuid = staticmethod(lambda: 0)


def definition(text: str) -> Any:
    return inspect(f"{text}\n")


def template(text: str) -> Any:
    return compile_template(text).evaluate({"input": {"a": [1]}}, World())


def expression(text: str) -> Any:
    return compile_expression(text).evaluate({"input": {"a": [1]}}, World())


def lines(text: str) -> Any:
    return read_run(text.splitlines())


HEAD = "workflow: w\nsteps:\n"
BOMB = "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9) if n else 'x'}]\n" for n in range(9))
READERS: dict[str, tuple[Callable[[str], Any], list[str]]] = {
    "yaml": (
        definition,
        [
            filling("a"),
            filling("- "),
            filling("["),
            filling("{a: "),
            filling("a: b\n"),
            filling("&a [*a, "),
            filling("<<: *a\n"),
            filling("\t"),
            filling("'"),
            filling('"\\u0041'),
            filling("|\n "),
            filling("? "),
            filling("!!python/object/apply:os.system ['id']\n"),
            filling("# perdure: ignore[WF101]\n"),
            filling("{{ "),
            filling("---\n"),
            filling("\ufeff"),
            filling("é"),
            filling("\x00"),
        ],
    ),
    "definition": (
        definition,
        [
            BOMB + filling("x: *b8\n"),
            "a: &a " + filling("x") + "\nb: [" + "*a, " * 1000 + "]",
            "a: &a {x: 1}\n" + filling("b: {<<: [*a, *a, *a, *a]}\n"),
            HEAD + filling("  - {wait: 1s}\n"),
            HEAD + filling("  - {wait: 1s, wat: 2}\n"),
            HEAD + filling("  - {id: a, set: {x: '{{ steps.a }}'}}\n"),
            HEAD + filling("  - {id: a, wait: '{{ input.x'}\n"),
            HEAD + "  - set: {x: '" + filling("{{ input.a }} ") + "'}",
            HEAD + "  - set: {x: '" + filling("{{$}}") + "'}",
            HEAD + filling("  - {set: {x: '" + "{{ a.b(c, 2) }}" * 900 + "'}}\n"),
            HEAD + "  - " + "{steps: [" * 20_000 + "{wait: 1s}" + "]}" * 20_000,
            HEAD + "  - {set: {x: " + filling("9") + "}}",
            "workflow: w\ninput: {type: object, properties: {"
            + filling("a: {type: string}, ")
            + "}}\nsteps: [{wait: 1s}]",
            "workflow: w\ninput: {pattern: '" + filling("(a+)+") + "'}\nsteps: [{wait: 1s}]",
            "workflow: w\ninput: " + "{allOf: [" * 30_000 + "{}" + "]}" * 30_000 + "\nsteps: [{wait: 1s}]",
        ],
    ),
    "template": (
        template,
        [
            filling("{{ input.a }}"),
            filling("{{"),
            filling("{%"),
            filling("{#"),
            filling("}}"),
            filling("{{ 'x' * 1000000 }}"),
            filling("x"),
        ],
    ),
    "expression": (
        expression,
        [
            filling("("),
            filling("1+"),
            filling("'x'~"),
            filling("a."),
            filling("a|"),
            filling("not "),
            filling("9"),
            filling("["),
        ],
    ),
    "run": (
        lines,
        [
            filling("{"),
            filling("[1,"),
            filling('{"perdure":"run"}\n'),
            filling("\n"),
            '{"perdure":"run","format":1,"run":{"id":"' + filling("x") + '"}}',
            '{"perdure":"run","format":1,"run":' + filling('{"id":') + "}",
            filling('"'),
        ],
    ),
    "event": (
        lambda text: event_from_bytes(1, text.encode()),
        [filling('["start",'), filling("[["), '["signal","' + filling("a") + '"]', filling("9")],
    ),
    "json": (
        lambda text: decode(text),
        ["[" + filling("[],") + "0]", "[" + filling("0,") + "0]", "{" + filling('"a":0,') + '"a":0}', filling("1e9")],
    ),
    "query": (
        lambda text: query.parse(text, 0),
        [filling("("), filling("id = 'x' and "), filling("'"), filling("not "), filling("x")],
    ),
    "cron": (
        cron.parse,
        [filling("* "), filling("1,") + " * * * *", filling("*/"), "0 0 " + filling("1-31,") + "1 * *"],
    ),
    "span": (parse_duration, [filling("1h"), filling("9") + "s", filling("P"), "PT" + filling("1") + "S"]),
    "time": (parse_time, [filling("2026-"), filling("1"), filling("-")]),
}


def measured(read: Callable[[str], Any], text: str) -> dict[str, Any]:
    """What reading costs, found out by a child that does nothing else."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcome = outcome_of(read, text)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(sink, json.dumps({"megabytes": (after - before) / 1024, "outcome": outcome}).encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source, "rb") as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    return {"ended": status == 0, **(json.loads(told) if told else {"megabytes": 0, "outcome": "nothing"})}


def outcome_of(read: Callable[[str], Any], text: str) -> str:
    """`fine`, or the type of the error; `fault` before the name of one that is not ours."""
    try:
        read(text)
    except (PerdureError, ValueError) as problem:
        return type(problem).__name__
    except BaseException as problem:
        return f"fault {type(problem).__name__}: {str(problem)[:100]}"
    return "fine"


def main() -> None:
    chosen = sys.argv[1:] or list(READERS)
    for name in chosen:
        read, texts = READERS[name]
        for text in texts:
            print(json.dumps({"input": f"{name} {text[:60]!r}", **measured(read, text)}), flush=True)


if __name__ == "__main__":
    main()
