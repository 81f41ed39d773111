"""The table of tests: every key a file of tests may have, where, and in what shape.

The single source of the shape check and of the JSON Schema, in the grammar that definitions have too. What a test
means is told by `mocks`, `script` and `expectations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from perdure.definition.grammar import ByType, Fault, Items, Key, Keys, Kind, Record, Shape, Table, Tagged
from perdure.definition.leaves import ANY, PATH, TEXT
from perdure.definition.schema import as_text, schema_of
from perdure.testing.declared.leaves import (
    DOTTED,
    ELAPSED,
    ERROR_TYPE,
    MATCH,
    MOMENT,
    NAME,
    NUMBER,
    PLACE,
    SIGNAL,
    SPAN,
    START,
    SWITCH,
    TIMES,
    word,
)
from perdure.values import JSON

STATUSES: Final = (
    "completed", "failed", "cancelled", "terminated", "continued", "running", "paused", "refused",
)  # fmt: skip
"""How a run can end here; it is still `running` when nothing more would happen, and `refused` when it never began."""

STEP_STATUSES: Final = ("completed", "failed", "skipped", "cancelled", "running", "waiting", "retrying")

ENDINGS: Final = ("return", "raise", "hang", "sequence")

_RAISED: Final = ByType("an error's type or a mapping", {
    "string": ERROR_TYPE,
    "object": Record("raised", {
        "type": Key(ERROR_TYPE, "the error's type", required=True),
        "message": Key(ANY, "what happened"),
        "details": Key(ANY, "facts about it"),
        "retryable": Key(SWITCH, "whether another attempt may help; true without it"),
    }),
})  # fmt: skip
_ENDING: Final[Keys] = {
    "return": Key(ANY, "the result"),
    "raise": Key(_RAISED, "the error"),
    "hang": Key(SWITCH, "it never ends by itself, only when it is cancelled"),
    "after": Key(SPAN, "how long it takes"),
}
_CALLED: Final[Keys] = {
    **_ENDING,
    "queued": Key(SPAN, "how long no worker takes the call"),
    "silent": Key(SWITCH, "whether it sends no heartbeats; only one that hangs sends none without this"),
}


def _turns(name: str, ways: Keys) -> Key:
    turn = {"times": Key(NUMBER, "so many calls end like this"), **ways}
    turns = Items(Record(name, turn, exclusive=("return", "raise", "hang")), least=1)
    return Key(turns, "how one call after the other ends; the last for ever")


_MOCK: Final[Keys] = {"with": Key(MATCH, "only calls with these arguments")}
_OF_CALLS: Final[Keys] = {**_CALLED, "sequence": _turns("attempt", _CALLED)}
_OF_OTHERS: Final[Keys] = {**_ENDING, "sequence": _turns("turn", _ENDING)}


def _ends_once(written: Mapping[str, JSON]) -> Iterable[Fault]:
    """A mock ends in exactly one way."""
    found = [key for key in written if key in ENDINGS]
    if len(found) > 1:
        yield Fault("WF233", "ends this mock a second time", f"it has {found[0]} already", (found[1],))
    if not found:
        yield Fault("WF233", "says not how the call ends", f"add one of {', '.join(ENDINGS)}")
    for key in ("after", "queued", "silent"):
        if "sequence" in found and key in written:
            yield Fault("WF217", "excludes a sequence", "say it in the entries of the sequence", (key,))


MOCK: Final = Tagged("mock", {
    "step": Kind(NAME, "the step, by its id or address", _OF_CALLS, check=_ends_once),
    "activity": Kind(DOTTED, "every call of this activity", _OF_CALLS, check=_ends_once),
    "workflow": Kind(DOTTED, "every child of this workflow", _OF_OTHERS, check=_ends_once),
    "send": Kind(TEXT, "what is sent to this run, or under this name", _OF_OTHERS, check=_ends_once),
}, _MOCK)  # fmt: skip

_CALL: Final[Keys] = {"with": Key(MATCH, "the arguments")}
CALL: Final = Tagged("call", {
    "activity": Kind(DOTTED, "calls of this activity"),
    "step": Kind(NAME, "calls that this step makes"),
    "workflow": Kind(DOTTED, "children of this workflow"),
}, {**_CALL, "times": Key(TIMES, "how many there are; at least one without it")})  # fmt: skip
NEVER: Final = Tagged("never", {
    "activity": Kind(DOTTED, "no call of this activity"),
    "step": Kind(NAME, "this step never begins"),
    "workflow": Kind(DOTTED, "no child of this workflow"),
}, _CALL)  # fmt: skip

_STEPS: Final = Key(Table(Record("step_expectation", {
    "status": Key(word("step_status", *STEP_STATUSES), "how it ended, or how it stands"),
    "attempts": Key(TIMES, "attempts of its last time"),
    "times": Key(TIMES, "how often it began"),
    "output": Key(MATCH, "its result"),
    "error": Key(MATCH, "the error it failed with"),
}), NAME), "how steps came out, by id or address")  # fmt: skip
_STANDING: Final[Keys] = {
    "status": Key(word("status", *STATUSES), "how the run stands"),
    "steps": _STEPS,
    "state": Key(MATCH, "what is published"),
    "vars": Key(MATCH, "the variables"),
    "queries": Key(Table(MATCH), "what queries say"),
}

EXPECT: Final = Record("expect", {
    **_STANDING,
    "output": Key(MATCH, "the run's result"),
    "error": Key(MATCH, "the run's error"),
    "undone": Key(MATCH, "the steps that were undone, in order"),
    "not_undone": Key(MATCH, "the steps that could not be undone"),
    "continued": Key(MATCH, "the input that the run goes on with"),
    "unread": Key(MATCH, "signals that nothing took"),
    "replies": Key(MATCH, "what was said to updates, in order"),
    "sent": Key(MATCH, "signals, events and cancels sent, in order"),
    "refused": Key(MATCH, "messages that came at the wrong time"),
    "calls": Key(Items(CALL), "calls that were made"),
    "never": Key(Items(NEVER), "calls that were not made"),
    "order": Key(Items(NAME, least=2), "steps in the order in which they began, others between them"),
    "elapsed": Key(ELAPSED, "how long it took"),
})  # fmt: skip

_WHEN: Final = Record("when", {
    "step": Key(NAME, "the step", required=True),
    "is": Key(word("standing", *STEP_STATUSES), "as it stands then; waiting without it"),
})  # fmt: skip
_DATA: Final[Keys] = {"with": Key(ANY, "what it carries")}
_WHY: Final = ByType("true or a reason", {"boolean": SWITCH, "string": TEXT})


def _timed_once(written: Mapping[str, JSON]) -> Iterable[Fault]:
    if "at" in written and "when" in written:
        yield Fault("WF217", "excludes `when`", "keep one of them", ("at",))


SCRIPT: Final = Tagged("entry", {
    "signal": Kind(SIGNAL, "send a signal", _DATA, check=_timed_once),
    "update": Kind(SIGNAL, "send an update", _DATA, check=_timed_once),
    "event": Kind(SIGNAL, "publish an event", _DATA, check=_timed_once),
    "answer": Kind(NAME, "answer the question of a step", {
        **_DATA, "by": Key(TEXT, "who answers"),
    }, check=_timed_once),
    "cancel": Kind(_WHY, "cancel the run", check=_timed_once),
    "terminate": Kind(_WHY, "terminate the run", check=_timed_once),
    "pause": Kind(_WHY, "pause the run", check=_timed_once),
    "resume": Kind(SWITCH, "let a paused run go on", check=_timed_once),
    "restart": Kind(
        ByType("true or a duration", {"boolean": SWITCH, "string": SPAN}),
        "the process dies and comes back, after so long", check=_timed_once,
    ),
    "expect": Kind(Record("standing_expectation", _STANDING), "what must hold at this moment", check=_timed_once),
}, {
    "at": Key(MOMENT, "so long after the start, or at this time; at the start without it"),
    "when": Key(_WHEN, "once a step stands like this"),
    "after": Key(SPAN, "so long after that"),
})  # fmt: skip

_ROWS: Final = ByType("a list of parameter sets, or a list of values by name", {
    "array": Items(Table(ANY, least=1), least=1),
    "object": Table(Items(ANY, least=1), least=1),
})  # fmt: skip

CASE: Final = Record("case", {
    "name": Key(TEXT, "what holds, as a sentence", required=True),
    "matrix": Key(_ROWS, "parameters; the case is run for each set of them, read as {{ matrix.name }}"),
    "input": Key(ANY, "the run's input"),
    "mocks": Key(Items(MOCK), "how calls end; these come before those of the file"),
    "script": Key(Items(SCRIPT), "what happens from outside"),
    "expect": Key(EXPECT, "what must come of it"),
})  # fmt: skip

TESTS: Final = Record("tests", {
    "test": Key(PATH, "the definition, relative to this file", required=True),
    "description": Key(TEXT, "what these tests are about"),
    "clock": Key(Record("clock", {
        "start": Key(START, "the time at which runs start"),
        "timezone": Key(PLACE, "the zone of times without offset"),
    }), "the virtual clock"),
    "activities": Key(Record("activities", {
        "unmocked": Key(word("unmocked", "error", "generate", "real"), "what a call without a mock does"),
    }), "activities without mocks"),
    "mocks": Key(Items(MOCK), "how calls end in all cases"),
    "cases": Key(Items(CASE, least=1), "the cases", required=True),
})  # fmt: skip

TITLE: Final = "Perdure tests of a workflow definition"
SHAPES: Final[Mapping[str, Shape]] = {}
"""No shape of tests refers to itself."""


def schema_text() -> str:
    """The JSON Schema of files of tests, as `schemas/test.schema.json` holds it."""
    return as_text(schema_of(TITLE, TESTS, SHAPES))
