"""The group `perdure activities`."""

from __future__ import annotations

from perdure.cli.lazy import Place, group

activities = group(
    "activities",
    {
        "list": Place("perdure.cli.activities.listing:list_", "List the activities that are installed."),
        "show": Place("perdure.cli.activities.show:show", "Show what an activity takes and gives."),
        "call": Place("perdure.cli.activities.call:call", "Call an activity once, without a run."),
    },
    "Show which activities are installed; call one.",
)
