"""Where activities come from: module names, files, modules, decorated objects, entry points.

Turns each into decorated functions and classes with the place they were found at; `registry` registers them.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from perdure.activities.declaration import declaration_of
from perdure.activities.installed import may_be_offered
from perdure.errors import PerdureError

ENTRY_POINTS: Final = "perdure.activities"


class LoadError(PerdureError):
    """Activities could not be loaded; the cause is the exception their module raised."""


def found_in(sources: Iterable[object], root: Path | None = None) -> Iterator[Any]:
    """The decorated objects of modules (by name, path or object) and those given directly; LoadError."""
    for source in sources:
        if isinstance(source, str | Path):
            yield from declared_in(_module(source, root))
        elif isinstance(source, ModuleType):
            yield from declared_in(source)
        elif isinstance(source, list | tuple | set | frozenset):
            yield from found_in(source, root)
        elif declaration_of(source) is not None:
            yield source
        else:
            raise LoadError(f"{source!r} is neither a module nor declared with @activity")


def found_in_entry_points() -> Iterator[Any]:
    """The decorated objects that installed distributions offer under `perdure.activities`; LoadError."""
    if not may_be_offered(ENTRY_POINTS):  # as in most environments: importing importlib.metadata takes 12 ms
        return
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name, point.value)):
        owner = f" of {point.dist.name}" if point.dist else ""
        yield from found_in([_guarded(point.load, f"entry point {point.name} = {point.value}{owner}")])


def declared_in(module: ModuleType) -> Iterator[Any]:
    """The decorated functions and classes that a module names, in its order, each once."""
    seen: set[int] = set()
    for value in list(vars(module).values()):
        if declaration_of(value) is not None and id(value) not in seen:
            seen.add(id(value))
            yield value


def _module(source: str | Path, root: Path | None) -> ModuleType:
    text = str(source)
    if isinstance(source, Path) or text.endswith(".py") or "/" in text or "\\" in text:
        return _file((root or Path()) / text)
    if not all(part.isidentifier() for part in text.split(".")):
        raise LoadError(f"{text!r} is neither the name of a module nor the path of a .py file")
    module: ModuleType = _guarded(lambda: importlib.import_module(text), text)
    return module


def _file(given: Path) -> ModuleType:
    path = given.resolve()
    if path.suffix != ".py" or not path.is_file():
        raise LoadError(f"there is no Python file {given}")
    for loaded in list(sys.modules.values()):
        if getattr(loaded, "__file__", None) == str(path):
            return loaded
    spec = importlib.util.spec_from_file_location(_free_name(path), path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{path} cannot be imported")
    if str(path.parent) not in sys.path:  # last, so that a neighbour cannot shadow an installed module
        sys.path.append(str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        _guarded(lambda: spec.loader.exec_module(module), str(path))  # type: ignore[union-attr]
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


def _free_name(path: Path) -> str:
    """The file's own name, or one with a digest where another module has that name."""
    if path.stem.isidentifier() and path.stem not in sys.modules and not importlib.util.find_spec(path.stem):
        return path.stem
    from hashlib import sha256

    return f"{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"


def _guarded(load: Callable[[], Any], what: str) -> Any:
    try:
        return load()
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as problem:
        if problem.name and (what == problem.name or what.startswith(f"{problem.name}.")):
            message = f"there is no module {what}; it is looked for in {_places()}"
        else:
            message = f"{what} does not import: {problem}"
        raise LoadError(message) from problem
    except PerdureError as problem:
        raise LoadError(f"{what}: {problem}") from problem
    except BaseException as problem:
        raise LoadError(f"{what} does not import: {type(problem).__name__}: {problem}") from problem


def _places() -> str:
    shown = [str(Path(entry)) for entry in sys.path if not entry.endswith((".zip", "lib-dynload"))][:3]
    return ", ".join(shown) + ", …"
