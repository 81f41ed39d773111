"""A run as lines of JSON, to be kept or taken to another store, and back.

One line each: a header with the run's facts and the definitions it had, every event, heartbeats, waiting letters, ids
of letters that were read, and an end with count and digest. What is read is checked completely, by folding the history
too, before anything is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from perdure.core import State, machine, wire
from perdure.core.events import Event, Migrated, RunStarted, SignalReceived, UpdateReceived
from perdure.core.lifecycle import ENDED, TRANSITIONS
from perdure.core.moving import move, obstacles
from perdure.definition import Definition, load_bundle
from perdure.engine.copying import commit_of, create, journal_of
from perdure.engine.creation import new_run, rows_of
from perdure.engine.starting import checked_id
from perdure.engine.tasks import lost_letters
from perdure.errors import DefinitionError, InternalError, InvalidInput, RunConflict
from perdure.program import Program
from perdure.stores.store import Closing, Commit, NewLetter, NewRun
from perdure.values import JSON, canonical, decode, encode

if TYPE_CHECKING:
    from perdure.engine.engine import Engine

FORMAT: Final = 1
LONGEST_LINE: Final = 64 << 20
"""Bytes of one line; no event of ours comes near it."""
LATEST: Final = 1 << 62
"""Microseconds; whatever is later is no time."""

_RUN: Final[Mapping[str, tuple[type, ...]]] = {
    "id": (str,), "workflow": (str,), "version": (str, type(None)), "digest": (str,), "status": (str,),
    "created_at": (int,), "closed_at": (int, type(None)), "labels": (dict,), "parent": (str, type(None)),
}  # fmt: skip
_LETTER: Final[Mapping[str, tuple[type, ...]]] = {"kind": (str,), "id": (str,), "at": (int,)}


# -- out


async def export_run(engine: Engine, run_id: str) -> list[str]:
    """Raises UnknownRun, StoreError."""
    store, row = engine._store, await engine._row(run_id)
    while True:  # the run may go on meanwhile; a letter that has been read by then stands in the journal
        letters = await store.letters_of(row.key)
        _, _, heartbeats = await store.load(row.key)
        journal = await journal_of(engine, row)
        before, row = row, await engine._row(run_id)
        if (before.key, before.digest, before.status) == (row.key, row.digest, row.status):
            break
    events = [wire.event_from_bytes(at, text) for _, at, text in journal]
    read = [event.id for event in events if isinstance(event, SignalReceived | UpdateReceived)]
    digests = {row.digest: None} | {event.origin: None for event in events if isinstance(event, Migrated)}
    facts = {name: getattr(row, name) for name in _RUN} | {"labels": dict(row.labels)}
    outcome = None if row.outcome is None else decode(row.outcome)
    bundles = {digest: decode(await store.definition(digest) or b"null") for digest in digests}
    parts: list[JSON] = [{"perdure": "run", "format": FORMAT, "run": facts, "outcome": outcome, "definitions": bundles}]
    parts += [{"seq": seq, "at": at, "event": decode(text)} for seq, at, text in journal]
    parts += [{"heartbeat": frame, "details": decode(details)} for frame, details in heartbeats.items()]
    for letter in letters:
        if letter.id not in read:
            facts = {"kind": letter.kind, "id": letter.id, "at": letter.at, "body": decode(letter.body)}
            parts.append({"letter": facts})
    parts += [{"read": id} for id in read]
    lines = [_line(part) for part in parts]
    content = hashlib.sha256("".join(f"{line}\n" for line in lines).encode())
    return [*lines, _line({"end": len(lines), "digest": content.hexdigest()})]


def _line(part: JSON) -> str:
    """In ASCII: whatever it passes through on its way leaves it as it is."""
    return json.dumps(part, separators=(",", ":"))


# -- in


async def import_run(engine: Engine, lines: Iterable[str | bytes]) -> str:
    """The id of the run. Raises InvalidInput, RunConflict, StoreError."""
    read = read_run(lines)
    if await engine._store.find(read.run.id) is not None:
        raise RunConflict(f"a run with the id {read.run.id} exists already", run=read.run.id)
    for definition in read.definitions.values():
        await _keep(engine, definition)
    await create(engine, read.commit())
    return read.run.id


def read_run(lines: Iterable[str | bytes]) -> Reading:
    """The lines of an exported run, checked. Raises InvalidInput."""
    return Reading().read(lines)


async def _keep(engine: Engine, definition: Definition) -> None:
    """Keep a definition that may be old: what is started by its name afterwards stays what it was."""
    store, now = engine._store, engine._clock.now()
    if await store.definition(definition.digest) is not None:
        return
    latest = await store.latest(definition.name)
    await store.put_definition(definition.digest, definition.name, definition.version, definition.bundle, now)
    if latest is not None:
        newest = load_bundle(await store.definition(latest) or b"")
        await store.put_definition(latest, newest.name, newest.version, newest.bundle, now)


@dataclass(slots=True)
class Reading:
    """What the lines have said so far; `number` is the present line's."""

    number: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    header: dict[str, JSON] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    heartbeats: dict[int, bytes] = field(default_factory=dict)
    letters: list[NewLetter] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    ended: bool = False
    state: State | None = None
    run: NewRun = None  # type: ignore[assignment]

    @property
    def programs(self) -> list[Program]:
        """Those the run had in turn."""
        origins = [event.origin for event in self.events if isinstance(event, Migrated)]
        return [self.definitions[digest].program for digest in (*origins, self.header["run"]["digest"])]

    def read(self, lines: Iterable[str | bytes]) -> Reading:
        for line in lines:
            self.number += 1
            self._line(line)
        self.number += 1
        self._needs(self.ended, "the file ends here, and its end line is missing")
        self._fold()
        return self

    def _line(self, line: str | bytes) -> None:
        self._needs(isinstance(line, str | bytes), "is no text")
        text = (line.encode(errors="replace") if isinstance(line, str) else line).rstrip(b"\r\n")
        self._needs(not self.ended, "follows the end of the run")
        self._needs(len(text) <= LONGEST_LINE, "is longer than 64 MiB")
        try:
            value = decode(text)
        except ValueError as problem:
            raise self._wrong(f"is not JSON: {problem}") from None
        self._needs(isinstance(value, dict), "is no mapping")
        if self.number == 1:
            self._header(value)
        else:
            self._part(value)
        self.digest.update(text + b"\n")

    def _header(self, value: dict[str, JSON]) -> None:
        self._needs(value.get("perdure") == "run", "is not the header of an exported run")
        found = value.get("format")
        self._needs(found == FORMAT, f"has format {found}; this release reads {FORMAT}")
        run, bundles = value.get("run"), value.get("definitions")
        self._typed(run, _RUN, "run")
        self._needs(isinstance(bundles, dict), "has no definitions")
        assert isinstance(run, dict)
        assert isinstance(bundles, dict)
        self._needs(run["status"] in TRANSITIONS, f"has an unknown status {run['status']!r}")
        self._needs((run["status"] in ENDED) == (run["closed_at"] is not None), "does not say when the run ended")
        self._needs(0 <= run["created_at"] <= LATEST, "has a time that is none")
        self._needs(run["closed_at"] is None or 0 <= run["closed_at"] <= LATEST, "has a time that is none")
        labels = run["labels"].values()
        self._needs(all(isinstance(label, str) for label in labels), "has a label that is no text")
        try:
            checked_id(run["id"])
        except InvalidInput as problem:
            raise self._wrong(f"has an id that is none: {problem}") from None
        for digest, bundle in bundles.items():
            self.definitions[digest] = self._definition(digest, bundle)
        self._needs(run["digest"] in self.definitions, "lacks the run's definition")
        program = self.definitions[run["digest"]].program
        self._needs((program.name, program.version) == (run["workflow"], run["version"]), "names another definition")
        self.header = value

    def _definition(self, digest: str, bundle: JSON) -> Definition:
        try:
            definition = load_bundle(encode(bundle))
        except (DefinitionError, ValueError, KeyError, TypeError, AttributeError, InternalError) as problem:
            raise self._wrong(f"has a definition that cannot be read: {problem}") from None
        self._needs(definition.digest == digest, f"has a definition that is not {digest[:12]}, as it says")
        return definition

    def _part(self, value: dict[str, JSON]) -> None:
        match value:
            case {"seq": seq, "at": at, "event": event}:
                self._needs(seq == len(self.events) + 1, f"has event {seq}, and {len(self.events) + 1} was to come")
                self._needs(_whole(at, LATEST), "has a time that is none")
                self._event(at, event)
            case {"heartbeat": frame, "details": details}:
                self._needs(_whole(frame, LATEST), "has a heartbeat of no frame")
                self.heartbeats[frame] = encode(details)
            case {"letter": letter}:
                self._typed(letter, _LETTER, "letter")
                self._needs(_whole(letter["at"], LATEST) and isinstance(letter.get("body"), dict), "has no letter")
                body = encode(letter["body"])
                self.letters.append(NewLetter("", letter["kind"], letter["id"], letter["at"], body))
            case {"read": id}:
                self._needs(isinstance(id, str), "has no id")
                self.received.append(id)
            case {"end": count, "digest": digest}:
                self._needs(count == self.number - 1, f"ends after {self.number - 1} lines, and {count} were written")
                self._needs(digest == self.digest.hexdigest(), "has another digest: the lines before were changed")
                self.ended = True
            case _:
                raise self._wrong(f"is of no known kind: {', '.join(list(value)[:5])}")

    def _event(self, at: int, event: JSON) -> None:
        try:
            found = wire.event_from_bytes(at, encode(event))
        except InternalError as problem:
            raise self._wrong(str(problem)) from None
        if isinstance(found, Migrated):
            named = isinstance(found.origin, str) and isinstance(found.digest, str)
            self._needs(named, "migrates between definitions that are none")
            self._needs(found.origin in self.definitions, "migrates from a definition that is missing")
            self._needs(found.digest in self.definitions, "migrates to a definition that is missing")
        self.events.append(found)
        self.places.append(self.number)

    # -- what the history comes to

    def _fold(self) -> None:
        facts = self.header["run"]
        self._needs(bool(self.events), "the run has no events")
        first = self.events[0]
        self.number = self.places[0]
        self._needs(isinstance(first, RunStarted) and _same_run(first.run, facts["id"]), "does not start this run")
        digests = [event.origin for event in self.events if isinstance(event, Migrated)] + [facts["digest"]]
        program, following = self.definitions[digests[0]].program, iter(digests[1:])
        for number, event in zip(self.places, self.events, strict=True):
            self.number, before = number, program
            if isinstance(event, Migrated):
                self._needs(event.digest == next(following), "migrates to another definition than the run goes on with")
                program = self.definitions[event.digest].program
            self.state = self._stepped(before, program, event)
        assert self.state is not None
        self._judge(program, self.state)

    def _stepped(self, before: Program, program: Program, event: Event) -> State:
        try:
            if isinstance(event, Migrated) and self.state is not None:
                return _migrated(before, program, self.state, event)
            if self.state is not None:
                machine.step(program, self.state, event)
                return self.state
            assert isinstance(event, RunStarted)
            return machine.start(program, event)[0]
        except Exception as problem:  # whatever is made up may break anything
            raise self._wrong(f"has an event that does not fit what was before: {problem}") from None

    def _judge(self, program: Program, state: State) -> None:
        """The header must say what the history says; a run may have been ended from outside."""
        facts, outcome = self.header["run"], self.header.get("outcome")
        status = facts["status"]
        self.number = 1
        if state.status in ENDED or (status in ENDED and status != "terminated"):
            told = None if outcome is None else canonical(outcome)
            same = state.status == status and told == canonical(state.outcome)
            self._needs(same, f"says that the run is {status}, and its history says {state.status} or another outcome")
        found = new_run(program, facts["id"], facts["created_at"], labels=facts["labels"], parent=facts["parent"])
        self.run = replace(found, status="running" if status in ENDED else status, wake_at=None)

    def commit(self) -> Commit:
        """The run as it was: open, and due at once, or ended."""
        facts, outcome = self.header["run"], self.header.get("outcome")
        assert self.state is not None
        if facts["status"] in ENDED:
            closing = Closing(facts["status"], facts["closed_at"], encode(outcome))
            return Commit(self.run, None, events=rows_of(self.events), closing=closing, received=self.received)
        if facts["status"] != "stuck":
            self.run = replace(self.run, wake_at=self.state.now)
        program = self.definitions[facts["digest"]].program
        try:
            commit = commit_of(self.run, program, self.state, self.events)
            if commit.snapshot is not None:
                wire.state_from_bytes(program, commit.snapshot[1])
        except Exception as problem:
            raise self._wrong(f"has a history that cannot go on: {problem}") from None
        commit.heartbeats = self.heartbeats
        commit.received = self.received
        commit.letters = [
            # What slots a run has here, this store says itself.
            *(replace(letter, run_id=self.run.id) for letter in self.letters if letter.kind != "slot"),
            *lost_letters(self.run.id, self.state),
        ]
        if facts["status"] == "stuck":
            commit.status, commit.note = "stuck", encode(outcome)
        return commit

    # -- complaints

    def _needs(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise self._wrong(otherwise)

    def _typed(self, value: JSON, fields: Mapping[str, tuple[type, ...]], what: str) -> None:
        self._needs(isinstance(value, dict), f"has no {what}")
        for name, types in fields.items():
            found = value.get(name, ...)
            fits = isinstance(found, types) and not isinstance(found, bool)
            self._needs(fits, f"has no {what}.{name}" if found is ... else f"has a wrong {what}.{name}")

    def _wrong(self, message: str) -> InvalidInput:
        return InvalidInput(f"line {self.number}: {message}")


def _migrated(old: Program, new: Program, state: State, event: Migrated) -> State:
    """The state a migration leads to; it is that which the history leads to."""
    found = obstacles(old, new, state)
    if found:
        raise RunConflict(str(found[0]))
    expected = move(old, new, state, event.at)[0]
    if wire.event_to_bytes(expected) != wire.event_to_bytes(event):
        raise RunConflict("the migration goes on with another state")
    return machine.migrated(new, event)


def _whole(value: JSON, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _same_run(started: str, id: str) -> bool:
    """A run that another has followed under its id was renamed `id~N`."""
    name, _, number = id.rpartition("~")
    return started == id or (started == name and number.isdigit())
