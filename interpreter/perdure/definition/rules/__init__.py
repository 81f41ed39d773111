"""The registry of rules: every code a diagnostic may carry, with the words that explain it."""

from perdure.definition.rules.activities import ACTIVITIES
from perdure.definition.rules.control import CONTROL
from perdure.definition.rules.expressions import EXPRESSIONS
from perdure.definition.rules.reading import READING
from perdure.definition.rules.reliability import RELIABILITY
from perdure.definition.rules.rule import GROUPS, Rule, Severity
from perdure.definition.rules.structure import STRUCTURE
from perdure.definition.rules.style import STYLE
from perdure.definition.rules.testing import TESTING

RULES: dict[str, Rule] = {
    **READING,
    **STRUCTURE,
    **EXPRESSIONS,
    **CONTROL,
    **RELIABILITY,
    **ACTIVITIES,
    **STYLE,
    **TESTING,
}

__all__ = ["GROUPS", "RULES", "Rule", "Severity"]
