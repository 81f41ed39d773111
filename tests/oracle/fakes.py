"""Fake activities, children and letters of the generated programs: what they do follows from their call alone.

Each takes its own time, so that no two things are ever due at one moment.
"""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

from documented import FREE

from perdure.testing.activities import Call, End, Reply
from perdure.values import SECOND


def chance(*parts: Any) -> int:
    """A number that follows from its parts."""
    return crc32(json.dumps(parts, sort_keys=True).encode())


SILENT = (*FREE, "ChildFailed")
"""Errors whose details are not documented, or have in them what an implementation chooses."""


def without_messages(value: Any) -> Any:
    """A value in which errors have no messages: those of built-in errors are not documented."""
    if isinstance(value, list):
        return [without_messages(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: without_messages(item) for name, item in value.items()}
    if not {"type", "message", "cause"} <= set(value):
        return found
    return {**found, "message": None, "details": None if value["type"] in SILENT else found["details"]}


def fake(call: Call) -> Reply:
    """What an activity does, by its name; how long it takes is its own."""
    number = chance(call.name, without_messages(call.arguments), call.address, call.attempt)
    after = SECOND // 5 + number % (4 * SECOND)
    cleanup = chance(number) % (3 * SECOND)
    value = {"n": number % 3, "ok": number % 2 == 0, "value": call.arguments.get("value")}
    good = End(value)
    match call.name:
        case "flaky" if call.attempt < call.arguments.get("good", 2):
            return Reply(End(error={"type": "pay.Busy", "message": "busy"}), after)
        case "bad":
            error = {"type": call.arguments.get("type", "Boom"), "message": "no", "details": {"n": number % 5}}
            return Reply(End(error=error, retryable=call.arguments.get("again", True)), after)
        case "garbage":
            return Reply(End(error={"type": "InvalidOutput", "message": "garbage"}, retryable=False), after)
        case "slow":
            return Reply(good, 8 * after, cleanup=cleanup)
        case "hang":
            return Reply(hang=True, cleanup=cleanup)
        case "stubborn":
            return Reply(good, 2 * after, on_cancel="ignore")
        case "late":
            return Reply(good, 4 * after, on_cancel="end", cleanup=cleanup, cancelled=good)
        case "torn":
            error = {"type": "Torn", "message": "torn"}
            return Reply(good, 4 * after, on_cancel="end", cleanup=cleanup, cancelled=End(error=error))
        case "distant":
            return Reply(good, after, queued=1 + chance(number, "queued") % (12 * SECOND), cleanup=cleanup)
        case "mute":
            return Reply(good, 3 * after, silent=True, cleanup=cleanup, queued=cleanup if number % 4 == 0 else 0)
    return Reply(good, after)


def post(call: Call) -> Reply:
    after = SECOND // 7 + chance("post", call.name, without_messages(call.arguments), call.address) % SECOND
    if call.address == "nobody":
        return Reply(End(error={"type": "UnknownRun", "message": "nobody"}), after)
    return Reply(End(), after)


def child(call: Call) -> Reply:
    number = chance("child", call.name, without_messages(call.arguments))
    after, cleanup = SECOND + number % (20 * SECOND), number % (2 * SECOND)
    if call.name == "broken":
        return Reply(End(error={"type": "Broken", "message": "broken"}), after, cleanup=cleanup)
    return Reply(End({"n": number % 7}), after, cleanup=cleanup)
