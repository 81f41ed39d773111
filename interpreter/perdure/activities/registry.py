"""All activities a host can call, by name: `Registry.load`, then `call` for each attempt.

Whatever an activity does, `call` ends in one of three ways: JSON, `ActivityFailure`, or asyncio's
CancelledError. A registry belongs to one event loop from its first call until `aclose`. Knows nothing of
runs, retries and stores. asyncio is imported at the first call: those who only look have no use for it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from perdure.activities import failure
from perdure.activities.attempt import ActivityCancelled, Context, current
from perdure.activities.declaration import (
    MARK,
    Declaration,
    DeclarationError,
    declaration_of,
    described,
    methods,
    refuse_unless_name,
)
from perdure.activities.loading import declared_in, found_in, found_in_entry_points
from perdure.activities.owner import Owner
from perdure.activities.rates import Rate
from perdure.activities.signature import Misfit, Signature
from perdure.activities.threads import Threads
from perdure.values import JSON

LARGEST_RESULT: Final = 10 << 20
"""Bytes of JSON that a result may take."""

THREADS: Final = 32
"""Plain functions that run at a time."""


@dataclass(frozen=True, slots=True)
class ActivityDescription:
    """One activity as people and tools see it; each schema (JSON Schema 2020-12) is complete in itself. `errors` are
    the types that its documentation names behind "Errors:". `file` and `line` say where it is written, where that is
    known."""

    name: str
    summary: str
    doc: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    deprecated: str | None
    source: str
    rate: str | None = None
    read_only: bool = False
    errors: tuple[str, ...] = ()
    file: str | None = None
    line: int | None = None


@dataclass(slots=True)
class _Entry:
    name: str
    function: Callable[..., Any]
    signature: Signature
    declaration: Declaration
    owner: Owner | None
    attribute: str
    threaded: bool
    description: ActivityDescription | None = None


class Registry:
    """Activities by name. Build one with `load`."""

    def __init__(self, *, threads: int = THREADS, largest_result: int = LARGEST_RESULT) -> None:
        self._entries: dict[str, _Entry] = {}
        self._owners: dict[type, Owner] = {}
        self._threads = Threads(threads)
        self._largest_result = largest_result

    @classmethod
    def load(
        cls,
        modules: Iterable[object] = (),
        *,
        entry_points: bool = True,
        builtin: bool = True,
        root: Path | None = None,
        threads: int = THREADS,
        largest_result: int = LARGEST_RESULT,
    ) -> Registry:
        """A registry of the built-in activities, those of installed distributions, and those of `modules`.

        A module is named (`shop.activities`), a path to a `.py` file, or an object; decorated functions and
        classes and lists of all these are taken too. `root` is put on `sys.path` first, and paths are
        relative to it. Raises LoadError for what does not import and DeclarationError for what cannot be
        called or has a name that is taken.
        """
        registry = cls(threads=threads, largest_result=largest_result)
        if builtin:
            from perdure.activities import builtin as builtins

            registry.add(declared_in(builtins))
        if root is not None and str(root := root.resolve()) not in sys.path:
            sys.path.insert(0, str(root))
        if entry_points:
            registry.add(found_in_entry_points())
        registry.add(found_in([modules] if isinstance(modules, str | Path) else modules, root))
        return registry

    def add(self, declared: Iterable[Any]) -> None:
        """Register decorated functions and classes; DeclarationError for a name that is taken by another."""
        for target in declared:
            declaration = declaration_of(target)
            if declaration is None:
                raise DeclarationError(f"{target!r} is not declared with @activity")
            if inspect.isclass(target):
                self._add_class(target, declaration)
            else:
                self._add(target, declaration)

    def names(self) -> list[str]:
        """The names of all activities, sorted."""
        return sorted(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def rate(self, name: str) -> Rate | None:
        """How often one worker may start an activity; None without a limit, or without such an activity."""
        entry = self._entries.get(name)
        return None if entry is None else entry.declaration.rate

    def describe(self, name: str) -> ActivityDescription:
        """What the activity takes and gives; KeyError for no activity, DeclarationError without schema."""
        entry = self._entries[name]
        if entry.description is None:
            doc = inspect.getdoc(entry.function) or ""
            code = getattr(inspect.unwrap(entry.function), "__code__", None)
            entry.description = ActivityDescription(
                name=name,
                summary=entry.declaration.summary or doc.partition("\n")[0],
                doc=doc,
                arguments=entry.signature.arguments_schema(),
                result=entry.signature.result_schema(),
                deprecated=entry.declaration.deprecated,
                source=described(entry.function),
                rate=None if entry.declaration.rate is None else str(entry.declaration.rate),
                read_only=entry.declaration.read_only,
                errors=_named_errors(doc),
                file=None if code is None else code.co_filename,
                line=None if code is None else code.co_firstlineno,
            )
        return entry.description

    def catalogue(self) -> Mapping[str, dict[str, Any]]:
        """All activities by name as plain data: `arguments`, `result`, `summary`, `deprecated`; and `read_only` and
        `errors` of those that say so. Each is described when it is asked for, which may raise DeclarationError: most
        definitions call few of many."""
        return _Catalogue(self)

    async def call(self, name: str, arguments: dict[str, JSON], context: Context) -> JSON:
        """Run one attempt and give its result. Raises ActivityFailure or CancelledError, nothing else.

        A plain function cannot be interrupted. A host that wants to hear how it ends tells it to stop through the
        context and waits; where the call itself is cancelled, the thread goes on and what it returns is dropped.
        """
        import asyncio

        entry = self._entries.get(name)
        if entry is None:
            raise failure.unknown(name, self._entries)
        try:
            bound = entry.signature.bind(arguments)
        except DeclarationError as problem:
            raise failure.unusable(problem) from problem
        except ValueError as problem:
            problems = problem.problems if isinstance(problem, Misfit) else [str(problem)]
            raise failure.invalid_input(name, problems) from None
        before = current.get()
        try:
            function = entry.function if entry.owner is None else await self._method(entry.owner, entry.attribute)
            current.set(context)
            context.bind(asyncio.get_running_loop())
            context.threaded = entry.threaded
            if entry.threaded:
                return await self._in_thread(entry, partial(function, **bound))
            return self._result(entry, await function(**bound))
        except (failure.ActivityFailure, KeyboardInterrupt, GeneratorExit):
            raise
        except asyncio.CancelledError as cancelled:
            if not context.cancelled and not _cancelling():  # the activity's own doing, not the host's
                raise failure.failure_of(cancelled) from cancelled
            context.cancel()
            raise
        except BaseException as raised:
            if isinstance(raised, ActivityCancelled) and context.cancelled:
                raise asyncio.CancelledError from None
            raise failure.failure_of(raised) from raised
        finally:
            current.set(before)

    async def setup(self) -> None:
        """Set up the activity classes now instead of at their first call; LoadError where one fails."""
        for owner in self._owners.values():
            await owner.prepare(self._threads)

    async def aclose(self) -> None:
        """Tear down the classes that were set up, newest first. May be called twice; `call` starts anew."""
        for owner in sorted(self._owners.values(), key=lambda owner: owner.order, reverse=True):
            await owner.dismiss(self._threads)

    async def _in_thread(self, entry: _Entry, work: Callable[[], Any]) -> JSON:
        result = await self._threads.run(partial(self._attempt, entry, work))
        if inspect.isawaitable(result):  # a plain wrapper around a coroutine function
            return self._result(entry, await result)
        return result

    def _attempt(self, entry: _Entry, work: Callable[[], Any]) -> Any:
        """In the thread: failures and results are made here, so that large ones do not hold up the loop."""
        try:
            result = work()
        except (ActivityCancelled, KeyboardInterrupt, failure.ActivityFailure):
            raise
        except BaseException as raised:
            raise failure.failure_of(raised) from raised
        return result if inspect.isawaitable(result) else self._result(entry, result)

    def _result(self, entry: _Entry, result: object) -> JSON:
        try:
            return entry.signature.result(result, self._largest_result)
        except DeclarationError as problem:
            raise failure.unusable(problem) from problem
        except ValueError as problem:
            raise failure.invalid_output(entry.name, str(problem)) from None

    async def _method(self, owner: Owner, attribute: str) -> Callable[..., Any]:
        instance = await owner.prepare(self._threads) if owner.instance is None else owner.instance
        method: Callable[..., Any] = getattr(instance, attribute)
        return method

    def _add_class(self, target: type, declaration: Declaration) -> None:
        owner = self._owners.setdefault(target, Owner(target))
        for key, function in methods(target).items():
            own = vars(function).get(MARK) or Declaration(key)
            full = Declaration(
                f"{declaration.name}.{own.name}",
                own.summary,
                own.deprecated or declaration.deprecated,
                own.rate or declaration.rate,
                own.read_only or declaration.read_only,
            )
            self._add(function, full, owner, key)

    def _add(
        self,
        function: Callable[..., Any],
        declaration: Declaration,
        owner: Owner | None = None,
        attribute: str = "",
    ) -> None:
        name = declaration.name
        refuse_unless_name(name, described(function))
        taken = self._entries.get(name)
        if taken is not None:
            if taken.function is function and taken.owner is owner:
                return
            raise DeclarationError(
                f"two activities are called {name}: {described(taken.function)} and {described(function)}"
            )
        bound = owner is not None and owner.binds(attribute)
        self._entries[name] = _Entry(
            name=name,
            function=function,
            signature=Signature(function, bound=bound),
            declaration=declaration,
            owner=owner,
            attribute=attribute,
            threaded=not inspect.iscoroutinefunction(function),
        )


class _Catalogue(Mapping[str, dict[str, Any]]):
    """What a registry has, described as far as anybody asks."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __getitem__(self, name: str) -> dict[str, Any]:
        one = self._registry.describe(name)
        return {
            "arguments": one.arguments,
            "result": one.result,
            "summary": one.summary,
            "deprecated": one.deprecated,
            **({"read_only": True} if one.read_only else {}),
            **({"errors": list(one.errors)} if one.errors else {}),
        }

    def __contains__(self, name: object) -> bool:
        return name in self._registry

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry._entries)

    def __len__(self) -> int:
        return len(self._registry._entries)


def _named_errors(doc: str) -> tuple[str, ...]:
    """The types of errors in the paragraph of a docstring that begins with "Errors:"."""
    told = re.search(r"^Errors:(.*?)(?:\n\s*\n|\Z)", doc, re.DOTALL | re.MULTILINE)
    return () if told is None else tuple(dict.fromkeys(re.findall(r"`([A-Za-z_][\w.]*[A-Z]\w*|[A-Z]\w*)`", told[1])))


def _cancelling() -> bool:
    import asyncio

    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
