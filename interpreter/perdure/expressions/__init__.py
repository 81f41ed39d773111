"""Expressions and templates: compiled once, evaluated on data within a budget."""

from perdure.expressions.builtin import Builtin, Parameter
from perdure.expressions.catalogue import FILTERS, FUNCTIONS, TESTS
from perdure.expressions.expression import Expression, compile_expression
from perdure.expressions.handing import altered
from perdure.expressions.scope import Ambient
from perdure.expressions.template import Template, compile_template, find_problems
from perdure.expressions.visitor import Reference

__all__ = [
    "FILTERS",
    "FUNCTIONS",
    "TESTS",
    "Ambient",
    "Builtin",
    "Expression",
    "Parameter",
    "Reference",
    "Template",
    "altered",
    "compile_expression",
    "compile_template",
    "find_problems",
]
