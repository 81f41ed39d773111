"""The group `perdure runs`."""

from __future__ import annotations

from perdure.cli.lazy import Place, group

runs = group(
    "runs",
    {
        "list": Place("perdure.cli.runs.listing:list_", "List runs, newest first."),
        "show": Place("perdure.cli.runs.show:show", "Show how a run stands."),
        "history": Place("perdure.cli.runs.history:history", "Show every event of a run."),
        "result": Place("perdure.cli.runs.result:result", "Wait for a run and print its result."),
        "watch": Place("perdure.cli.runs.watch:watch", "Follow a run until it ends."),
        "signal": Place("perdure.cli.runs.signal:signal", "Send a signal to a run."),
        "answer": Place("perdure.cli.runs.answer:answer", "Answer an open question of a run."),
        "cancel": Place("perdure.cli.runs.cancel:cancel", "Stop a run and undo what it has done."),
        "terminate": Place("perdure.cli.runs.terminate:terminate", "End a run at once, without undoing."),
        "resume": Place("perdure.cli.runs.resume:resume", "Let a stuck run go on."),
    },
    "List runs, look into them, act on them.",
)
