"""Refuses what a database could not keep either, so that a memory store takes no more than any other.

Knows the fields of a commit and nothing of tables.
"""

from __future__ import annotations

from collections.abc import Sequence

from perdure.errors import StoreError
from perdure.stores.commits import Commit, NewRun


def check_types(commit: Commit) -> None:
    for seq, at, event in (*commit.events, *(commit.successor_events if commit.successor else ())):
        fits(integers=(seq, at), blobs=(event,))
    for ask in commit.asks_opened:
        fits(texts=(ask.address,), integers=(ask.frame, ask.opened_at, ask.due or 0), blobs=(ask.body,))
    fits(integers=(*commit.consumed, *commit.asks_closed, *commit.heartbeats_dropped))
    fits(integers=tuple(commit.heartbeats), blobs=tuple(commit.heartbeats.values()))
    if commit.snapshot is not None:
        fits(integers=commit.snapshot[:1], blobs=commit.snapshot[1:])
    fits(
        texts=(commit.status or "",),
        blobs=(commit.note or b"",),
        integers=(commit.wake_at or 0, commit.recoveries or 0),
    )
    if commit.closing is not None:
        fits(texts=(commit.closing.status,), integers=(commit.closing.at,), blobs=(commit.closing.outcome,))
    for new in (commit.run, commit.successor):
        if isinstance(new, NewRun):
            _check_run(new)
    if isinstance(commit.run, int):
        fits(integers=(commit.run,))
    for letter in commit.letters:
        fits(texts=(letter.run_id, letter.kind, letter.id), integers=(letter.at,), blobs=(letter.body,))
    _check_operations(commit)
    fits(texts=(*commit.received, *commit.replies, *commit.refused, *commit.accepted, *commit.listens))
    fits(blobs=(*commit.replies.values(), *commit.refused.values(), commit.ended))


def _check_operations(commit: Commit) -> None:
    for take in (*commit.takes, *(commit.successor_takes if commit.successor else ())):
        fits(texts=(take.key,), integers=(take.frame, take.limit))
    for task in commit.tasks:
        fits(texts=(task.queue,), integers=(task.frame, task.priority), blobs=(task.body,))
    fits(integers=(*commit.leaves, *commit.tasks_cancelled))
    for key, (value, expires_at) in commit.cached.items():
        fits(texts=(key,), integers=(expires_at or 0,), blobs=(value,))
    if commit.moved is not None:
        fits(texts=(commit.moved[0], commit.moved[1] or ""))
    if (firing := commit.firing) is not None:
        fits(integers=(firing.revision, firing.next_at or 0, firing.nominal or 0), blobs=(firing.state,))


def _check_run(new: NewRun) -> None:
    fits(texts=(new.id, new.workflow, new.version or "", new.digest, new.status, new.parent or ""))
    fits(texts=(*new.labels, *new.labels.values()), integers=(new.created_at, new.wake_at or 0))


def fits(*, texts: Sequence[object] = (), integers: Sequence[object] = (), blobs: Sequence[object] = ()) -> None:
    """Raise StoreError for what a database could not keep either: foreign types, integers beyond 64 bits."""
    for kind, values in ((str, texts), (int, integers), (bytes, blobs)):
        for value in values:
            if not isinstance(value, kind):
                raise StoreError(f"the store cannot keep this: {value!r} where a {kind.__name__} belongs")
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise StoreError(f"the store cannot keep this: {value} has more than 64 bits")
