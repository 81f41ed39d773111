"""How a run came out: its output or error on standard output, the rest in words, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.cli import hints
from perdure.cli.exits import FAILED, INTERRUPTED, OK, STILL_OPEN, complain
from perdure.cli.following import Followed
from perdure.cli.output import as_json, emit
from perdure.cli.settings import Settings
from perdure.cli.showable import one_line
from perdure.values import JSON

if TYPE_CHECKING:
    from perdure.engine import RunInfo


def tell_beginning(chosen: Settings, info: RunInfo) -> None:
    """Say when a run begins, where it waits for its time."""
    if not chosen.quiet and info.begins_at is not None:
        complain(f"it begins at {info.begins_at}", label=False)


def report(chosen: Settings, followed: Followed, again: str | None = None) -> int:
    """Say how the following ended; `again` is the definition for `perdure run`, where this process ran it."""
    info = followed.info
    match followed.end:
        case "ended":
            return report_ended(chosen, info)
        case "stuck":
            emit_outcome(chosen, info)
            cause = info.error["message"] if isinstance(info.error, dict) else "its cause is not known"
            complain(f"run {info.id} is stuck: {cause}")
            if chosen.keeps:
                complain(f"once that is mended: {hints.call(chosen, 'runs', 'resume', info.id)}", label=False)
            return FAILED
        case "timeout":
            emit_outcome(chosen, info)
            complain(f"run {info.id} has not ended in time; it is {info.status}", label=False)
        case "detached":
            emit_outcome(chosen, info)
            complain("detached", label=False)
    if info.closed_at is None and not chosen.keeps:
        complain(f"run {info.id} is lost: {chosen.store} keeps nothing", label=False)
    elif info.closed_at is None and not chosen.quiet:
        for line in hints.for_going_on(chosen, info.id, again):
            complain(line, label=False)
    return STILL_OPEN if followed.end == "timeout" else INTERRUPTED


def report_ended(chosen: Settings, info: RunInfo) -> int:
    """Print the result of a run that has ended."""
    emit_outcome(chosen, info)
    if info.status == "completed":
        return OK
    if info.status == "continued":
        if not chosen.quiet:
            complain(f"run {info.id} was restarted; it went on as {info.id.rpartition('~')[0]}", label=False)
        return OK
    error = info.error if isinstance(info.error, dict) else {"type": "", "message": ""}
    where = f" (step {one_line(error['step'])})" if error.get("step") else ""
    complain(f"run {info.id} {info.status}: {error['type']}: {error['message']}{where}")
    if info.undone:
        complain(f"undone: {', '.join(one_line(step) for step in info.undone)}", label=False)
    for entry in info.not_undone:
        if isinstance(entry, dict) and isinstance(entry.get("error"), dict):
            complain(f"not undone: {entry['step']}: {entry['error'].get('message')}", label=False)
    return FAILED


def emit_outcome(chosen: Settings, info: RunInfo) -> None:
    """The one object for other programs; for people the output alone, once there is one."""
    document: dict[str, JSON] = {"run": info.id, "status": info.status}
    if info.status == "completed":
        document["output"] = info.output
    elif info.error is not None:
        document["error"] = info.error
    document["undone"] = list(info.undone)
    if info.not_undone:
        document["not_undone"] = list(info.not_undone)
    emit(chosen.output, document, as_json(info.output) if info.status == "completed" else "")
