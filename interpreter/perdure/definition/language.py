"""The table of the language: every key a definition may have, where, and in what shape.

The single source of the shape check and of the JSON Schema. What a key means is not said here: that is for `checks`,
and for the compiler.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from perdure.definition.grammar import (
    ByType,
    Fault,
    Items,
    Key,
    Keys,
    Kind,
    Record,
    Ref,
    Shape,
    Table,
    Tagged,
)
from perdure.definition.leaves import (
    ANY,
    ARGUMENTS,
    BINDING,
    COLLECTION,
    CONDITION,
    COUNT,
    CRON,
    DOTTED,
    DURATION,
    ERROR_TYPE,
    EXPRESSION,
    FACTOR,
    FORM,
    FRACTION,
    ID,
    IDENTIFIER,
    INTERVAL,
    JITTER,
    JOIN,
    KEY,
    LABEL,
    MOMENT,
    OVERLAP,
    PATH,
    PLACE,
    PRIORITY,
    QUEUE,
    SCHEMA,
    SIGNAL,
    SPAN,
    SWITCH,
    TEMPLATED,
    TEXT,
    TIME,
    TOLERATE,
    TRUE,
    VERSION,
    ZONE,
    choice,
    is_template,
    word,
)  # fmt: skip
from perdure.values import JSON, parse_time

STEPS: Final = Items(Ref("step"))
SOME_STEPS: Final = Items(Ref("step"), least=1)
BODY: Final = Key(STEPS, "the steps, in order", required=True)

_RETRY: Final = Record("retry", {
    "attempts": Key(COUNT, "attempts in all, the first one included"),
    "backoff": Key(choice("backoff", "constant", "linear", "exponential"), "how the delay grows"),
    "delay": Key(DURATION, "the wait before the second attempt"),
    "factor": Key(FACTOR, "what an exponential delay is multiplied by"),
    "max_delay": Key(DURATION, "the longest wait between attempts"),
    "jitter": Key(FRACTION, "the share of a delay that is random"),
    "within": Key(DURATION, "no attempt starts later than this after the first"),
    "on": Key(Items(ERROR_TYPE, least=1), "error types and globs that are retried"),
    "except": Key(Items(ERROR_TYPE, least=1), "error types and globs that are not"),
})  # fmt: skip

_TIMEOUT_KEYS: Final[Keys] = {
    "attempt": Key(DURATION, "the longest one attempt may take"),
    "total": Key(DURATION, "the longest the step may take with all its attempts"),
}
_TIMEOUT: Final = Record(
    "timeout",
    _TIMEOUT_KEYS,
    elsewhere={"queue": "the timeout of an activity", "heartbeat": "the timeout of an activity"},
)
_ACTIVITY_TIMEOUT: Final = Record("activity_timeout", {
    **_TIMEOUT_KEYS,
    "queue": Key(DURATION, "the longest wait for a worker"),
    "heartbeat": Key(DURATION, "the longest silence of a running activity"),
})  # fmt: skip


def _duration_or(record: Record) -> ByType:
    return ByType("a duration or a mapping", {
        "string": DURATION, "integer": DURATION, "number": DURATION, "object": record,
    })  # fmt: skip


_CATCH: Final = Items(Record("catch_arm", {
    "errors": Key(Items(ERROR_TYPE, least=1), "error types and globs this arm takes; all without it"),
    "if": Key(CONDITION, "takes the error only if this holds"),
    "as": Key(BINDING, "the error's name inside, `error` without it"),
    "compensate": Key(SWITCH, "first undo what the step has completed"),
    "steps": Key(STEPS, "what to do instead"),
}), least=1)  # fmt: skip

_LOCK: Final = Record("lock", {
    "key": Key(KEY, "what is locked: steps with an equal key share its slots, in all runs", required=True),
    "limit": Key(COUNT, "how many may hold a slot at once, 1 without it"),
})  # fmt: skip
_CACHE: Final = Record("cache", {
    "key": Key(KEY, "what the result depends on", required=True),
    "ttl": Key(DURATION, "how long a result is kept; for ever without it"),
})  # fmt: skip
_CONCURRENCY: Final = Record("concurrency", {
    "key": Key(KEY, "runs with an equal key count together; all runs of the workflow without it"),
    "limit": Key(COUNT, "how many may run at once, 1 without it"),
    "on_conflict": Key(word("on_conflict", "queue", "reject", "cancel_running"), "what a run does when it is full"),
})  # fmt: skip

_JOINING: Final[Keys] = {
    "join": Key(JOIN, "how many must succeed"),
    "rest": Key(word("rest", "cancel", "finish"), "what happens to those behind the join"),
    "on_error": Key(word("on_error", "fail", "collect"), "fail fast, or collect results and errors"),
    "tolerate": Key(TOLERATE, "how many may fail"),
}
_PATIENCE: Final[Keys] = {
    "timeout": Key(DURATION, "how long to wait"),
    "default": Key(ANY, "the result when the time is over; without it, Timeout is raised"),
}
_ZONE: Final[Keys] = {"timezone": Key(ZONE, "the zone of a time without offset")}
_TRANSIENT: Final[Keys] = {"transient": Key(SWITCH, "ignore signals that came before the wait")}
_MATCH: Final[Keys] = {"match": Key(CONDITION, "takes the event only if this holds for its `message`")}

MODIFIERS: Final[Keys] = {
    "id": Key(ID, "the step's name, unique in the document"),
    "if": Key(CONDITION, "the step is skipped unless this holds"),
    "timeout": Key(_duration_or(_TIMEOUT), "how long the step may take"),
    "retry": Key(_RETRY, "run the step again when it fails"),
    "catch": Key(_CATCH, "what to do about errors, first match"),
    "finally": Key(STEPS, "steps that always run"),
    "compensate": Key(Ref("step"), "the step that undoes this one"),
    "output": Key(ANY, "replaces the step's result"),
    "lock": Key(_LOCK, "hold a lock, across runs, while the step runs"),
    "cache": Key(_CACHE, "use an earlier result, if there is one"),
    "summary": Key(TEXT, "what people see in lists and timelines"),
    "description": Key(TEXT, "what the step is for"),
}


def _offset(written: Mapping[str, JSON]) -> Iterable[Fault]:
    """A time without offset needs a zone beside it."""
    time = written.get("until")
    if isinstance(time, str) and "timezone" not in written and not is_template(time) and not tuple(TIME.check(time)):
        try:
            parse_time(time)
        except (ValueError, OverflowError):
            yield Fault("WF207", "has no offset, and no timezone is given", "add timezone: or an offset", ("until",))


_NAMED: Final[Keys] = {"name": Key(SIGNAL, "the key of the result")}
_NAMED_TIMER: Final[Keys] = {"name": Key(SIGNAL, "the key of the result", required=True, code="WF501")}

_ENTRY: Final = Tagged("entry", {
    "signal": Kind(SIGNAL, "a signal of this name", {**_NAMED, **_TRANSIENT}),
    "event": Kind(SIGNAL, "an event of this name", {**_NAMED, **_MATCH}),
    "after": Kind(DURATION, "a span of time", _NAMED_TIMER),
    "until": Kind(TIME, "a point in time", {**_NAMED_TIMER, **_ZONE}, check=_offset),
}, {})  # fmt: skip

_WAIT: Final = Tagged("wait", {
    "for": Kind(DURATION, "a span of time"),
    "signal": Kind(SIGNAL, "a signal of this name", _TRANSIENT),
    "event": Kind(SIGNAL, "an event of this name", _MATCH),
    "until": Kind(TIME, "a point in time", _ZONE, check=_offset),
    "any": Kind(Items(_ENTRY, least=1), "the first of these", _TRANSIENT),
    "all": Kind(Items(_ENTRY, least=1), "all of these", _TRANSIENT),
}, _PATIENCE, elsewhere={
    "after": "the entries of any and all; alone it is `wait: 3d`",
    "name": "the entries of any and all",
})  # fmt: skip

_SELECT_ARM: Final = Tagged("arm", {
    "signal": Kind(SIGNAL, "a signal of this name", _TRANSIENT),
    "event": Kind(SIGNAL, "an event of this name", _MATCH),
    "after": Kind(DURATION, "a span of time"),
    "until": Kind(TIME, "a point in time", _ZONE, check=_offset),
}, {"steps": BODY})  # fmt: skip
_SELECT_ARMS: Final = Items(_SELECT_ARM, least=1)

_BRANCH_ARM: Final = Tagged("branch_arm", {
    "when": Kind(CONDITION, "the arm's condition", {"steps": BODY}),
    "else": Kind(
        ByType("true or a list of steps", {"boolean": TRUE, "array": STEPS}),
        "taken when no other arm holds",
        beside_by={"boolean": {"steps": BODY}, "array": {}},
    ),
}, {})  # fmt: skip
_STEPS_OR_RECORD: Final = ByType("a list of steps", {
    "array": STEPS, "object": Record("case", {"steps": BODY}),
})  # fmt: skip

_PARALLEL: Final = Record("parallel", {
    "branches": Key(Table(ByType("a list of steps or a mapping", {
        "array": STEPS,
        "object": Record("parallel_branch", {
            "if": Key(CONDITION, "whether the branch is taken"),
            "steps": BODY,
        }),
    }), ID, least=1), "the branches by name", required=True),
    **_JOINING,
})  # fmt: skip

_TEXTS: Final = ByType("a text or a list of texts", {"string": TEXT, "array": Items(TEXT, least=1)})

_ASK: Final = Record("ask", {
    "prompt": Key(TEXT, "the question", required=True),
    "form": Key(FORM, "JSON Schema of the answer"),
    "choices": Key(ByType("a list or an expression", {
        "array": Items(ANY, least=1), "string": TEMPLATED,
    }), "the answers to choose from"),
    "of": Key(_TEXTS, "who is asked"),
    "reminders": Key(ByType("a duration or a list of durations", {
        "string": DURATION, "integer": DURATION, "number": DURATION, "array": Items(DURATION, least=1),
    }), "when to remind"),
    **_PATIENCE,
}, exclusive=("form", "choices"))  # fmt: skip

_FIELDS: Final = ByType("a mapping or an expression", {"object": Table(ANY), "string": TEMPLATED})

_HANDLER: Final = Tagged("handler", {
    "update": Kind(SIGNAL, "an update of this name, which is answered", {
        "accept": Key(CONDITION, "the update is refused unless this holds"),
        "reply": Key(ANY, "the answer, made once the state is set"),
    }),
    "signal": Kind(SIGNAL, "a signal of this name"),
}, {
    "input": Key(SCHEMA, "JSON Schema of the message"),
    "steps": Key(STEPS, "what to do with the message"),
    "set": Key(Table(ANY, least=1), "new values of the state's fields"),
    "stop": Key(SWITCH, "the message is the last one"),
    "async": Key(SWITCH, "handled beside the others"),
})  # fmt: skip
_RECEIVE: Final = Record("receive", {
    "state": Key(_FIELDS, "the fields that handlers read and set, with their first values"),
    "on": Key(Items(_HANDLER, least=1), "what to do with which message", required=True),
    "until": Key(CONDITION, "it is over once this holds for the `state`"),
    **_PATIENCE,
})  # fmt: skip

_SEND: Final = Record("send", {
    "to": Key(TEXT, "the id of the run", required=True),
    "signal": Key(SIGNAL, "the signal's name", required=True),
    "data": Key(ANY, "what it carries"),
})  # fmt: skip
_EMIT: Final = Record("emit", {
    "event": Key(SIGNAL, "the event's name", required=True),
    "data": Key(ANY, "what it carries"),
})  # fmt: skip
_CANCEL: Final = Record("cancel", {
    "run": Key(TEXT, "the id of the run", required=True),
    "reason": Key(TEXT, "why, as its history will say"),
})  # fmt: skip

_WITH: Final[Keys] = {"with": Key(ARGUMENTS, "the arguments, by name")}
_QUEUE: Final[Keys] = {
    "queue": Key(QUEUE, "which workers run the activity, or the activities inside"),
    "priority": Key(PRIORITY, "higher goes first among those that wait; 0 without it"),
}

STEP: Final = Tagged("step", {
    "activity": Kind(DOTTED, "call a registered activity", {
        **_WITH, **_QUEUE, "timeout": Key(_duration_or(_ACTIVITY_TIMEOUT), "how long the activity may take"),
    }),
    "workflow": Kind(DOTTED, "run a child workflow", {
        "with": Key(ARGUMENTS, "its input"),
        "detach": Key(SWITCH, "do not wait for it; the result is its run id"),
        "on_parent_close": Key(
            word("on_parent_close", "cancel", "terminate", "abandon"), "what becomes of it when this run ends first"
        ),
    }),
    "steps": Kind(STEPS, "a block of steps, run in order", _QUEUE),
    "branch": Kind(ByType("a list of arms or a mapping", {
        "array": Items(_BRANCH_ARM, least=1),
        "object": Record("cases", {
            "on": Key(EXPRESSION, "the value that chooses the case", required=True),
            "cases": Key(Table(_STEPS_OR_RECORD, least=1), "steps by value", required=True),
            "else": Key(_STEPS_OR_RECORD, "taken when no case is equal"),
        }),
    }), "the first arm that holds", _QUEUE),
    "parallel": Kind(_PARALLEL, "all branches at once", _QUEUE),
    "foreach": Kind(COLLECTION, "once per item of a list", {
        "as": Key(BINDING, "the item's name inside, `item` without it"),
        "concurrency": Key(COUNT, "how many items at once"),
        "steps": BODY,
        **_JOINING,
        **_QUEUE,
    }),
    "repeat": Kind(Tagged("repeat", {
        "while": Kind(CONDITION, "goes on while this holds, tested before a turn"),
        "until": Kind(CONDITION, "goes on until this holds, tested after a turn"),
    }, {"max": Key(COUNT, "turns after which LimitExceeded is raised")}), "a loop", {"steps": BODY, **_QUEUE}),
    "wait": Kind(ByType("a duration or a mapping", {
        "string": DURATION, "integer": DURATION, "number": DURATION, "object": _WAIT,
    }), "wait durably"),
    "select": Kind(ByType("a list of arms or a mapping", {
        "array": _SELECT_ARMS,
        "object": Record("select", {
            "arms": Key(_SELECT_ARMS, "the arms", required=True), **_PATIENCE, **_TRANSIENT,
        }),
    }), "the first thing to happen picks the arm", _QUEUE),
    "ask": Kind(_ASK, "a question to a person"),
    "receive": Kind(_RECEIVE, "take signals and updates, one at a time, against a state", _QUEUE),
    "set": Kind(Table(ANY, ID, least=1), "assign variables"),
    "publish": Kind(ANY, "replace what queries see"),
    "send": Kind(_SEND, "send a signal to a run"),
    "emit": Kind(_EMIT, "tell every run that waits for it of an event"),
    "cancel": Kind(ByType("a run id or a mapping", {"string": TEXT, "object": _CANCEL}), "cancel another run"),
    "return": Kind(ANY, "end this run as completed"),
    "restart": Kind(Record("restart", {
        "input": Key(_FIELDS, "the input to begin again with", required=True),
    }), "go on as a new run with an empty history"),
    "fail": Kind(Record("fail", {
        "type": Key(TEXT, "the error's type", required=True),
        "message": Key(TEXT, "what happened"),
        "details": Key(ANY, "facts about it"),
    }), "raise an error"),
    "rollback": Kind(ByType("all or a mapping", {
        "string": word("all", "all"),
        "object": Record("rollback", {"to": Key(ID, "the step to go back to", required=True)}),
    }), "undo what was completed, newest first"),
    "use": Kind(DOTTED, "the steps of a fragment", {**_WITH, **_QUEUE}),
}, MODIFIERS, elsewhere={
    "queue": "activities, and to steps that have steps inside",
    "priority": "activities, and to steps that have steps inside",
})  # fmt: skip

_NOMINAL: Final[Keys] = {
    "jitter": Key(JITTER, "each time is put off by up to this, always by the same"),
    "catch_up": Key(SPAN, "times that are over by more than this are missed; 1h without it"),
}


def _schedule(name: str, *, several: bool) -> Tagged:
    return Tagged(name, {
        "cron": Kind(CRON, "at these readings of the clock", _NOMINAL),
        "every": Kind(INTERVAL, "at every multiple of this span, counted from `start`", _NOMINAL),
        "event": Kind(SIGNAL, "whenever an event of this name is published", _MATCH),
    }, {
        "id": Key(ID, "the name that tells it from others", required=several),
        "timezone": Key(PLACE, "the zone of the clock, UTC without it"),
        "overlap": Key(OVERLAP, "what happens when an earlier run is still open"),
        "start": Key(MOMENT, "nothing is started before"),
        "end": Key(MOMENT, "nothing is started from then on"),
        "input": Key(_FIELDS, "the input of the run, over `schedule` and `message`"),
    })  # fmt: skip


_SCHEDULE: Final = ByType("a mapping or a list of mappings", {
    "object": _schedule("schedule", several=False),
    "array": Items(_schedule("schedule_of_several", several=True), least=1),
})  # fmt: skip

_IMPORTS: Final = Key(Table(PATH, ID), "files with fragments, by alias")
_FRAGMENTS: Final = Key(Table(Record("fragment", {
    "description": Key(TEXT, "what the fragment is for"),
    "input": Key(SCHEMA, "JSON Schema of its parameters"),
    "steps": Key(SOME_STEPS, "the steps, in order", required=True),
    "output": Key(ANY, "the fragment's result"),
}), ID), "named lists of steps, for `use`")  # fmt: skip

DEFINITION: Final = Record("definition", {
    "workflow": Key(DOTTED, "the name runs are started by", required=True),
    "version": Key(VERSION, "the author's label of this version"),
    "description": Key(TEXT, "what the workflow is for"),
    "input": Key(SCHEMA, "JSON Schema of the input"),
    "output": Key(ANY, "the run's result; the last step's without it"),
    "output_schema": Key(SCHEMA, "JSON Schema of the output"),
    "vars": Key(Table(ANY, ID), "variables and their first values"),
    "defaults": Key(Table(Record("default", {
        "retry": Key(_RETRY, "run the activity again when it fails"),
        "timeout": Key(_duration_or(_ACTIVITY_TIMEOUT), "how long the activity may take"),
        "queue": Key(QUEUE, "which workers run the activity"),
        "priority": Key(PRIORITY, "higher goes first among those that wait"),
    }), ERROR_TYPE), "settings of activities, by pattern of their names"),
    "timeout": Key(DURATION, "how long a run may take"),
    "retry": Key(_RETRY, "run everything again when it fails"),
    "concurrency": Key(_CONCURRENCY, "how many runs go on at once"),
    "labels": Key(Table(LABEL, ID), "what runs can be searched by"),
    "queries": Key(Table(EXPRESSION, IDENTIFIER), "expressions over the published `state` and the `run`, by name"),
    "schedule": Key(_SCHEDULE, "when runs are started by themselves, once this is deployed"),
    "fragments": _FRAGMENTS,
    "imports": _IMPORTS,
    "catch": Key(_CATCH, "what to do about errors of the run, first match"),
    "finally": Key(STEPS, "steps that always run"),
    "steps": Key(SOME_STEPS, "the steps, in order", required=True),
})  # fmt: skip

LIBRARY: Final = Record("library", {
    "description": Key(TEXT, "what the file is for"),
    "imports": _IMPORTS,
    "fragments": _FRAGMENTS,
})  # fmt: skip

SHAPES: Final[Mapping[str, Shape]] = {"step": STEP}
"""Shapes that refer to themselves, by the name a `Ref` gives."""
