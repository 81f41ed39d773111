"""Expressions against types: what can only fail, what may, and values that do not fit where they are put.

Asks `typing` for the type of each expression, says what inference found wrong at the very characters, and remembers
what each text gives for those who check arguments.
"""

from __future__ import annotations

import re
from typing import Final

from perdure.definition.checks.constants import UNKNOWN, Constants
from perdure.definition.checks.findings import Findings
from perdure.definition.checks.references import Reading
from perdure.definition.checks.texts import only_expression
from perdure.definition.checks.tokens import span
from perdure.definition.checks.typing import Typing
from perdure.definition.checks.written import Written
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path
from perdure.definition.types import Fault, Ground, Inference, Type, called, describe
from perdure.definition.types.lattice import BOOLEAN, LIST, NULL, NUMBER, TEXT, TEXTS, TOLD, literal
from perdure.definition.types.reading import path_of
from perdure.errors import ExpressionError
from perdure.expressions import Expression
from perdure.record import record

_WORD: Final = re.compile(r"\w+")
_NEAR: Final = 16
"""Characters behind an offset in which the word it is about stands."""


_FORMS: Final = {
    "condition": (BOOLEAN | NULL, "WF307", "a condition is true, false or null"),
    "collection": (LIST, "WF313", "foreach takes a list"),
    "choice": (BOOLEAN | NULL | NUMBER | TEXT, "WF322", "`on` takes a text, a number, a boolean or null"),
}
"""What is demanded of expressions in some places: the kinds, the code and the words where it is none of them."""


@record
class Given:
    """What a text gives; `doubt` is why it may be null."""

    type: Type
    doubt: str | None = None


class Types:
    """The types of the expressions of one definition, and what is wrong with them."""

    def __init__(self, typing: Typing, constants: Constants, findings: Findings) -> None:
        self.typing = typing
        self.constants = constants
        self.findings = findings
        self._given: dict[tuple[str, Path], Given] = {}

    def given(self, file: str, path: Path) -> Given | None:
        """What the text at a path gives; None where nothing is known of it."""
        return self._given.get((file, path))

    def check(self, expression: Expression, reading: Reading, place: Written | None) -> None:
        """One expression, in its place."""
        known, error = self.constants.value(expression)
        if error is not None:
            return
        doubt = None
        if known is not UNKNOWN:
            found = literal(known)
        else:
            inference = self.typing.inference(reading.placed, reading.slot, reading.names, self._ground(reading, place))
            found = inference.type(expression.tree)
            if place is not None:
                self._check_form(inference, expression, found, place)
                if place.path == ("branch", "on"):
                    self._check_cases(found, reading)
            doubt = _doubt(inference, expression, found)
            for fault in inference.faults:
                self._report(fault, expression, reading)
        self._given[reading.file, reading.path] = (
            Given(found, doubt) if _is_whole(reading, expression) else Given(TEXTS)
        )

    def _ground(self, reading: Reading, place: Written | None) -> Ground:
        """What is known where an expression stands: a step's own `if` holds for everything but itself."""
        placed, grounds = reading.placed, self.typing.grounds
        if place is None:
            return self.typing.ground(placed, reading.names)
        if place.path == ("if",):
            return grounds.around(placed)
        if place.path[:1] == ("branch",) and place.path[2:] == ("when",):
            return grounds.before_arm(placed, int(place.path[1]))
        return self.typing.ground(placed, place.names)

    def _check_form(self, inference: Inference, expression: Expression, found: Type, place: Written) -> None:
        """What a condition, a collection and a choice must be."""
        wanted = _FORMS.get("choice" if place.path == ("branch", "on") else place.form)
        if wanted is not None:
            kinds, code, told = wanted
            word = expression.text.strip()
            inference.demand(expression.tree, found, kinds, code, lambda: f"{told}, not {called(found)}", 0, word)

    def _check_cases(self, found: Type, reading: Reading) -> None:
        """Cases that none of the texts that `on` may be equals."""
        if found.texts is None or found.kinds & ~(NULL | TOLD) != TEXT:
            return
        for key in reading.placed.step.keys["branch"]["cases"]:
            if key not in found.texts and key != "null":
                message = f"the case {quoted(key)} never matches: `on` is {describe(found)}"
                hint = self.findings.suggestion(key, sorted(found.texts))
                self.findings.add("WF321", message, reading.file, (*reading.path[:-1], "cases", key), hint, key=True)

    def _report(self, fault: Fault, expression: Expression, reading: Reading) -> None:
        text, at = reading.text, reading.start + expression.shift + fault.offset
        hint = fault.hint
        if fault.known:
            hint = self.findings.suggestion(str(fault.keys[-1]) if fault.keys else fault.word, fault.known) or hint
        stretch = _stretch(fault, text, at)
        self.findings.add_inside(
            fault.code, fault.message, reading.file, reading.path, stretch, hint, severity=fault.severity
        )


def _doubt(inference: Inference, expression: Expression, found: Type) -> str | None:
    """Why an expression that reads one result may give null."""
    path = path_of(expression.tree) if found.kinds & TOLD else None
    member = inference.names.member(str(path[0]), path[1], inference.ground.known) if path and len(path) == 2 else None
    return None if member is None else member.doubt


def _stretch(fault: Fault, text: str, at: int) -> tuple[int, int]:
    """The characters that a fault is about."""
    if fault.keys or (text.startswith(fault.word, at) and fault.word):
        return span(text, at, fault.word, fault.keys)
    if fault.before:
        found = text.rfind(fault.word, 0, at)
    else:
        found = text.find(fault.word, at, at + _NEAR) if fault.word else -1
    if found >= 0:
        return found, found + len(fault.word)
    word = _WORD.match(text, at)
    return (at, word.end()) if word is not None else (min(at, len(text) - 1), min(at, len(text) - 1) + 1)


def _is_whole(reading: Reading, expression: Expression) -> bool:
    """Whether a text is nothing but an expression, whose value it has then."""
    if expression.shift or expression.text == reading.text:
        return True
    try:
        return only_expression(reading.text) is expression
    except ExpressionError:
        return False
