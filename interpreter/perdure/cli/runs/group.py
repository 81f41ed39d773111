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
        "locks": Place("perdure.cli.runs.locks:locks", "List who holds locks, and who waits."),
        "signal": Place("perdure.cli.runs.signal:signal", "Send a signal to a run."),
        "update": Place("perdure.cli.runs.update:update", "Send an update to a run and print its reply."),
        "query": Place("perdure.cli.runs.query:query", "Print what a run tells about itself."),
        "answer": Place("perdure.cli.runs.answer:answer", "Answer an open question of a run."),
        "cancel": Place("perdure.cli.runs.cancel:cancel", "Stop a run and undo what it has done."),
        "terminate": Place("perdure.cli.runs.terminate:terminate", "End a run at once, without undoing."),
        "pause": Place("perdure.cli.runs.pause:pause", "Let a run begin nothing new."),
        "retry": Place("perdure.cli.runs.retry:retry", "Let a run that failed go on from just before."),
        "fork": Place("perdure.cli.runs.fork:fork", "Start a new run from a step of another."),
        "migrate": Place("perdure.cli.runs.migrate:migrate", "Let an open run go on with another definition."),
        "export": Place("perdure.cli.runs.export:export", "Write a run as lines of JSON."),
        "import": Place("perdure.cli.runs.import_:import_", "Take in a run that was exported."),
        "resume": Place("perdure.cli.runs.resume:resume", "Let a paused or stuck run go on."),
        "delete": Place("perdure.cli.runs.delete:delete", "Delete a run that has ended."),
    },
    "List runs, look into them, act on them.",
)
