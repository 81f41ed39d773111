"""What a project wants of the rules: which are off or on, how much each weighs, and what is left alone where.

Knows neither the project's file (see `perdure.activities.configuration`) nor the command line. Errors stay errors:
a definition that cannot run is not mended by a setting; rules about activities apart, as another machine has them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field, replace
from fnmatch import fnmatchcase
from typing import Any, Final, get_args

from perdure.definition.diagnostics import Diagnostic, did_you_mean, in_order
from perdure.definition.rules import RULES, Rule, Severity
from perdure.errors import PerdureError
from perdure.record import record

SEVERITIES: Final = get_args(Severity)
KEYS: Final = ("select", "ignore", "severity", "per_path_ignore")


class LintProblem(PerdureError):
    """The settings of the rules are wrong; `path` leads to the key that is."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


@record
class Lint:
    """The project's word on the rules; `select` switches rules on that are off, as warnings."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    per_path_ignore: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def weighed(self, found: Iterable[Diagnostic], named: Callable[[str], str] = str) -> list[Diagnostic]:
        """Each finding once, by place, as heavy as the project wants it; those of rules that are off are `off`.

        `named` gives a file's path as the patterns see it: relative to the project, with slashes.
        """
        return in_order(self._weighed(one, named) for one in found)

    def _weighed(self, one: Diagnostic, named: Callable[[str], str]) -> Diagnostic:
        rule = RULES[one.code]
        severity = one.severity
        if may_be_silenced(rule):
            word = max((word for word in self.severity if means(word, rule)), key=_exactness, default=None)
            if word is not None:
                severity = self.severity[word]
            elif severity == "off" and is_among(rule, self.select):
                severity = "warning"
            if is_among(rule, self.ignore) or is_among(rule, self._left_alone(named(one.place.file))):
                severity = "off"
        return one if severity == one.severity else replace(one, severity=severity)

    def _left_alone(self, file: str) -> list[str]:
        fitting = (words for pattern, words in self.per_path_ignore.items() if fnmatchcase(file, pattern))
        return [word for words in fitting for word in words]


def may_be_silenced(rule: Rule) -> bool:
    """Whether a definition can run although the rule is broken, here or on another machine."""
    return rule.severity != "error" or rule.code.startswith("WF6")


def means(word: str, rule: Rule) -> bool:
    """Whether a code, a prefix of codes or a name means a rule."""
    return rule.code.startswith(word) or rule.name == word


def is_among(rule: Rule, words: Collection[str]) -> bool:
    return any(means(word, rule) for word in words)


def read_lint(table: Any) -> Lint:
    """The settings as a configuration holds them; raises LintProblem for the first that is wrong."""
    if not isinstance(table, dict):
        raise LintProblem(f"must be a table, not {table!r}")
    for key in table:
        if key not in KEYS:
            raise LintProblem(_unknown("setting", key, KEYS), key)
    per_path = table.get("per_path_ignore", {})
    if not isinstance(per_path, dict):
        raise LintProblem(f"must be a table of paths, not {per_path!r}", "per_path_ignore")
    return Lint(
        _words(table.get("select", []), "select"),
        _silencing(table.get("ignore", []), "ignore"),
        _severities(table.get("severity", {})),
        {pattern: _silencing(words, "per_path_ignore", pattern) for pattern, words in per_path.items()},
    )


def _words(given: Any, *path: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(word, str) and word for word in given):
        raise LintProblem(f"must be a list of codes, prefixes of codes or names, not {given!r}", *path)
    for word in given:
        _meant(word, *path)
    return tuple(given)


def _silencing(given: Any, *path: str) -> tuple[str, ...]:
    words = _words(given, *path)
    for word in words:
        _refuse_errors(word, "ignored", *path)
    return words


def _severities(given: Any) -> dict[str, Severity]:
    if not isinstance(given, dict):
        raise LintProblem(f"must be a table such as {{WF405 = 'error'}}, not {given!r}", "severity")
    for word, severity in given.items():
        _meant(word, "severity", word)
        if severity not in SEVERITIES:
            raise LintProblem(f"must be one of {', '.join(SEVERITIES)}, not {severity!r}", "severity", word)
        if severity != "error":
            _refuse_errors(word, "made less", "severity", word)
    return given


def _meant(word: str, *path: str) -> list[Rule]:
    found = [rule for rule in RULES.values() if word and means(word, rule)]
    if not found:
        raise LintProblem(_unknown("rule", word, [*RULES, *(rule.name for rule in RULES.values())]), *path)
    return found


def _refuse_errors(word: str, what: str, *path: str) -> None:
    """A prefix may take in errors, which it leaves as they are; a word that means nothing else is a mistake."""
    if not any(may_be_silenced(rule) for rule in _meant(word, *path)):
        raise LintProblem(f"{word[:60]} is an error, which cannot be {what}: the definition cannot run", *path)


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    hint = did_you_mean(word, known)
    return f"there is no {what} {word[:60]!r}" + (f"; {hint}" if hint else "")


def _exactness(word: str) -> int:
    return len(word) if word.startswith("WF") else len(RULES)
