"""The promises of reliability.md, asked of a ledger and of what is left in the file.

Every journal is folded once more, to see which call each event is about. Gives sentences about what was not kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from ledger import Call, Ledger, Message
from retelling import Told

from perdure.core.events import ActivityCompleted, RunStarted, SignalReceived, UpdateReceived
from perdure.core.lifecycle import ENDED
from perdure.values import decode

DEEDS = {
    "cancel": "CancelRequested", "terminate": "TerminateRequested", "pause": "PauseRequested",
    "resume": "ResumeRequested", "answer": "AskAnswered",
}  # fmt: skip
"""What a client asks of a run → the event that it becomes."""


def broken(ledger: Ledger, told: Told) -> Iterator[str]:
    """Every promise that was not kept."""
    yield from ledger.broken
    yield from told.wrong
    yield from _repeated(ledger, told)
    yield from _ended(ledger, told)
    yield from _keys(told)
    yield from _messages(ledger)
    yield from _deeds(ledger, told)
    yield from _seen_off(ledger, told)
    yield from _outcomes(ledger, told)
    yield from _left(ledger)


def _repeated(ledger: Ledger, told: Told) -> Iterator[str]:
    """A finished step never runs again, an attempt that ended or began durably is never repeated, and what is called is
    what a journal asks for; but for what a worker still begins that was buried and has not noticed."""
    attempts: dict[tuple[str, int], list[Call]] = defaultdict(list)
    for call in ledger.calls:
        attempts[call.key, call.attempt].append(call)
        if call.sound:
            yield from _unfounded(call, ledger, told)
    for attempt, calls in attempts.items():
        once = any(command.committed for command in told.asked.get(attempt, ()))
        sound = [call for call in calls if call.sound]
        # One that was begun and not written down before its worker died may be queued as the same attempt.
        queued = [call for call in sound if call.began > told.queued.get(attempt, call.began)]
        if (once and len(calls) > 1) or len(queued) > 1:
            yield f"{attempt} was called {len(calls)} times"
        begun = told.begun.get(attempt)
        if begun is not None and attempt not in told.queued:
            its_own = any(call.began < begun.place and call.process is begun.process for call in calls)
            if sum(call.began > begun.place for call in sound) > (not its_own):
                yield f"{attempt} was called again though it had begun at line {begun.place}"


def _unfounded(call: Call, ledger: Ledger, told: Told) -> Iterator[str]:
    attempt = call.key, call.attempt
    what = f"{call.key} attempt {call.attempt} began at line {call.began}"
    over = told.ended.get(attempt)
    if over is not None and over.place < call.began:
        yield f"{what}, though it had ended at {over.place}"
    asked = told.asked.get(attempt)
    if not asked:
        yield f"{what}, which no journal asks for"
    elif call.began < told.asked_at[attempt]:
        yield f"{what}, before it was durable that it was wanted"
    elif not any((one.name, one.address, one.arguments) == (call.name, call.address, call.arguments) for one in asked):
        yield f"{what} with {call.name} {call.arguments}, and the journal asks for {asked[0]}"
    closed = ledger.closed.get(told.of_run.get(attempt, 0))
    if closed is not None and closed < call.began:
        yield f"{what}, though its run had ended at {closed}"
    unwanted = told.unwanted.get(attempt)
    # The process that decided so may have launched the call a moment before.
    late = unwanted is not None and unwanted.place < call.began and unwanted.process is not call.process
    if late and attempt not in told.queued:
        yield f"{what}, though it was to stop since {unwanted}"


def _ended(ledger: Ledger, told: Told) -> Iterator[str]:
    """A result in a journal is that of a call."""
    values = defaultdict(list)
    for call in ledger.calls:
        if call.how == "ends" and call.ended is not None:
            values[call.key, call.attempt].append((call.ended, call.value))
    for attempt, landed in told.ended.items():
        if isinstance(landed.event, ActivityCompleted):
            found = [value for ended, value in values[attempt] if ended < landed.place]
            if landed.event.result not in found:
                yield f"{attempt} has the result {landed.event.result}, and what was called gave {found}"


def _seen_off(ledger: Ledger, told: Told) -> Iterator[str]:
    """A child that is to stop with its parent has heard so, or had ended."""
    for id, place in told.seen_off:
        row = ledger.file.find(id)
        if row is None or ledger.closed.get(row.key, place) < place:
            continue
        kinds = {letter.kind for letter in ledger.file.inbox.get(row.key, {}).values()}
        heard = told.kinds[row.key, "CancelRequested"] + told.kinds[row.key, "TerminateRequested"]
        if not heard and kinds.isdisjoint(("cancel", "terminate")):
            yield f"{id} was not told that its parent had ended at {place}"


def _outcomes(ledger: Ledger, told: Told) -> Iterator[str]:
    """What a run has come to is what its journal comes to."""
    for run, row in ledger.file.runs.items():
        state = told.states.get(run)
        if state is None:
            yield f"{row.id} has no journal"
        elif row.status != state.status:
            yield f"{row.id} is {row.status}, and by its journal {state.status}"
        elif row.status in ENDED and decode(row.outcome or b"null") != state.outcome:
            yield f"{row.id} came to {row.outcome!r}, and by its journal to {state.outcome}"


def _keys(told: Told) -> Iterator[str]:
    for (run, slot), keys in told.keys.items():
        if len(keys) > 1:
            yield f"frame {slot} of run {run} has several idempotency keys: {sorted(keys)}"
    owners = Counter(key for keys in told.keys.values() for key in keys)
    yield from (f"{times} steps share the idempotency key {key}" for key, times in owners.items() if times > 1)


def _messages(ledger: Ledger) -> Iterator[str]:
    taken: Counter[tuple[str, str]] = Counter()
    restarted = set()
    for (run, _), landed in ledger.landed.items():
        if isinstance(landed.event, RunStarted) and landed.handed:
            restarted.add(landed.event.run)
        elif isinstance(landed.event, SignalReceived | UpdateReceived) and not landed.handed:
            taken[_name(ledger, run), landed.event.id] += 1
    for run, box in ledger.file.inbox.items():
        for letter in box.values():
            taken[_name(ledger, run), letter.id] += 1
    for message in ledger.messages:
        if message.kind == "start":
            row = ledger.file.find(message.run)
            if row is None and message.told == "acknowledged":
                yield f"the start of {message.run} was {message.told}, and it is {row and row.status}"
        elif message.kind in ("signal", "update"):
            yield from _counted(message, taken[message.run, message.id], message.run in restarted)


def _deeds(ledger: Ledger, told: Told) -> Iterator[str]:
    """A cancellation, an answer and the like that was acknowledged has reached its run, or waits in its inbox."""
    done: Counter[tuple[str, str]] = Counter()
    for (run, kind), times in told.kinds.items():
        done[_name(ledger, run), kind] += times
    for run, box in ledger.file.inbox.items():
        for letter in box.values():
            done[_name(ledger, run), DEEDS.get(letter.kind, "")] += 1
    asked = Counter((m.run, m.kind) for m in ledger.messages if m.kind in DEEDS and m.told == "acknowledged")
    for (name, kind), times in asked.items():
        if done[name, DEEDS[kind]] < times:
            yield f"{kind} of {name} was acknowledged {times} times, and came {done[name, DEEDS[kind]]} times"


def _counted(message: Message, times: int, restarted: bool) -> Iterator[str]:
    least = message.told == "acknowledged"
    most = 99 if restarted and message.tries > 1 and message.kind == "signal" else 1
    if message.kind == "update" and message.told == "refused":
        return
    if not least <= times <= most:
        yield f"the {message.kind} {message.id} was {message.told}, and is there {times} times"


def _name(ledger: Ledger, run: int) -> str:
    return ledger.file.runs[run].id.partition("~")[0]


def _left(ledger: Ledger) -> Iterator[str]:
    """Nothing is left of runs that have ended."""
    file = ledger.file
    tables = {
        "slots": file.slots.by_run, "slots held": file.slots.held, "slots waited for": file.slots.waiting,
        "asks": file.asks, "tasks": file.tasks, "heartbeats": file.heartbeats, "subscriptions": file.subscriptions,
        "what runs listen to": file.listening, "snapshots": file.snapshots, "unsettled updates": file.unsettled,
        "occurrences": file.occurrences,
    }  # fmt: skip
    for name, rows in tables.items():
        if any(not isinstance(row, dict | set) or row for row in rows.values()):
            yield f"{name} are left: {rows}"
