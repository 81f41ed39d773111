"""The group `perdure asks`."""

from __future__ import annotations

from perdure.cli.lazy import Place, group

asks = group(
    "asks",
    {
        "list": Place("perdure.cli.asks.listing:list_", "List open questions, oldest first."),
        "answer": Place("perdure.cli.runs.answer:answer", "Answer an open question of a run."),
    },
    "List open questions and answer them.",
)
