"""No false alarms: what types say can only fail never succeeds in the oracle, whatever the definition and the script.

Random programs, some of whose expressions are bent so that many can only fail. `PERDURE_ORACLE_PROGRAMS=10000` makes
a long run.
"""

from __future__ import annotations

import json
import os
from random import Random
from typing import Any

from fakes import child, fake, post
from hypothesis import assume, given, note
from hypothesis import strategies as st
from oracle import Oracle
from programs import programs
from sampling import drawn
from test_oracle import INPUT, plan_oracle

from perdure.definition import examine
from perdure.testing.harness import STARTED_AT
from perdure.values import JSON

USUAL = 100
PROGRAMS = int(os.environ.get("PERDURE_ORACLE_PROGRAMS", USUAL))

KINDS: dict[str, tuple[type, ...]] = {
    "WF307": (bool, type(None)), "WF313": (list,), "WF322": (bool, type(None), int, float, str),
    "WF311": (), "WF319": (), "WF320": (),
}  # fmt: skip
"""The errors of types in expressions, and the values that they say an expression never has; none where it has no value
at all."""

TYPED = {
    "type": "object",
    "required": ["yes", "no", "n", "text"],
    "properties": {
        "yes": {"type": "boolean"}, "no": {"const": False}, "n": {"type": "integer"}, "text": {"enum": ["x", "y"]},
    },
    "additionalProperties": False,
}  # fmt: skip

BENT = (
    "({}) + 1", "({}) ~ 'a'", "({}).a", "({}) | upper", "({})[0]", "({}) | length", "({}) == 'yes'", "({}).answer",
    "({}) | default(1, true) + 1", "({}) | map(attribute='a') | list",
    "(({}) or {{'a': 1}}).a", "not ({})", "({}) is none or input.n",
    "[{}] | first | int", "({}).a.a", "({}) | items | list", "({}) in [1, 2]", "({}) < 3", "-({})", "({}) | sum",
)  # fmt: skip
"""What is made of some of the expressions; some of it always fails. None may leave a part out: an error in such a part
is one although the whole has a value."""

BARE = ("if", "when", "while", "until", "foreach", "on", "accept")


class Listening(Oracle):
    """An oracle that remembers which texts had a value, and which."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__({"main.yaml": document}, fake, INPUT, STARTED_AT, post=post, child=child)
        self.heard: dict[str, list[JSON]] = {}

    def value(self, written: Any, place: Any, step: Any) -> JSON:
        found = super().value(written, place, step)
        for text in _texts(written):
            self.heard.setdefault(text, []).append(found)
        return found

    def expression(self, written: Any, place: Any, step: Any) -> JSON:
        found = super().expression(written, place, step)
        if isinstance(written, str):
            self.heard.setdefault(written, []).append(found)
        return found


@drawn(PROGRAMS, USUAL)
@given(programs(), st.randoms(use_true_random=False), st.booleans())
def test_what_types_call_an_error_never_succeeds(
    made: tuple[dict[str, Any], list[dict[str, Any]]], random: Random, typed: bool
) -> None:
    document, script = bent(made[0], random), made[1]
    if typed:
        document["input"] = TYPED
    text = json.dumps(document, indent=0)
    errors = [found for found in examine(f"{text}\n").diagnostics if found.severity == "error"]
    assume(errors and all(found.code in KINDS for found in errors))
    lines = text.splitlines()
    oracle = Listening(document)
    for number, entry in enumerate(script):
        plan_oracle(oracle, entry, number)
    oracle.go()
    for found in errors:
        values = oracle.heard.get(_text_of(lines[found.place.line - 1]), [])
        kinds = KINDS[found.code]
        wrong = [value for value in values if not kinds or isinstance(value, kinds)]
        if wrong:
            note(text)
            note(f"{found.code} {found.message}: {lines[found.place.line - 1]} gives {wrong}")
        assert not wrong


def bent(value: Any, random: Random) -> Any:
    """A definition some of whose expressions are others; no two have the same text."""
    count = iter(range(1, 10_000))

    def changed(part: Any, name: str) -> Any:
        if isinstance(part, dict):
            return {key: changed(inner, key) for key, inner in part.items()}
        if isinstance(part, list):
            return [changed(inner, name if name not in BARE else "") for inner in part]
        if not isinstance(part, str) or not (part.startswith("{{ ") or name in BARE):
            return part
        bare = part[3:-3] if part.startswith("{{ ") else part
        if random.random() < 0.3 and not bare.startswith("'"):
            bare = random.choice(BENT).format(bare)
        bare += " " * next(count)  # that makes it the only one of its kind
        return f"{{{{ {bare} }}}}" if part.startswith("{{ ") else bare

    return changed(value, "")


def _texts(value: JSON) -> list[str]:
    if isinstance(value, dict | list):
        return [text for part in (value.values() if isinstance(value, dict) else value) for text in _texts(part)]
    return [value] if isinstance(value, str) and "{{" in value else []


def _text_of(line: str) -> str:
    """The text of a line of JSON that has one value, behind its key perhaps."""
    written = line.strip().removesuffix(",")
    try:
        (found,) = json.loads(f"{{{written}}}").values()
    except ValueError:
        found = json.loads(written)
    assert isinstance(found, str), line
    return found
