"""The group `perdure schedules`."""

from __future__ import annotations

from perdure.cli.lazy import Place, group

schedules = group(
    "schedules",
    {
        "list": Place("perdure.cli.schedules.listing:list_", "List schedules and when each is next due."),
        "show": Place("perdure.cli.schedules.show:show", "Show how a schedule stands."),
        "next": Place("perdure.cli.schedules.next:next_", "Show the next times of a schedule."),
        "pause": Place("perdure.cli.schedules.pause:pause", "Let a schedule start nothing."),
        "resume": Place("perdure.cli.schedules.resume:resume", "Let a paused schedule go on, from now."),
        "trigger": Place("perdure.cli.schedules.trigger:trigger", "Start a run of a schedule now."),
        "backfill": Place("perdure.cli.schedules.backfill:backfill", "Start the runs of times that had none."),
    },
    "List the schedules that deployed definitions have, look ahead, act on them.",
)
