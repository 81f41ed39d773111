"""What one activity takes and gives, by its annotations: checked at each call, described as JSON Schema.

Where annotations are absent or plain (`str`, `int`, `dict` …) and the value has exactly that type, nothing
needs pydantic; everything else goes through a validator that is built on first use, because building takes
0.3 ms and importing pydantic a tenth of a second. Knows nothing of registries, contexts or failures.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from perdure.activities.declaration import DeclarationError, described, parameters, refuse_unless_callable
from perdure.activities.jsonable import as_json, isolated, refuse_generator, refuse_not_finite, shown
from perdure.activities.plain import plain_arguments, plain_result
from perdure.values import JSON, encode

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ValidationError

EXACT: Final = frozenset({str, int, float, bool, list, dict, NoneType})
"""Annotations whose own instances pydantic would pass through unchanged."""

_WORDS: Final = {
    "missing_keyword_only_argument": "this argument is required",
    "unexpected_keyword_argument": "there is no such parameter",
}
"""Where pydantic speaks of Python calls, what an author should read."""


class Misfit(ValueError):
    """Arguments or a result are not what the annotations say; one text for each problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


class _Checked:
    """Stands for an annotation that only pydantic can judge: no value has this type."""


class Signature:
    """The parameters and the result of one activity; DeclarationError where annotations do not resolve."""

    def __init__(self, function: Callable[..., Any], *, bound: bool = False) -> None:
        self._where = described(function)
        hints = _resolved(function)
        refuse_unless_callable(function, self._where, bound=bound)
        self._result: Any = hints.pop("return", Any)
        self._parameters = [
            parameter.replace(
                annotation=hints.get(parameter.name, Any),
                kind=parameter.kind if parameter.kind is parameter.VAR_KEYWORD else parameter.KEYWORD_ONLY,
            )
            for parameter in parameters(function, bound=bound)
        ]
        self._kinds = {
            parameter.name: _exact(parameter.annotation)
            for parameter in self._parameters
            if parameter.kind is parameter.KEYWORD_ONLY
        }
        self._required = {
            parameter.name
            for parameter in self._parameters
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        }
        self._result_kind = _exact(self._result)
        self._argument_adapter: TypeAdapter[dict[str, Any]] | None = None
        self._result_adapter: TypeAdapter[Any] | None = None

    def bind(self, arguments: Mapping[str, JSON]) -> dict[str, Any]:
        """Keyword arguments for the function that share nothing with those given; Misfit."""
        bound: dict[str, Any] = {}
        kinds = self._kinds
        for key, value in arguments.items():
            expected = kinds.get(key, _Checked)
            given = type(value)
            if given is not expected and expected is not object:
                return self._validated(arguments)
            bound[key] = isolated(value) if given is dict or given is list else value
        return bound if self._required <= bound.keys() else self._validated(arguments)

    def result(self, value: object, limit: int) -> JSON:
        """The result as JSON of at most `limit` bytes; ValueError where it is not what was declared."""
        if self._result_kind is object or type(value) is self._result_kind:
            return as_json(value, limit)
        refuse_generator(value)
        adapter = self._for_result()
        try:
            fitting = adapter.validate_python(value)
            plain = as_json(adapter.dump_python(fitting, mode="json", by_alias=True, warnings="error"), limit)
            if b"null" in encode(plain):  # pydantic writes NaN as null, silently
                refuse_not_finite(adapter.dump_python(fitting))
        except Exception as problem:
            raise self._misfit(problem) from None
        return plain

    def arguments_schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the arguments, an object; DeclarationError where there is none."""
        plain = plain_arguments(self._parameters)
        return self._schema(self._for_arguments(), "validation") if plain is None else plain

    def result_schema(self) -> dict[str, Any]:
        """JSON Schema of the result as the run sees it; anything where the activity does not say."""
        plain = plain_result(self._result)
        return self._schema(self._for_result(), "serialization") if plain is None else plain

    def _validated(self, arguments: Mapping[str, JSON]) -> dict[str, Any]:
        from pydantic_core import ArgsKwargs

        adapter = self._for_arguments()
        try:
            return adapter.validate_python(ArgsKwargs((), isolated(dict(arguments))))
        except Exception as problem:
            raise self._misfit(problem) from None

    def _misfit(self, problem: Exception) -> Exception:
        from pydantic import PydanticUserError, ValidationError

        if isinstance(problem, ValidationError):
            return Misfit(_problems(problem))
        if isinstance(problem, PydanticUserError):
            return DeclarationError(f"{self._where} cannot be called: {problem}")
        text = shown(problem)
        return Misfit([text if isinstance(problem, ValueError) else f"{type(problem).__name__}: {text}"])

    def _for_arguments(self) -> TypeAdapter[dict[str, Any]]:
        if self._argument_adapter is None:
            self._argument_adapter = self._adapter(_collector(self._parameters))
        return self._argument_adapter

    def _for_result(self) -> TypeAdapter[Any]:
        if self._result_adapter is None:
            self._result_adapter = self._adapter(self._result)
        return self._result_adapter

    def _adapter(self, annotation: Any) -> TypeAdapter[Any]:
        from pydantic import TypeAdapter

        try:
            return TypeAdapter(annotation)
        except Exception as problem:
            raise DeclarationError(
                f"{self._where} has annotations pydantic cannot check: {_first(problem)}"
            ) from problem

    def _schema(self, adapter: TypeAdapter[Any], mode: Any) -> dict[str, Any]:
        from perdure.activities.schema import PlainSchema

        try:
            return adapter.json_schema(mode=mode, schema_generator=PlainSchema)
        except Exception as problem:
            raise DeclarationError(f"{self._where} has annotations without a JSON Schema: {problem}") from problem


def _resolved(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as problem:
        raise DeclarationError(
            f"{described(function)} has an annotation that does not resolve: {problem}; "
            "import it at run time, at the top of the module"
        ) from problem


def _exact(annotation: Any) -> type:
    if annotation is Any or annotation is object:
        return object
    return annotation if isinstance(annotation, type) and annotation in EXACT else _Checked


def _collector(declared: Sequence[inspect.Parameter]) -> Callable[..., dict[str, Any]]:
    """A function with these parameters that returns them: pydantic checks functions, this one is idle."""

    def arguments(**given: Any) -> dict[str, Any]:
        return given

    arguments.__signature__ = inspect.Signature(declared)  # type: ignore[attr-defined]
    arguments.__annotations__ = {parameter.name: parameter.annotation for parameter in declared}
    return arguments


def _problems(error: ValidationError) -> list[str]:
    problems = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"])
        message = _WORDS.get(problem["type"], problem["msg"])
        problems.append(f"{place}: {message}" if place else message)
    return problems


def _first(problem: Exception) -> str:
    """What pydantic says, without the address of its own pages below."""
    return str(problem).split("\n\n", 1)[0]
